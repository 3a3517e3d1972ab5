"""Truncated discovery messages of vendors: their complete fields are facts, part of a field never is."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.dissectors.dhip import Dhip
from sensor.dissectors.edimax import Edimax
from sensor.dissectors.gdm import Gdm
from sensor.dissectors.playstation import Playstation
from sensor.dissectors.sadp import Sadp
from sensor.dissectors.sddp import Sddp
from sensor.dissectors.shared.discovery import Discovery
from sensor.dissectors.ubiquiti import Ubiquiti
from sensor.dissectors.xmeye import Xmeye
from sensor.dissectors.yeelight import Yeelight
from tests.dissectors.samples import packets, values

UNITS: tuple[type[Discovery], ...] = (
    Dhip, Edimax, Gdm, Playstation, Sadp, Sddp, Ubiquiti, Xmeye, Yeelight,
)  # fmt: skip
ELSEWHERE = 0x020000000001


def cut(packet: Packet, size: int, *, src: int | None = None, src_mac: int | None = None) -> Packet:
    """The packet as a snapshot length leaves it, possibly from another sender."""
    ends = {"sport": packet.sport, "dport": packet.dport}
    mac = packet.src_mac if src_mac is None else src_mac
    return Packet(packet.payload[:size], src=packet.src if src is None else src, src_mac=mac, problem=1, **ends)


@pytest.mark.parametrize("unit", UNITS, ids=[unit.__name__.lower() for unit in UNITS])
def test_complete_fields_are_facts(unit: type[Discovery]) -> None:
    """At every length, what is reported is part of what the whole message reports, and the first facts come early."""
    partial = 0
    for packet in packets(unit.__name__.lower()):
        whole = set(values(unit().dissect(packet)))
        for size in range(len(packet.payload)):
            found = set(values(unit().dissect(cut(packet, size))))
            assert found <= whole
            partial += bool(found) and found != whole
    assert partial > 0


@pytest.mark.parametrize("unit", [Dhip, Edimax, Sadp, Sddp, Ubiquiti, Xmeye, Yeelight])
def test_a_message_about_another_device(unit: type[Discovery]) -> None:
    """A recorder answers for its cameras: without the identity, which may have been cut off, there are no facts."""
    whole = 0
    for packet in packets(unit.__name__.lower()):
        for size in range(len(packet.payload) + 1):
            sender = cut(packet, size, src=0xFFFF0A090909, src_mac=ELSEWHERE)
            assert values(unit().dissect(sender)) in ([], [("edimax.search", "yes")])
        whole += bool(values(unit().dissect(packet)))
    assert whole > 0
