"""HART-IP: gateways, field devices, and commands that write."""

from __future__ import annotations

import pytest

from pcaps.dissectors.hart_ip import IDENTITY, SESSION, command, message
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.hart_ip import HartIp
from tests.dissectors.samples import events, packets, values

DEVICE = ("HartDevice", 176, 0xB013, "dd4ee3", 1)

# Events of each datagram of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "session": ([("HartMessage", 0, 0, 0)], []),
    "opened": ([("HartMessage", 1, 0, 0)], []),
    "read": ([("HartRequest", 0, "", False)], []),
    "identity": ([DEVICE], [("hart_ip.role", "HART device"), ("hart_ip.manufacturer", "176")]),
    "keep-alive": ([("HartMessage", 0, 2, 0)], []),
    "error": ([("HartMessage", 1, 3, 5)], []),
}


def dissect(payload: bytes) -> list[object]:
    return list(HartIp().dissect(Packet(payload, dport=5094, sport=50000)))


def feed(*parts: tuple[bool, bytes]) -> list[object]:
    stream = HartIp().stream(Packet())
    return [parsed for from_client, part in parts for parsed in stream.feed(Packet(proto=6), part, from_client)]


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_datagrams(number: int, name: str) -> None:
    parsed = list(HartIp().dissect(packets("hart_ip")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_stream() -> None:
    """Reads are reported once, writes always; the identity of a device behind the gateway is no observation."""
    parsed = feed(*[(packet.dport == 5094, packet.payload) for packet in packets("hart_ip") if packet.proto == 6])
    assert events(parsed) == [
        ("HartMessage", 0, 0, 0),
        ("HartRequest", 0, "", False),
        DEVICE,
        ("HartRequest", 35, "write range", True),
        ("HartRequest", 35, "write range", True),
    ]
    assert values(parsed) == []


def test_others_report_nothing() -> None:
    """Other protocols, and messages whose size is not that of the datagram."""
    for payload in (b"", b"GET / HTTP/1.1\r\n\r\n", SESSION + b"\0", SESSION[:-1], b"\1\x09" + SESSION[2:]):
        assert dissect(payload) == []
    assert feed((True, b"GET / HTTP/1.1\r\n\r\n"), (True, SESSION)) == []


def test_malformed() -> None:
    for payload in (message(0, 3, b"\x82\0\0"), message(1, 3, b"\x06\x80\0\x40" + IDENTITY[:4])):
        with pytest.raises(Malformed):
            dissect(payload)
    assert events(dissect(command(0, IDENTITY[:9], answer=True))) == [("HartMessage", 1, 3, 0)]
