"""KNXnet/IP: gateways, connections, and requests that program devices."""

from __future__ import annotations

import pytest

from pcaps.dissectors.knx import NAME, SERIAL, description, message, tunnel
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.knx import Knx
from tests.dissectors.samples import events, packets, values

GATEWAY = ("KnxDevice", NAME.decode(), "1.1.128", SERIAL.hex())
FACTS = [
    ("knx.role", "gateway"),
    ("knx.friendly_name", NAME.decode()),
    ("knx.manufacturer", "197"),
    ("knx.serial", SERIAL.hex()),
]

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "search": ([("KnxSearch",)], []),
    "found": ([GATEWAY], FACTS),
    "another one behind it": ([("KnxDevice", "Annex", "1.1.128", SERIAL.hex())], []),
    "description": ([GATEWAY], FACTS),
    "connect": ([("KnxConnect", "tunnel", False, 0)], []),
    "connected": ([("KnxConnect", "tunnel", True, 0)], []),
    "no more connections": ([("KnxConnect", "", True, 0x24)], []),
    "group telegram": ([("KnxMessage", 0x0420)], []),
    "restart": ([("KnxRequest", "1.1.7", "restart device", True)], []),
    "memory": ([("KnxRequest", "1.1.7", "program memory", True)], []),
    "confirmation": ([("KnxMessage", 0x0420)], []),
    "disconnect": ([("KnxMessage", 0x0209)], []),
}


def dissect(payload: bytes) -> list[object]:
    return list(Knx().dissect(Packet(payload, dport=3671, sport=50000)))


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event; a response about another gateway no observation."""
    parsed = list(Knx().dissect(packets("knx")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def feed(*parts: tuple[bool, bytes]) -> list[object]:
    """Messages over TCP."""
    stream = Knx().stream(Packet())
    found = []
    for from_client, part in parts:
        ports = {"dport": 3671} if from_client else {"sport": 3671}
        found += list(stream.feed(Packet(proto=6, **ports), part, from_client))
    return found


def test_connection_over_tcp() -> None:
    """The same messages; those that are not parsed are reported once."""
    parsed = feed(*[(packet.dport == 3671, packet.payload) for packet in packets("knx") if packet.proto == 6])
    assert events(parsed) == [
        ("KnxConnect", "tunnel", False, 0),
        ("KnxConnect", "tunnel", True, 0),
        ("KnxMessage", 0x0420),
        ("KnxRequest", "1.1.7", "restart device", True),
        ("KnxRequest", "1.1.7", "factory reset", True),
    ]
    reset = tunnel(0x0381)
    for at in range(1, len(reset)):
        assert len(events(feed((True, reset[:at]), (True, reset[at:])))) == 1
    with pytest.raises(Malformed):
        feed((True, b"GET / HTTP/1.1\r\n\r\n"))


def test_gateway_without_a_serial_number() -> None:
    found = message(0x0204, description("00:00:00:00:00:00", bytes(6)))
    assert values(dissect(found)) == [("knx.role", "gateway"), ("knx.friendly_name", NAME.decode())]


@pytest.mark.parametrize(
    ("service", "name"),
    [(0x0C0, "write individual address"), (0x381, "factory reset"), (0x3D7, "write property"), (0x3D3, "write key")],
)
def test_requests_that_program(service: int, name: str) -> None:
    assert events(dissect(tunnel(service))) == [("KnxRequest", "1.1.7", name, True)]


@pytest.mark.parametrize("payload", [b"", b"\x06\x10\x02\x01\0\x0e", message(0x0777, b""), b"GET / HTTP/1.1\r\n\r\n"])
def test_others_report_nothing(payload: bytes) -> None:
    assert dissect(payload) == []


def test_malformed() -> None:
    for payload in (message(0x0202, b"\x08\x01\0"), message(0x0206, b"\x01"), message(0x0420, b"\x04\x01\0\0\x11")):
        with pytest.raises(Malformed):
            dissect(payload)
