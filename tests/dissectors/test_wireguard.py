"""WireGuard: the two messages of a handshake."""

from __future__ import annotations

import pytest

from pcaps.dissectors.wireguard import initiation, response
from sensor.core.packet import Packet
from sensor.dissectors.wireguard import Wireguard
from tests.dissectors.samples import events, packets, values


def test_sample() -> None:
    """The response names the index of the initiation, on any port."""
    parsed = [one for packet in packets("wireguard") for one in Wireguard().dissect(packet)]
    assert events(parsed) == [
        ("WireguardInitiation", 0x1C1048B0),
        ("WireguardResponse", 0x1C1048B0),
        ("WireguardInitiation", 0x2D2159C1),
        ("WireguardResponse", 0x2D2159C1),
    ]
    assert values(parsed) == []


@pytest.mark.parametrize(
    "payload",
    [b"", initiation(7)[:-1], response(7, 8) + b"\0", b"\x03" + bytes(63), b"\x04" + bytes(91), b"\x01" + bytes(91)],
)
def test_others_report_nothing(payload: bytes) -> None:
    """Truncated messages, other sizes, cookies, data and other protocols yield nothing."""
    assert list(Wireguard().dissect(Packet(payload))) == []
