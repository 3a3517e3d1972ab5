"""SNMP: guessed community strings, hosts without an answer, set requests; similar benign traffic; repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.snmp import SnmpRequest, SnmpResponse
from tests.detectors.stories import START, UDP, Story, World, detector, device, inspected, one

GUESSING = "discovery.snmp_guessing"
MANAGER, AGENT, FAR = "10.0.0.66", "10.0.0.1", "203.0.113.9"
SYSTEM, CONTACT, COPY = "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.4.0", "1.3.6.1.4.1.9.9.96.1.1.1.1.2.77"
PROGRAM = "1.3.6.1.4.1.8072.1.3.2.2.1.2.1.97"


def packet(at: float, client: str, server: str, answer: bool = False) -> Packet:
    ends = {"src": parse(client), "dst": parse(server), "sport": 50000, "dport": 161}
    if answer:
        ends = {"src": ends["dst"], "dst": ends["src"], "sport": 161, "dport": 50000}
    return Packet(ts=START + int(at * SECOND), **ends)


def requested(
    at: float,
    community: str,
    server: str = AGENT,
    *,
    client: str = MANAGER,
    operation: str = "get",
    names: tuple[str, ...] = (SYSTEM,),
) -> Event:
    return SnmpRequest(packet(at, client, server), "2c", "other", "", "", operation, int(at * 10), names, 0, community)


def user(at: float, name: str) -> Event:
    return SnmpRequest(packet(at, MANAGER, AGENT), "3", "", name, "none", "get", int(at), (), 0)


def answer(at: float, server: str = AGENT, *, operation: str = "response", status: str = "no_error") -> Event:
    return SnmpResponse(
        packet(at, MANAGER, server, True), "2c", "other", "", "", operation, int(at * 10), (SYSTEM,), status
    )


def reported(events: list[Event], world: World | None = None, **options: object) -> list[Alert]:
    return inspected(detector(GUESSING, world, **options), events)


def test_many_communities_at_one_agent() -> None:
    alert = one(reported([requested(n, f"seal{n}") for n in range(6)]))
    assert (alert.actor.address, alert.target and alert.target.address, alert.severity) == (
        parse(MANAGER),
        parse(AGENT),
        Severity.medium,
    )
    assert (alert.numbers["tried"], alert.techniques[0].technique) == (5, "T1110.001")
    assert one(reported([user(n, f"user{n}") for n in range(6)])).numbers["tried"] == 5


def test_an_answer_reports_that_one_was_right() -> None:
    """A response confirms a community string, an error report does not; a later set request is high."""
    guesses = [requested(n, f"seal{n}") for n in range(6)]
    assert [alert.severity for alert in reported([*guesses, answer(7), answer(8)])] == [Severity.medium, Severity.high]
    found = reported([*guesses, requested(9, "seal5", operation="set", names=(CONTACT,))])
    assert [alert.severity for alert in found] == [Severity.medium, Severity.high]
    assert len(reported([*guesses, answer(7, operation="report", status="unknown_user")])) == 1


def test_many_hosts_that_do_not_answer() -> None:
    """Many hosts without an answer are low, as SNMP managers probe like that; a device is more severe."""
    story = [requested(0, "a"), answer(0.1), *(requested(1 + n, "a", f"10.0.1.{n}") for n in range(40))]
    alert = reported(story)[0]
    assert (alert.severity, alert.techniques[0].technique, alert.numbers["silent"]) == (Severity.low, "T1046", 20)
    assert reported(story, World(device("camera", MANAGER)))[0].severity == Severity.high


@pytest.mark.parametrize(
    ("event", "world", "severity", "technique"),
    [
        (requested(0, "a", client=FAR, operation="set", names=(CONTACT,)), World(), Severity.high, "T1078"),
        (requested(0, "a", operation="set", names=(CONTACT,)), World(device("tv", MANAGER)), Severity.high, "T1078"),
        (requested(0, "a", operation="set", names=(COPY,)), World(), Severity.high, "T1602.002"),
        (requested(0, "a", operation="set", names=(PROGRAM,)), World(), Severity.high, "T1059"),
        (requested(0, "a", operation="set", names=(CONTACT,)), World(), Severity.low, "T1078"),
        (requested(90_000, "a", operation="set", names=(CONTACT,)), World().learned(Story()), Severity.medium, "T1078"),
        (
            requested(90_000, "a", operation="set", names=(CONTACT,)),
            World(device("printer", AGENT)).learned(Story()),
            Severity.info,
            "T1078",
        ),
    ],
)
def test_values_are_set(event: Event, world: World, severity: Severity, technique: str) -> None:
    """Set requests by external hosts, devices and new managers, and for configuration copies, raise an alert."""
    alert = one(reported([event], world))
    assert (alert.severity, alert.techniques[0].technique) == (severity, technique)


def test_ordinary_management_is_quiet() -> None:
    """Polling all day, a few community strings at first, one for each site, and known managers raise no alert."""
    world = World(device("server", MANAGER), device("switch", AGENT)).learned(
        Story().converse(0, MANAGER, AGENT, 161, proto=UDP)
    )
    story: list[Event] = [requested(n, f"list{n}") for n in range(4)]
    for n in range(200):
        story += [requested(100 + n, f"place{n % 30}", f"10.0.2.{n % 30}"), answer(100.1 + n, f"10.0.2.{n % 30}")]
    story.append(requested(90_000, "a", operation="set", names=(CONTACT,)))
    assert reported(story, world) == []


def test_managers_are_reported_low() -> None:
    assert {
        alert.severity for alert in reported([requested(n, f"seal{n}") for n in range(60)], managers=("10.0.0.0/24",))
    } == {Severity.low}


def test_repetition_is_one_finding() -> None:
    found = reported([requested(n, f"seal{n}") for n in range(300)])
    assert len(found) < 8
    assert one(found)
    assert one(
        reported(
            [requested(0, "a"), answer(0.1), *(requested(1 + n, "a", f"10.0.{n // 200}.{n % 200}") for n in range(900))]
        )
    )
    assert len(reported([requested(n, "a", operation="set", names=(CONTACT,)) for n in range(600)])) == 1
