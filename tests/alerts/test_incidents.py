"""Incidents: which alerts they group, when they are reported, chains, and bounds."""

from __future__ import annotations

from typing import Any

import msgspec

from sensor.alerts.incidents import ACTORS_LIMIT, STORY_LIMIT, Incidents
from sensor.core.addresses import parse
from sensor.core.alert import Alert, Severity
from sensor.core.attack import TECHNIQUES
from sensor.core.event import Event
from sensor.core.incident import Incident
from sensor.core.observation import Subject
from sensor.core.packet import Packet
from sensor.core.time_units import HOUR, SECOND
from tests.detectors.stories import World, device

LAPTOP, SERVER, OTHER = "10.0.0.9", "10.0.0.5", "10.0.0.6"


def made(
    ts: float,
    actor: str,
    target: str = SERVER,
    *,
    detector: str = "discovery.port_scan",
    severity: Severity = Severity.medium,
    **more: Any,
) -> Alert:
    """An alert at ``ts`` seconds."""
    ns, technique, key = int(ts * SECOND), more.pop("technique", "T1046"), more.pop("key", f"{detector}|{actor}")
    targets = tuple(Subject(0, parse(one)) for one in target.split())
    return Alert(
        ns, detector, more.pop("title", "Port scan"), severity, 0.5, (TECHNIQUES[technique],),
        Subject(0, parse(actor)), f"{actor} did it", ("w",), {}, "a",
        "f", key, target=targets[0], targets=targets, proof=(Event(Packet(ts=ns)),), **more,
    )  # fmt: skip


class Desk:
    """Incidents that get alerts, each with an id."""

    def __init__(self, world: World | None = None, **options: Any) -> None:
        self.incidents = Incidents((world or World()).device, **options)
        self.names: dict[str, str] = {}

    def take(self, alert: Alert) -> list[tuple[str, Incident]]:
        known = alert.key in self.names
        name = self.names.setdefault(alert.key, f"alert-{len(self.names):06}")
        return self.incidents.take("update" if known else "open", name, alert)


def actions(filed: list[tuple[str, Incident]]) -> list[tuple[str, int]]:
    return [(action, incident.count) for action, incident in filed]


def test_alerts_of_one_actor_are_one_story() -> None:
    """They are in order, with the highest severity and risk, and a summary of all of them."""
    desk = Desk(World(device("workstation", LAPTOP, "tp-lab")))
    assert actions(desk.take(made(10, LAPTOP))) == [("open", 1)]
    [(action, incident)] = desk.take(
        made(
            70,
            LAPTOP,
            OTHER,
            detector="lateral_movement.remote_service",
            title="Remote service",
            severity=Severity.high,
        )
    )
    assert (action, incident.count, incident.severity, incident.first, incident.ts) == (
        "update",
        2,
        Severity.high,
        10 * SECOND,
        70 * SECOND,
    )
    assert [chapter.detector for chapter in incident.story] == [
        "discovery.port_scan",
        "lateral_movement.remote_service",
    ]
    assert (
        incident.summary == "workstation tp-lab (10.0.0.9): port scan, then remote service; 2 targets within 1 minute"
    )
    assert incident.risk == 70


def test_an_alert_that_repeats_belongs_to_the_next_incident_from_its_repeat_on() -> None:
    """An alert of low severity stays open for days; incidents end after hours."""
    desk, day = Desk(World(device("workstation", LAPTOP, "tp-lab"))), 24 * 3600
    low = {"detector": "command_and_control.beaconing", "title": "Beaconing", "severity": Severity.low}
    first = made(10, LAPTOP, **low)
    desk.take(first)
    repeat = msgspec.structs.replace(made(day, LAPTOP, **low), first=first.first)
    assert desk.take(repeat) == []
    [(action, incident)] = desk.take(made(day + 60, LAPTOP))
    assert (action, incident.first, [chapter.ts for chapter in incident.story]) == (
        "open", day * SECOND, [day * SECOND, (day + 60) * SECOND],
    )  # fmt: skip
    assert incident.summary.endswith("within 1 minute")
    desk.take(msgspec.structs.replace(made(day + 120, LAPTOP, **low), first=first.first))
    assert [chapter.ts for chapter in incident.story] == [day * SECOND, (day + 60) * SECOND]


def test_alerts_of_one_moment_have_no_duration() -> None:
    desk = Desk(World(device("workstation", LAPTOP, "tp-lab")))
    desk.take(made(10, LAPTOP))
    assert desk.take(made(10, LAPTOP, detector="impact.flood", title="Flood")) == []
    [(_, incident)] = desk.incidents.tick(12 * SECOND)
    assert incident.summary == "workstation tp-lab (10.0.0.9): port scan, then flood; 1 target"


def test_names_keep_their_capital_within_a_sentence() -> None:
    desk = Desk()
    titles = ("Web vulnerability scan", "C2 framework or remote access trojan", "Windows RPC exploit", "Flood")
    filed = [desk.take(made(10, LAPTOP, detector=title, title=title)) for title in titles]
    filed += [desk.incidents.tick(12 * SECOND)]
    incident = filed[-1][-1][1]
    phrase = "web vulnerability scan, then C2 framework or remote access trojan, then Windows RPC exploit, then flood"
    assert incident.summary == f"{LAPTOP}: {phrase}; 1 target"


