"""Routing messages of hosts that are no routers: the attacks, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.eigrp import EigrpMessage
from sensor.dissectors.ospf import OspfMessage
from sensor.dissectors.rip import RipMessage
from tests.detectors.stories import SECOND, START, World, detector, device, inspected, one

ROUTING = "credential_access.rogue_routing"
ROUTER, SECOND_ROUTER, ATTACKER = "10.0.0.2", "10.0.0.3", "10.0.0.66"


def hello(at: float, src: str, protocol: type[OspfMessage | EigrpMessage | RipMessage] = OspfMessage) -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=parse(src), dst=parse("224.0.0.5"), src_mac=parse(src) & 0xFF)
    return protocol(packet, "update", 2, False, 2)


ROUTERS = [each for n in range(6) for each in (hello(10 * n, ROUTER), hello(10 * n + 1, SECOND_ROUTER))]


@pytest.mark.parametrize("protocol", [OspfMessage, EigrpMessage, RipMessage])
def test_a_host_joins_the_routers(protocol: type[OspfMessage | EigrpMessage | RipMessage]) -> None:
    """A sender that appears after the routers raises an alert, of low severity in the first hour."""
    for after, severity in ((60, Severity.low), (4000, Severity.medium)):
        story = [hello(0, ROUTER, protocol), hello(after, ATTACKER, protocol)]
        alert = one(inspected(detector(ROUTING), story))
        assert (alert.severity, alert.techniques[0].technique) == (severity, "T1557")
        assert alert.actor.address == parse(ATTACKER)
        assert alert.network["app"] == protocol.__name__.removesuffix("Message").lower()


def test_a_workstation_or_a_camera_routes() -> None:
    """A workstation is reported even if it is alone; a fixed-function device is more severe."""
    for kind, severity in (("workstation", Severity.medium), ("camera", Severity.high)):
        world = World(device(kind, ATTACKER))
        assert one(inspected(detector(ROUTING, world), [hello(0, ATTACKER)])).severity == severity


def test_benign_twins_are_quiet() -> None:
    """Routers that were there from the beginning, a server alone, a new router that is known as one or listed, and a
    host that only requests routes raise no alert.
    """
    assert inspected(detector(ROUTING), ROUTERS) == []
    assert inspected(detector(ROUTING, World(device("server", ATTACKER))), [hello(0, ATTACKER)]) == []
    joined = [*ROUTERS, hello(90, ATTACKER)]
    assert inspected(detector(ROUTING, World(device("router", ATTACKER))), joined) == []
    assert inspected(detector(ROUTING, routers=(f"{ATTACKER}/32",)), joined) == []
    requested = hello(90, ATTACKER, EigrpMessage)
    assert isinstance(requested, EigrpMessage)
    requested.operation = "request"
    assert inspected(detector(ROUTING), [hello(0, ROUTER, EigrpMessage), requested]) == []


def test_repetition_is_reported_once_an_hour() -> None:
    story = [*ROUTERS, *(hello(60 + 10 * n, ATTACKER) for n in range(300))]
    assert len(inspected(detector(ROUTING), story)) == 1
