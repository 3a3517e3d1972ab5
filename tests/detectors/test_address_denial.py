"""IPv6 address denial: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import NONE, parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.ndp import NdpNeighbourAdvertisement, NdpNeighbourSolicitation
from tests.detectors.stories import START, detector, inspected

DENIAL = "impact.address_denial"
HOST, ATTACKER, SWITCH = 0x8CEC4B6E2466, 0x88B111356980, 0x001B0D63C201


def packet(at: float, mac: int, address: str) -> Packet:
    return Packet(ts=START + int(at * SECOND), src_mac=mac, src=parse(address) if address else NONE, proto=58)


def probe(at: float, address: str, mac: int = HOST) -> Event:
    """Duplicate address detection (RFC 4862, 5.4.2)."""
    return NdpNeighbourSolicitation(packet(at, mac, ""), mac, NONE, parse(address))


def claim(at: float, address: str, mac: int = ATTACKER) -> Event:
    return NdpNeighbourAdvertisement(packet(at, mac, address), mac, parse(address), False, False, True)


def denied(count: int, every: float = 2, macs: int = 1, host: int = HOST) -> list[Event]:
    """A host tries one address after the other; each is claimed at once."""
    return [
        each
        for n in range(count)
        for each in (
            probe(n * every, f"2001:db8::{n + 1:x}", host),
            claim(n * every + 0.01, f"2001:db8::{n + 1:x}", ATTACKER + n % macs),
            claim(n * every + 0.02, f"2001:db8::{n + 1:x}", ATTACKER + n % macs),
        )
    ]


@pytest.mark.parametrize("macs", [1, 100])
def test_every_address_is_claimed(macs: int) -> None:
    """A host whose third address is claimed as well is denied IPv6, also where the MAC changes (dos-new-ip6)."""
    [alert] = inspected(detector(DENIAL), denied(4, macs=macs))
    assert (alert.severity, alert.techniques[0].technique, alert.numbers["addresses"]) == (Severity.medium, "T1499", 3)
    assert (alert.actor.mac, alert.target.mac if alert.target else 0) == (ATTACKER + 2 % macs, HOST)


def test_probes_for_the_same_addresses() -> None:
    """An attacker may also probe for each address itself, which means the same (RFC 4862, 5.4.3)."""
    story = [each for n in range(4) for each in (probe(n, f"fe80::{n}"), probe(n + 0.1, f"fe80::{n}", ATTACKER))]
    [alert] = inspected(detector(DENIAL), story)
    assert (alert.actor.mac, alert.numbers["addresses"]) == (ATTACKER, 3)


def test_benign_twins_are_quiet() -> None:
    """One address that is in use, a host that claims its own addresses, a switch that probes the addresses of known
    hosts, late claims, and three hosts with a conflict each raise no alert.
    """
    conflict = [each for n in range(20) for each in (probe(n * 5, "2001:db8::1"), claim(n * 5 + 0.1, "2001:db8::1"))]
    own = [each for n in range(20) for each in (probe(n, f"fe80::{n}"), claim(n + 0.1, f"fe80::{n}", HOST))]
    known = [claim(n, f"fe80::{n}", ATTACKER + n) for n in range(20)]
    tracked = [
        each
        for n in range(20)
        for each in (probe(30 + n, f"fe80::{n}", SWITCH), claim(30.1 + n, f"fe80::{n}", ATTACKER + n))
    ]
    late = [each for n in range(20) for each in (probe(n * 60, f"fe80::{n}"), claim(n * 60 + 30, f"fe80::{n}"))]
    several = [event for n in range(3) for event in denied(2, host=HOST + n)]
    for story in (conflict, own, known + tracked, late, several):
        assert inspected(detector(DENIAL), story) == []


def test_repetition_is_reported_once_in_five_minutes() -> None:
    """A host that tries addresses for ten minutes has one key and two reports."""
    found = inspected(detector(DENIAL), denied(300, macs=300))
    assert (len(found), len({alert.key for alert in found})) == (2, 1)
