"""Offers to form a trunk (DTP): the attack, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.alert import Severity
from sensor.core.device import Attribute, Device
from sensor.core.event import Event
from sensor.core.observation import Evidence, Subject
from sensor.core.packet import Packet
from sensor.dissectors.dtp import DtpMessage
from sensor.dissectors.stp import StpConfiguration
from tests.detectors.stories import SECOND, START, World, detector, inspected, one

HOPPING = "lateral_movement.vlan_hopping"
SWITCH, ATTACKER = 0x001C0E877800, 0x525400123499


def offer(at: float, mac: int = ATTACKER, mode: str = "desirable") -> Event:
    packet = Packet(ts=START + int(at * SECOND), src_mac=mac, ethertype=0x2004, ip_version=0, proto=0)
    return DtpMessage(packet, mode, False, "", mac)


class Known(World):
    """A context with one device, known by its MAC, with a value of one attribute."""

    def __init__(self, mac: int, attribute: str, value: str) -> None:
        super().__init__()
        evidence = Evidence(attribute, value, 0.9, "f", "cdp", "k", "s", START, START)
        self._mac, attributes = mac, {attribute: Attribute(attribute, value, 0.9, (evidence,))}
        self._device = Device("dev-1", f"mac:{mac}", START, START, names={}, attributes=attributes)

    def device(self, subject: Subject) -> Device | None:
        return self._device if subject.mac == self._mac else None


def test_a_host_that_wants_a_trunk() -> None:
    """A host that offers a trunk raises an alert; the switch would accept it."""
    story = [offer(0, SWITCH, "auto"), *[offer(30 * n) for n in range(1, 5)]]
    alert = one(inspected(detector(HOPPING, Known(SWITCH, "type", "switch")), story))
    assert (alert.actor.mac, alert.severity, alert.numbers["seconds"]) == (ATTACKER, Severity.medium, 30)
    assert alert.techniques[0].technique == "T1599"


def test_ports_of_switches() -> None:
    """A port in default mode, offers for some seconds only, a switch (by other messages or known), and an unknown Cisco
    sender raise no alert.
    """
    assert inspected(detector(HOPPING), [offer(30 * n, mode="auto") for n in range(9)]) == []
    assert inspected(detector(HOPPING), [offer(n) for n in range(9)]) == []
    packet = Packet(ts=START, src_mac=SWITCH, ethertype=0x42, ip_version=0, proto=0)
    bridge = StpConfiguration(packet, "rstp", SWITCH, 0x8000, 0, SWITCH, 0x8000, 1, False, 0, "")
    assert inspected(detector(HOPPING), [bridge, *[offer(n, SWITCH, "on") for n in range(90)]]) == []
    for world in (Known(SWITCH, "type", "switch"), Known(SWITCH, "vendor", "Cisco")):
        assert inspected(detector(HOPPING, world), [offer(n, SWITCH) for n in range(90)]) == []


def test_repetition_is_one_finding() -> None:
    assert one(inspected(detector(HOPPING), [offer(30 * n) for n in range(20)]))
