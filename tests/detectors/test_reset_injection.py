"""Resets in the name of others: the attack, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.tcp_syn import TcpForeignReset
from tests.detectors.stories import SECOND, START, World, detector, device, inspected, mac_of, one

RESETS = "impact.reset_injection"
ATTACKER, CLIENT, SERVER = "10.0.0.66", "10.0.0.5", "10.0.0.80"


def world(kind: str = "workstation") -> World:
    """Both ends and the attacker are known, each with its MAC."""
    ends = [device(kind, ATTACKER), device("workstation", CLIENT), device("server", SERVER)]
    for one_end, address in zip(ends, (ATTACKER, CLIENT, SERVER), strict=True):
        one_end.macs = (mac_of(address),)
    made = World(*ends)
    made.devices[0] = ends[0]  # found by its MAC alone
    return made


def reset(at: float, src: str, dst: str, mac: str = ATTACKER) -> Event:
    ends = {"src": parse(src), "dst": parse(dst), "src_mac": mac_of(mac), "proto": 6, "tcp_flags": 4}
    return TcpForeignReset(Packet(ts=START + int(at * SECOND), **ends))


BOTH = [reset(0, CLIENT, SERVER), reset(1, SERVER, CLIENT)]


def test_both_ends_are_reset() -> None:
    """Resets in the name of client and server from the MAC of a third host raise an alert that names this host."""
    alert = one(inspected(detector(RESETS, world()), BOTH))
    assert (alert.severity, alert.numbers["resets"], alert.actor.mac) == (Severity.medium, 2, mac_of(ATTACKER))
    assert {target.address for target in alert.targets} == {parse(CLIENT), parse(SERVER)}


def test_a_server_outside_of_the_segment() -> None:
    """A pair with a server behind a router counts, if the other end is in the segment."""
    story = [reset(0, "198.51.100.7", CLIENT), reset(1, CLIENT, "198.51.100.7")]
    assert one(inspected(detector(RESETS, world()), story)).numbers["resets"] == 2


def test_benign_twins_are_quiet() -> None:
    """A single reset, resets from a host's own MAC, of hosts behind a router, from a router, and from an exempt
    security gateway raise no alert.
    """
    assert inspected(detector(RESETS, world()), BOTH[:1] * 9) == []
    own = [reset(0, CLIENT, SERVER, CLIENT), reset(1, SERVER, CLIENT, SERVER)]
    assert inspected(detector(RESETS, world()), own) == []
    assert inspected(detector(RESETS), BOTH) == []
    assert inspected(detector(RESETS, world("router")), BOTH) == []
    mac = ":".join(f"{mac_of(ATTACKER):012x}"[n : n + 2] for n in range(0, 12, 2))
    assert inspected(detector(RESETS, world(), exempt_macs=(mac,)), BOTH) == []


def test_slow_resets_are_no_pair() -> None:
    """Resets of two connections an hour apart are not counted together."""
    assert inspected(detector(RESETS, world()), [BOTH[0], reset(3600, SERVER, CLIENT)]) == []


def test_repetition_is_reported_once_in_ten_minutes() -> None:
    story = [reset(n / 10, *((CLIENT, SERVER) if n % 2 else (SERVER, CLIENT))) for n in range(3000)]
    assert len(inspected(detector(RESETS, world()), story)) == 1
