"""SNMP walks of a whole agent: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.snmp import SnmpRequest
from tests.detectors.stories import START, UDP, Story, World, detector, device, inspected, one

WALK = "discovery.snmp_walk"
CLIENT, AGENT, FAR = "10.0.0.66", "10.0.0.1", "203.0.113.9"
LATER = 90_000
MIB = "1.3.6.1.2.1"
GROUPS = [f"{MIB}.{n}" for n in (1, 2, 3, 4, 5, 6, 7, 11, 31)] + [f"{MIB}.25.{n}" for n in (1, 2, 3, 4, 6)]


def requested(at: float, name: str, *, client: str = CLIENT, operation: str = "get_next") -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=parse(client), dst=parse(AGENT), sport=50000, dport=161, proto=UDP)
    return SnmpRequest(packet, "2c", "public", "", "", operation, int(at * 10), (name,), 0, "seal")


def walk(root: str = "0.1", *, at: float = 0, client: str = CLIENT, operation: str = "get_next") -> list[Event]:
    """A walk from a name on: three values of each group."""
    names = [root, *(f"{group}.{n}.0" for group in GROUPS for n in range(3))]
    return [requested(at + n / 10, name, client=client, operation=operation) for n, name in enumerate(names)]


def reported(events: list[Event], world: World | None = None, **options: object) -> list[Alert]:
    return inspected(detector(WALK, world, **options), events)


@pytest.mark.parametrize("root", ["0.1", "1.3", "1.3.6.1", MIB])
@pytest.mark.parametrize("operation", ["get_next", "get_bulk"])
def test_a_walk_of_all_values(root: str, operation: str) -> None:
    """A new host that reads group after group from the root on raises an alert, low while the network is learned."""
    alert = one(reported(walk(root, at=LATER, operation=operation), World().learned(Story())))
    assert (alert.actor.address, alert.target and alert.target.address) == (parse(CLIENT), parse(AGENT))
    assert (alert.numbers["groups"], alert.severity, alert.techniques[0].technique) == (8, Severity.medium, "T1602.001")
    assert one(reported(walk(root, operation=operation))).severity == Severity.low


def test_hosts_that_manage_nothing() -> None:
    """An external host and a camera are high, a configured management host is low."""
    assert one(reported(walk(client=FAR))).severity == Severity.high
    assert one(reported(walk(), World(device("camera", CLIENT)))).severity == Severity.high
    managed = reported(walk(at=LATER), World().learned(Story()), managers=("10.0.0.0/24",))
    assert one(managed).severity == Severity.low


def test_managers_are_quiet() -> None:
    """Walks of single tables, one look at the first value, polls, and the manager of the agent raise no alert."""
    world = World(device("server", CLIENT), device("switch", AGENT)).learned(Story())
    tables = [requested(LATER + n, f"{group}.1", operation="get_bulk") for n, group in enumerate(GROUPS)]
    probe = [requested(LATER + 100, MIB), requested(LATER + 101, f"{MIB}.1.1.0")]
    polls = [requested(LATER + 200 + n, f"{GROUPS[n % 14]}.1.0", operation="get") for n in range(200)]
    assert reported([*tables, *probe, *polls], world) == []
    known = world.learned(Story().converse(0, CLIENT, AGENT, 161, proto=UDP))
    assert reported(walk(at=LATER), known) == []


def test_repetition_is_one_finding() -> None:
    assert one(reported([each for n in range(20) for each in walk(at=100 * n)]))
