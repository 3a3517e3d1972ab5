"""Two hosts with one IP address: the conflict, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.arp import ArpReply
from sensor.dissectors.dhcp import DhcpDecline
from sensor.dissectors.vrrp import VrrpAdvertisement
from tests.detectors.stories import START, detector, inspected

CONFLICT = "device.address_conflict"
FIRST, SECOND_ONE, VIRTUAL = 0x020000000001, 0x020000000002, 0x00005E000107


def sends(at: float, mac: int, address: str = "10.0.0.5") -> Event:
    packet = Packet(ts=START + int(at * SECOND), src_mac=mac, dst_mac=9, ethertype=0x0806, ip_version=0, proto=0)
    return ArpReply(packet, mac, parse(address), parse("10.0.0.1"))


def turns(count: int, one: int = FIRST, other: int = SECOND_ONE) -> list[Event]:
    """ARP announcements of both hosts in turn, every five seconds."""
    return [sends(n * 5, (one, other)[n % 2]) for n in range(count)]


def test_two_that_send_turn_by_turn() -> None:
    """Two hosts that announce an address in turn are a conflict; the second one came later."""
    [alert] = inspected(detector(CONFLICT), turns(8))
    assert (alert.severity, alert.numbers["times"], alert.actor.mac) == (Severity.low, 2, SECOND_ONE)
    assert alert.target is not None
    assert alert.target.mac == FIRST
    assert alert.actor.address == parse("10.0.0.5")
    [alert] = inspected(detector(CONFLICT), turns(8, 0x001132AABB10, 0x001132AABB11))
    assert "ports" in alert.summary


def test_a_lease_that_is_declined() -> None:
    """A DHCP decline is a conflict: the client detected another host with its address."""
    packet = Packet(ts=START, src_mac=FIRST, sport=68, dport=67)
    [alert] = inspected(detector(CONFLICT), [DhcpDecline(packet, 4, 7, FIRST, requested=parse("10.0.0.5"))])
    assert (alert.actor.mac, alert.numbers["threshold"]) == (FIRST, 1)


def test_benign_twins_are_quiet() -> None:
    """A replaced host, a router address that moves between two routers (with a virtual MAC, or with their own and
    VRRP), ARP spoofing by a host with its own address, and a proxy that answers for many hosts are no conflict.
    """
    moved = [*(sends(n, FIRST) for n in range(5)), *(sends(10 + n, SECOND_ONE) for n in range(50))]
    shared = turns(20, FIRST, VIRTUAL)
    thief = [sends(0, SECOND_ONE, "10.0.0.66"), *turns(20)]
    group = [
        VrrpAdvertisement(Packet(ts=START, src_mac=mac), 2, 51, 100, (parse("10.0.0.5"),))
        for mac in (FIRST, SECOND_ONE)
    ]
    proxy = [*(sends(0, FIRST, f"10.0.0.{10 + n}") for n in range(4)), *turns(20)]
    for story in (moved, shared, thief, proxy, [*group, *turns(20)]):
        assert inspected(detector(CONFLICT), story) == []


def test_repetition_is_reported_once_in_five_minutes() -> None:
    """A conflict of ten minutes is reported once in five minutes."""
    found = inspected(detector(CONFLICT), turns(120))
    assert 1 <= len(found) <= 3
    assert len({alert.key for alert in found}) == 1