def test_others_have_stories_of_their_own() -> None:
    """Two actors that did the same to the same target have one incident each."""
    desk = Desk()
    assert actions(desk.take(made(1, LAPTOP)) + desk.take(made(2, OTHER))) == [("open", 1), ("open", 1)]
    assert len(desk.incidents) == 2


def test_a_host_that_was_taken_over_continues_the_story() -> None:
    """The target of a lateral movement acts: three actors form a chain, in order of appearance."""
    desk = Desk()
    desk.take(made(1, LAPTOP, SERVER, detector="lateral_movement.remote_service", technique="T1021.002"))
    desk.take(made(60, SERVER, OTHER, detector="lateral_movement.remote_service", technique="T1021.002"))
    [(action, incident)] = desk.take(
        made(90, OTHER, "203.0.113.5", detector="command_and_control.beaconing", technique="T1071")
    )
    assert (action, incident.count) == ("update", 3)
    assert [actor.address for actor in incident.actors] == [parse(LAPTOP), parse(SERVER), parse(OTHER)]
    assert len(desk.incidents) == 1


def test_slight_alerts_of_a_host_that_was_taken_over_join_when_they_become_severe() -> None:
    """Its first alert has low severity and opens no incident; the second proves it, and both are in the chain."""
    desk = Desk()
    desk.take(made(1, LAPTOP, SERVER, detector="lateral_movement.wmi_execution", technique="T1047"))
    assert desk.take(made(1.1, SERVER, OTHER, severity=Severity.low)) == []
    [(action, incident)] = desk.take(
        made(60, SERVER, "203.0.113.5", detector="command_and_control.c2_framework", technique="T1071")
    )
    assert (action, [chapter.detector for chapter in incident.story]) == (
        "update",
        ["lateral_movement.wmi_execution", "discovery.port_scan", "command_and_control.c2_framework"],
    )
    assert len(desk.incidents) == 1
    assert desk.take(made(70, SERVER, OTHER, severity=Severity.low, count=2)) == []


def test_a_slight_alert_that_becomes_severe_is_reported_with_the_chain_at_once() -> None:
    """It is no new alert of the host, but a new one of the chain."""
    desk = Desk()
    desk.take(made(1, LAPTOP, SERVER, detector="lateral_movement.wmi_execution", technique="T1047"))
    assert desk.take(made(1.1, SERVER, OTHER, severity=Severity.low)) == []
    assert actions(desk.take(made(60, SERVER, OTHER, count=2))) == [("update", 2)]
    assert desk.take(made(70, SERVER, OTHER, count=3)) == []


def test_an_incident_that_was_reported_stays_one() -> None:
    """The benign twin: the host acted before it became a target."""
    desk = Desk()
    desk.take(made(1, SERVER, OTHER))
    desk.take(made(2, LAPTOP, SERVER, detector="lateral_movement.wmi_execution", technique="T1047"))
    assert actions(desk.take(made(60, SERVER, OTHER, detector="discovery.address_scan"))) == [("update", 2)]
    assert len(desk.incidents) == 2


def test_a_host_that_was_merely_scanned_does_not() -> None:
    """The benign twin: a host that was only scanned gets a separate incident for its later alerts."""
    desk = Desk()
    desk.take(made(1, LAPTOP, SERVER))
    assert actions(desk.take(made(60, SERVER, OTHER))) == [("open", 1)]


def test_slight_alerts_are_a_story_when_there_are_three() -> None:
    """Fewer low-severity alerts open no incident, and a repeat does not count as another alert."""
    desk = Desk()
    low = [made(n, LAPTOP, detector=f"discovery.{n}", severity=Severity.low) for n in (1, 2, 3)]
    assert actions(desk.take(low[0]) + desk.take(low[0]) + desk.take(low[1])) == []
    assert actions(desk.take(low[2])) == [("open", 3)]


def test_repeats_are_reported_only_when_more_severe_or_at_the_end() -> None:
    """A higher count alone is not reported; the end reports it once."""
    desk = Desk()
    desk.take(made(1, LAPTOP))
    assert desk.take(made(5, LAPTOP, count=4)) == []
    assert actions(desk.take(made(9, LAPTOP, severity=Severity.high))) == [("update", 1)]
    assert desk.take(made(12, LAPTOP, count=9)) == []
    [(action, incident)] = desk.incidents.finish(20 * SECOND)
    assert (action, incident.story[0].count) == ("update", 9)
    assert desk.incidents.finish(20 * SECOND) == []


def test_at_most_one_a_second() -> None:
    """Changes within a second wait for the tick, and are reported as one."""
    desk = Desk()
    desk.take(made(1, LAPTOP))
    assert [desk.take(made(1.1 + n / 100, LAPTOP, detector=f"discovery.{n}")) for n in range(5)] == [[]] * 5
    assert actions(desk.incidents.tick(3 * SECOND)) == [("update", 6)]
    assert desk.incidents.tick(4 * SECOND) == []


