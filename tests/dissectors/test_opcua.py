"""OPC UA: applications, endpoints, logins and requests that write."""

from __future__ import annotations

import pytest

from pcaps.dissectors.opcua import (
    ACTIVATED,
    CERTIFICATE,
    DENIED,
    PLC,
    REQUEST_HEAD,
    SESSION,
    WRITE,
    activate,
    channel,
    endpoint,
    endpoints,
    hello,
    login,
    message,
    response_head,
    service,
)  # fmt: skip
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.opcua import Opcua
from sensor.dissectors.shared.seal import seal
from tests.dissectors.samples import events, packets, values

SERVER, PRODUCT, CLIENT = "Press line", "https://www.siemens.com/s7-1500", "urn:UnifiedAutomation:UaExpert"
NONE = ("OpcuaChannel", "None")

# Events of each connection of the sample capture, and observations.
EXPECTED: dict[int, tuple[list[object], list[tuple[str, str]]]] = {
    50480: (
        [
            NONE,
            ("OpcuaApplication", SERVER, "urn:plc-7:server", PRODUCT),
            ("OpcuaEndpoints", ("None", "SignAndEncrypt"), True),
        ],
        [("opcua.server", SERVER), ("opcua.server_product", PRODUCT), ("opcua.server_uri", "urn:plc-7:server")],
    ),
    50481: (
        [
            NONE,
            ("OpcuaApplication", "UaExpert@PC7", "urn:pc7", CLIENT),
            ("OpcuaLogin", "operator", "clear", True, seal("operator", b"opc-1")),
            ("OpcuaRequest", "write", True),
        ],
        [("opcua.client", "UaExpert@PC7"), ("opcua.client_product", CLIENT), ("opcua.client_uri", "urn:pc7")],
    ),
    50482: ([NONE, ("OpcuaLogin", "", "none", True, "")], []),
    50483: ([NONE, ("OpcuaLogin", "admin", "password", False, "")], []),
    50484: (
        [
            ("OpcuaChannel", "Basic256Sha256"),
            ("OpcuaApplication", "UaExpert@PC7", "urn:pc7:UnifiedAutomation:UaExpert", ""),
            ("OpcuaApplication", "PLC-1/OPCUA-1", PLC, ""),
        ],
        [
            ("opcua.client", "UaExpert@PC7"),
            ("opcua.client_uri", "urn:pc7:UnifiedAutomation:UaExpert"),
            ("opcua.server", "PLC-1/OPCUA-1"),
            ("opcua.server_uri", PLC),
            ("opcua.certificate", "CN=PLC-1/OPCUA-1, O=Example"),
        ],
    ),
}


def feed(*parts: tuple[bool, bytes]) -> list[object]:
    stream = Opcua().stream(Packet())
    return [parsed for from_client, part in parts for parsed in stream.feed(Packet(proto=6), part, from_client)]


def session(*parts: tuple[bool, bytes]) -> list[object]:
    """Events in a channel without security."""
    return events(feed((True, hello()), (True, channel(b"None")), *parts))[1:]


@pytest.mark.parametrize("port", EXPECTED)
def test_connections(port: int) -> None:
    found = [packet for packet in packets("opcua") if port in (packet.sport, packet.dport)]
    parsed = feed(*[(packet.dport == 4840, packet.payload) for packet in found])
    assert (events(parsed), values(parsed)) == EXPECTED[port]


def test_endpoints_with_long_certificates() -> None:
    """The server is identified by the first endpoint, whether or not all of them are kept."""
    answer = endpoints(*[endpoint(2, 1, b"\x30" * 3000) for _ in range(6)])
    assert session((False, answer)) == [
        ("OpcuaApplication", SERVER, "urn:plc-7:server", PRODUCT),
        ("OpcuaEndpoints", ("Sign",), False),
    ]


def test_a_secure_channel_without_a_certificate() -> None:
    """Its policy is reported; encrypted messages are ignored, and so is a second opening behind them."""
    secured, sealed = channel(b"Aes128_Sha256_RsaOaep"), message(b"MSG", bytes(16) + b"\x99" * 40)
    parsed = feed((True, hello()), (True, secured), (True, sealed), (False, secured), (True, secured))
    assert events(parsed) == [("OpcuaChannel", "Aes128_Sha256_RsaOaep")]


def test_an_invalid_certificate() -> None:
    with pytest.raises(Malformed):
        feed((True, hello()), (True, channel(b"Basic256", b"\x30\x82\x01\0" + bytes(256))))


def test_logins() -> None:
    """Certificates, other errors than a rejection, and a response without its request."""
    certificate = activate(CERTIFICATE, b"x509", b"\x30" * 20)
    assert session((True, certificate), (False, ACTIVATED)) == [("OpcuaLogin", "", "certificate", True, "")]
    busy = service(397, response_head(0x80020000))
    assert session((True, login(b"a", b"b", None)), (False, busy)) == session((False, DENIED)) == []


def test_calls_and_changes_of_the_address_space() -> None:
    calls = [(True, service(number, REQUEST_HEAD)) for number in (712, 488, 500, 631)]
    assert [event[1] for event in session(*calls)] == ["call method", "add nodes", "delete nodes"]


def test_a_channel_from_its_middle_yields_nothing() -> None:
    """Without its opening it is not known whether a channel is encrypted."""
    assert feed((True, WRITE), (True, SESSION), (False, ACTIVATED)) == []


def test_malformed() -> None:
    """Messages of other protocols, services that end early, and arrays that are too long."""
    many = service(431, response_head() + b"\xff\xff\xff\x7f")
    for parts in ([(True, b"GET / HTTP/1.1\r\n")], [(True, channel(b"None")), (False, many)]):
        with pytest.raises(Malformed):
            feed(*parts)
    for number in (461, 467):
        with pytest.raises(Malformed):
            session((True, service(number, REQUEST_HEAD[:-2])))
    assert feed((True, message(b"ERR", bytes(8)))) == []
