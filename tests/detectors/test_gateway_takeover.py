"""Takeover of a virtual gateway: the attacks, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.hsrp import HsrpMessage
from sensor.dissectors.vrrp import VrrpAdvertisement
from tests.detectors.stories import SECOND, START, World, detector, device, inspected, one

TAKEOVER = "credential_access.gateway_takeover"
ROUTER, STANDBY, ATTACKER, VIRTUAL = "10.0.0.2", "10.0.0.3", "10.0.0.66", "10.0.0.1"


def packet(at: float, src: str) -> Packet:
    return Packet(ts=START + int(at * SECOND), src=parse(src), dst=parse("224.0.0.2"), src_mac=parse(src) & 0xFF)


def hsrp(at: float, src: str, priority: int = 110, state: str = "active", operation: str = "hello") -> Event:
    return HsrpMessage(packet(at, src), 1, 1, operation, state, priority, parse(VIRTUAL))


def vrrp(at: float, src: str, priority: int, address: str = VIRTUAL) -> Event:
    return VrrpAdvertisement(packet(at, src), 2, 7, priority, (parse(address),))


HELLOS = [each for n in range(20) for each in (hsrp(3 * n, ROUTER), hsrp(3 * n + 1, STANDBY, 100, "standby"))]
MASTER = [vrrp(n, ROUTER, 120) for n in range(60)]


def test_a_coup() -> None:
    """A host outside the group that claims the highest priority raises an alert."""
    alert = one(inspected(detector(TAKEOVER), [*HELLOS, hsrp(59, ATTACKER, 255, operation="coup")]))
    assert (alert.severity, alert.techniques[0].technique) == (Severity.high, "T1557")
    assert (alert.actor.address, alert.target and alert.target.address) == (parse(ATTACKER), parse(ROUTER))
    assert alert.numbers["former"] == 110


def test_a_master_that_does_not_own_the_address() -> None:
    """Priority 255 by a router that does not own the address raises an alert."""
    assert one(inspected(detector(TAKEOVER), [*MASTER, vrrp(60, ATTACKER, 255)])).severity is Severity.high


def test_a_router_that_is_added() -> None:
    """A router that is added with a usual priority, or a known router, is low."""
    assert one(inspected(detector(TAKEOVER), [*HELLOS, hsrp(59, ATTACKER, 150)])).severity is Severity.low
    world = World(device("router", ATTACKER))
    assert one(inspected(detector(TAKEOVER, world), [*HELLOS, hsrp(59, ATTACKER, 255)])).severity is Severity.low


def test_routers_that_change_over() -> None:
    """A standby that takes over, a preferred router that returns, a VRRP backup after three intervals, the owner of the
    address, a start, and an allowed router raise no alert.
    """
    for story in (
        [*HELLOS, hsrp(70, STANDBY, 100)],
        [*HELLOS, hsrp(59, STANDBY, 255, operation="coup")],
        [*MASTER, vrrp(60, STANDBY, 200)],
        [*MASTER, vrrp(62.8, STANDBY, 254)],
        [*MASTER, vrrp(60, VIRTUAL, 255)],
        [*MASTER, vrrp(60, STANDBY, 0)],
        [hsrp(0, ROUTER), hsrp(3, STANDBY, 255)],
    ):
        assert inspected(detector(TAKEOVER), story) == []
    assert inspected(detector(TAKEOVER, routers=(ATTACKER,)), [*MASTER, vrrp(60, ATTACKER, 255)]) == []


def test_repetition_is_one_finding() -> None:
    """Two routers that contend for the group are one alert."""
    fight = [each for n in range(60, 90) for each in (vrrp(n, ATTACKER, 255), vrrp(n + 0.5, ROUTER, 120))]
    assert one(inspected(detector(TAKEOVER), [*MASTER, *fight]))
