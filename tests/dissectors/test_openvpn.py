"""OpenVPN: the answer of a server, over UDP and TCP."""

from __future__ import annotations

import pytest

from pcaps.dissectors.openvpn import CLIENT_RESET, SIGNED, reset
from sensor.core.packet import Packet
from sensor.dissectors.openvpn import Openvpn
from tests.dissectors.samples import events, packets

UDP, TCP = 17, 6


def test_sample() -> None:
    """Answers with a readable acknowledgment are recognized on any port, signed ones on that of OpenVPN."""
    parsed = [one for packet in packets("openvpn") if packet.proto == UDP for one in Openvpn().dissect(packet)]
    assert events(parsed) == [
        ("OpenvpnServerReset", False),
        ("OpenvpnServerReset", False),
        ("OpenvpnServerReset", True),
    ]


def test_over_tcp() -> None:
    """The server's first message is read, and nothing else of the connection; of other protocols nothing."""
    segments = [packet for packet in packets("openvpn") if packet.proto == TCP]
    stream = Openvpn().stream(segments[0])
    found = [(events(stream.feed(packet, packet.payload, packet.dport == 443)), stream.done) for packet in segments]
    assert found == [([], False), ([("OpenvpnServerReset", False)], True)]
    other = Openvpn().stream(segments[0])
    assert (list(other.feed(segments[0], b"GET / HTTP/1.1\r\n\r\n", True)), other.done) == ([], True)


@pytest.mark.parametrize(
    ("payload", "port"),
    [
        (b"", 1194),
        (CLIENT_RESET, 1194),
        (reset()[:-1], 1194),
        (SIGNED, 443),
        (b"\x40" + bytes(25), 1194),
        (b"\x48" + reset()[1:], 1194),
    ],
)
def test_others_report_nothing(payload: bytes, port: int) -> None:
    """Clients, truncated answers, signed ones of another port, and other opcodes yield nothing."""
    assert list(Openvpn().dissect(Packet(payload, sport=port, dport=40000))) == []
