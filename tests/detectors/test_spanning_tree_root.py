"""Spoofed spanning tree roots: the attack, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import mac_text
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.stp import StpConfiguration
from tests.detectors.stories import START, detector, inspected, one

ROOT = "credential_access.spanning_tree_root"
SWITCH, OTHER, ATTACKER = 0x001C0E877800, 0x001C0E990000, 0x525400123499


def bpdu(at: float, mac: int, priority: int, *, root: int = 0, cost: int = 0, vlan: int = 0) -> Event:
    """A BPDU; ``root`` is the root bridge that it contains, the sender itself by default."""
    packet = Packet(ts=START + int(at * SECOND), src_mac=mac, ethertype=0x42, vlan=vlan, ip_version=0, proto=0)
    return StpConfiguration(packet, "stp", root or mac, priority, cost, mac, priority, 1, False, 0, "")


def test_a_new_root_with_a_better_priority() -> None:
    """The sender's MAC is the actor, the former root the target."""
    [alert] = inspected(detector(ROOT), [bpdu(0, SWITCH, 0x8000), bpdu(60, SWITCH, 0x8000), bpdu(90, ATTACKER, 0)])
    assert alert.target is not None
    assert (alert.actor.mac, alert.target.mac, alert.severity) == (ATTACKER, SWITCH, Severity.medium)
    assert alert.techniques[0].technique == "T1557"


def test_the_same_priority_with_a_smaller_mac() -> None:
    """The same priority with a lower MAC raises an alert, as attack tools send it."""
    assert one(inspected(detector(ROOT), [bpdu(0, SWITCH, 0x8000), bpdu(60, SWITCH - 1, 0x8000)]))


def test_benign_twins_are_quiet() -> None:
    """A starting switch that does not become root, the initial election, another segment, a root whose priority
    changes, and a bridge below the root raise no alert.
    """
    for story in (
        [bpdu(0, SWITCH, 0x8000), bpdu(60, OTHER, 0x8000)],
        [bpdu(0, OTHER, 0x8000), bpdu(3, SWITCH, 0x8000)],
        [bpdu(0, SWITCH, 0x8000, vlan=10), bpdu(60, ATTACKER, 0, vlan=20)],
        [bpdu(0, SWITCH, 0x8000), bpdu(60, SWITCH, 0x1000)],
        [bpdu(0, SWITCH, 0x8000), bpdu(60, ATTACKER, 0, root=SWITCH, cost=4)],
    ):
        assert inspected(detector(ROOT), story) == []


def test_a_replacement_that_is_announced() -> None:
    """A root of the option raises no alert."""
    story = [bpdu(0, SWITCH, 0x8000), bpdu(60, OTHER, 0x1000)]
    assert inspected(detector(ROOT, roots=(mac_text(OTHER),)), story) == []


def test_repetition_is_one_finding() -> None:
    """Repeated BPDUs of a new root are one alert."""
    assert one(inspected(detector(ROOT), [bpdu(0, SWITCH, 0x8000), *[bpdu(60 + n, ATTACKER, 0) for n in range(30)]]))
