"""Offers to form a trunk (DTP): the attack, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.alert import Severity
from sensor.core.batch import Problem
from sensor.core.device import Attribute, Device
from sensor.core.event import Event
from sensor.core.observation import Evidence, Subject
from sensor.core.packet import Packet
from sensor.dissectors.arp import ArpRequest
from sensor.dissectors.dtp import DtpMessage
from sensor.dissectors.icmp import IcmpEcho, IcmpEchoReply
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


ROUTER = 0x525400123401


def echo(at: float, mac: int = ATTACKER, *, reply: bool = False, tags: int = 2, to: int = ROUTER) -> Event:
    problem = Problem.NESTED_TAG if tags > 1 else 0
    packet = Packet(
        ts=START + int(at * SECOND), src_mac=mac, dst_mac=to, src=7, dst=9, vlan=1, proto=1, problem=problem
    )
    return (IcmpEchoReply if reply else IcmpEcho)(packet, 1, 1, 8)


def requested(at: float, mac: int = ROUTER, problem: int = 0) -> Event:
    packet = Packet(ts=START + int(at * SECOND), src_mac=mac, ethertype=0x0806, ip_version=0, proto=0, problem=problem)
    return ArpRequest(packet, mac, 5, 6)


def test_frames_with_two_tags() -> None:
    """A host that sends frames with two tags, among others that do not, raises an alert."""
    alert = one(inspected(detector(HOPPING), [requested(0), *[echo(n) for n in range(1, 9)]]))
    assert (alert.actor.mac, alert.numbers["frames"], alert.techniques[0].technique) == (ATTACKER, 2, "T1599")
    assert len(inspected(detector(HOPPING), [requested(0), echo(1, to=(1 << 48) - 1)])) == 1


def test_links_of_providers() -> None:
    """Tags that all stations nest, tags in both directions, a switch, a single frame, and frames with one tag raise no
    alert.
    """
    nested = [requested(n, problem=Problem.NESTED_TAG) for n in range(9)]
    assert inspected(detector(HOPPING), nested) == []
    both = [requested(0), *(each for n in range(1, 9) for each in (echo(n), echo(n + 0.1, ROUTER, reply=True)))]
    assert inspected(detector(HOPPING), both) == []
    switch = detector(HOPPING, Known(ATTACKER, "type", "switch"))
    assert inspected(switch, [requested(0), *[echo(n) for n in range(1, 9)]]) == []
    assert inspected(detector(HOPPING), [requested(0), echo(1)]) == []
    assert inspected(detector(HOPPING), [requested(0), *[echo(n, tags=1) for n in range(9)]]) == []


def test_repeated_frames_with_two_tags_are_one_finding() -> None:
    assert len(inspected(detector(HOPPING), [requested(0), *[echo(n) for n in range(1, 99)]])) == 1


VICTIM, NEIGHBOR, ALL = 0x525400123402, 0x525400123403, (1 << 48) - 1


def lives(mac: int, vlan: int, address: int, at: float = 0) -> Event:
    packet = Packet(
        ts=START + int(at * SECOND), src_mac=mac, dst_mac=ALL, vlan=vlan, ethertype=0x0806, ip_version=0, proto=0
    )
    return ArpRequest(packet, mac, address, 9)


def sent(at: float, vlan: int, *, to: int = ALL, src: int = 7, mac: int = ATTACKER, reply: bool = False) -> Event:
    packet = Packet(ts=START + int(at * SECOND), src_mac=mac, dst_mac=to, src=src, dst=9, vlan=vlan, proto=1)
    return (IcmpEchoReply if reply else IcmpEcho)(packet, 1, 1, 8)


def test_a_mirror_session_that_adds_a_tag() -> None:
    """Tagged frames of a station of another VLAN got the outer tag on their way to the sensor; those of a station of
    the outer VLAN itself are an attack.
    """
    story = [requested(0), *[echo(n) for n in range(1, 9)]]
    assert inspected(detector(HOPPING), [lives(ATTACKER, 20, 7), *story]) == []
    for own in (0, 1):
        assert one(inspected(detector(HOPPING), [lives(ATTACKER, own, 7), *story])).actor.mac == ATTACKER


# The attacker lives untagged, in the native VLAN; two other stations in VLAN 20.
TOWN = [lives(ATTACKER, 0, 7), lives(VICTIM, 20, 9), lives(NEIGHBOR, 20, 10)]


def test_the_receiver_of_frames_with_two_tags() -> None:
    """A packet in VLAN 20 from a station of the native VLAN raises one alert: at once if it goes to all stations."""
    for story in ([sent(1, 20)], [sent(n, 20, to=VICTIM) for n in range(1, 3)], [sent(n, 20) for n in range(1, 60)]):
        alert = one(inspected(detector(HOPPING), [*TOWN, *story]))
        assert (alert.actor.mac, alert.severity, alert.techniques[0].technique) == (ATTACKER, Severity.medium, "T1599")
        assert (alert.network["vlan"], alert.target and alert.target.address) == (20, 9)


def test_stations_of_several_vlans() -> None:
    """A host that moved, one that gets answers, a router that forwards packets of others or lives in several VLANs, a
    VLAN without stations, and a station of unknown home raise no alert.
    """
    pings = [sent(n, 20, to=VICTIM) for n in range(1, 9)]
    for story in (
        [*TOWN, lives(ATTACKER, 20, 7, 0.5), *pings],
        [*TOWN, pings[0], sent(1.1, 20, to=ATTACKER, src=9, mac=VICTIM, reply=True), *pings[1:]],
        [*TOWN, *[sent(n, 20, to=VICTIM, src=100 + n) for n in range(9)]],
        [*TOWN, lives(ATTACKER, 30, 70), *pings],
        [TOWN[0], *pings],
        [*TOWN[1:], *pings],
        [*TOWN, *[sent(n, 0, to=VICTIM) for n in range(9)]],
    ):
        assert inspected(detector(HOPPING), story) == []


def test_a_switch_is_in_all_vlans() -> None:
    assert inspected(detector(HOPPING, Known(ATTACKER, "type", "switch")), [*TOWN, sent(1, 20), sent(2, 20)]) == []