def test_silence_closes_it() -> None:
    """After the gap it is closed once; later alerts open another one. One that was never reported is not closed."""
    desk = Desk(gap=HOUR)
    desk.take(made(1, LAPTOP))
    desk.take(made(1, OTHER, severity=Severity.low))
    assert desk.incidents.tick(HOUR) == []
    assert actions(desk.incidents.tick(2 * HOUR)) == [("close", 1)]
    assert len(desk.incidents) == 0
    assert actions(desk.take(made(3 * 3600, LAPTOP))) == [("open", 1)]


def test_an_old_story_closes_before_the_next_begins() -> None:
    """The order is kept also without a tick in between."""
    desk = Desk(gap=HOUR)
    desk.take(made(1, LAPTOP))
    assert actions(desk.take(made(7300, LAPTOP))) == [("close", 1), ("open", 1)]


def test_one_machine_under_two_addresses_is_one_actor() -> None:
    """Actors are compared by device, not by address."""
    both = device("workstation", LAPTOP)
    world = World(both)
    world.devices[parse(OTHER)] = both
    desk = Desk(world)
    desk.take(made(1, LAPTOP))
    assert actions(desk.take(made(5, OTHER))) == [("update", 2)]


def test_a_host_that_becomes_a_device_during_the_attack_has_one_incident() -> None:
    """An attacker that has just connected is known by its address first; so is a host that it takes over."""
    world = World()
    desk = Desk(world)
    desk.take(made(1, LAPTOP, SERVER, detector="lateral_movement.remote_service", technique="T1021.002"))
    world.devices |= {parse(each): device("workstation", each) for each in (LAPTOP, SERVER)}
    assert actions(desk.take(made(5, LAPTOP, detector="discovery.address_scan"))) == [("update", 2)]
    [(action, incident)] = desk.take(made(9, SERVER, OTHER))
    assert (action, incident.count) == ("update", 3)
    assert [actor.address for actor in incident.actors] == [parse(LAPTOP), parse(SERVER)]


def test_the_next_device_at_an_address_has_an_incident_of_its_own() -> None:
    """The benign twin: the host that acted there before was a known device."""
    world = World(device("workstation", LAPTOP))
    desk = Desk(world)
    desk.take(made(1, LAPTOP))
    world.devices = {parse(OTHER): world.devices.pop(parse(LAPTOP)), parse(LAPTOP): device("printer", "10.0.0.77")}
    assert actions(desk.take(made(5, LAPTOP, detector="discovery.address_scan"))) == [("open", 1)]
    assert actions(desk.take(made(9, OTHER))) == [("update", 2)]


def test_an_alert_whose_actor_changes_stays_in_its_incident() -> None:
    """A flood from many sources is one alert: each of them is an actor, and none gets an incident of its own."""
    desk = Desk()
    flood = [made(n, f"203.0.113.{n}", key="impact.reflected_flood|10.0.0.5") for n in (1, 5)]
    assert actions(desk.take(flood[0])) == [("open", 1)]
    assert desk.take(flood[1]) == []
    assert len(desk.incidents) == 1
    [(_, incident)] = desk.incidents.finish(9 * SECOND)
    assert [actor.address for actor in incident.actors] == [parse("203.0.113.1"), parse("203.0.113.5")]


def test_of_many_actors_the_first_and_the_newest_are_kept() -> None:
    """A known device that acts under another address is no further actor, and replaces none."""
    sources = [f"203.0.113.{n}" for n in range(1, ACTORS_LIMIT + 2)]
    world = World(device("camera", sources[1]))
    desk = Desk(world)
    flood = [made(n, source, key="impact.flood|10.0.0.5") for n, source in enumerate(sources)]
    for one in flood[:ACTORS_LIMIT]:
        desk.take(one)
    world.devices[parse(OTHER)] = world.devices[parse(sources[1])]
    desk.take(made(60, OTHER, key="impact.flood|10.0.0.5"))
    [(_, incident)] = desk.incidents.finish(99 * SECOND)
    assert [actor.address for actor in incident.actors] == list(map(parse, sources[:ACTORS_LIMIT]))
    desk.take(flood[-1])
    assert [actor.address for actor in incident.actors] == [
        *map(parse, sources[: ACTORS_LIMIT - 1]),
        parse(sources[-1]),
    ]


def test_stories_and_cases_are_bounded() -> None:
    """A thousand alerts with a thousand targets each, and a thousand actors."""
    desk = Desk(cases=8)
    for n in range(100):
        filed = desk.take(made(2 * n, LAPTOP, f"10.0.{n}.1 10.0.{n}.2", detector=f"discovery.{n}"))
    incident = filed[-1][1] if filed else desk.incidents.finish(10**15)[-1][1]
    assert (len(incident.story), incident.count) == (STORY_LIMIT, 100)
    assert len(incident.targets) <= 64
    closed = [action for n in range(20) for action, _ in desk.take(made(300 + n, f"10.9.0.{n + 1}"))]
    assert (closed.count("open"), closed.count("close")) == (20, 13)
    assert len(desk.incidents) == 8
