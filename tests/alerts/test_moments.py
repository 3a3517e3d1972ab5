"""When alerts and incidents are reported, to the nanosecond: a bound belongs to the interval that it begins."""

from __future__ import annotations

import pytest

from sensor.alerts.aggregation import SUPPRESSION, AlertAggregator
from sensor.alerts.incidents import GAP, Incidents
from sensor.alerts.mutes import Mute, Mutes
from sensor.core.alert import Severity
from sensor.core.time_units import SECOND
from tests.alerts.test_incidents import LAPTOP, OTHER, SERVER, Desk, actions, made
from tests.alerts.test_processor import Reported
from tests.detectors.stories import World

MUTE = Mute(id="m1", detector="discovery.*", src=LAPTOP, author="anna", reason="our scanner")


def test_an_alert_closes_when_it_was_silent_for_the_whole_suppression() -> None:
    """The desk gives the time of its next action in advance."""
    desk = AlertAggregator()
    desk.take(made(1, LAPTOP))
    assert desk.tick(SECOND) == []
    assert desk.due == SECOND + SUPPRESSION
    assert desk.tick(desk.due - 1) == []
    assert [action for action, _ in desk.tick(desk.due)] == ["close"]
    assert len(desk) == 0


def test_what_waits_for_its_second_is_reported_when_it_is_over() -> None:
    """A more severe repeat after half a second waits, and the desk gives the time when it is due."""
    desk = AlertAggregator()
    desk.take(made(1, LAPTOP))
    assert desk.take(made(1.5, LAPTOP, severity=Severity.high)) == []
    assert desk.tick(2 * SECOND - 1) == []
    assert desk.due == 2 * SECOND
    [(action, alert)] = desk.tick(desk.due)
    assert (action, alert.severity) == ("update", Severity.high)


def test_a_story_ends_when_it_was_silent_for_the_whole_gap() -> None:
    desk = Desk()
    desk.take(made(1, LAPTOP))
    assert desk.incidents.tick(SECOND) == []
    assert desk.incidents.due == SECOND + GAP
    assert desk.incidents.tick(desk.incidents.due - 1) == []
    assert [action for action, _ in desk.incidents.tick(desk.incidents.due)] == ["close"]


def test_a_chapter_that_waits_for_its_second_is_reported_when_it_is_over() -> None:
    desk = Desk()
    desk.take(made(1, LAPTOP))
    assert desk.take(made(1.5, LAPTOP, detector="discovery.address_scan")) == []
    assert desk.incidents.tick(2 * SECOND - 1) == []
    assert desk.incidents.due == 2 * SECOND
    assert actions(desk.incidents.tick(desk.incidents.due)) == [("update", 2)]


def test_chapters_stand_in_the_order_of_their_beginnings() -> None:
    """An alert that began earlier and was raised later is listed before the other."""
    desk = Desk()
    desk.take(made(10, LAPTOP))
    [(_, incident)] = desk.take(made(20, LAPTOP, detector="discovery.address_scan", first=5 * SECOND))
    assert [chapter.detector for chapter in incident.story] == ["discovery.address_scan", "discovery.port_scan"]


@pytest.mark.parametrize(("severity", "stories"), [(Severity.medium, 1), (Severity.low, 2)])
def test_from_medium_on_a_victim_continues_the_story(severity: Severity, stories: int) -> None:
    """Alerts of a compromised host join the incident unless they have low severity."""
    desk = Desk()
    desk.take(made(1, LAPTOP, SERVER, detector="lateral_movement.remote_service", technique="T1021.002"))
    desk.take(made(60, SERVER, OTHER, severity=severity))
    assert len(desk.incidents) == stories


def test_the_end_reports_stories_that_were_reported_before_and_changed() -> None:
    """A single low-severity alert opens no incident at the end either; an incident opened at time zero is reported."""
    desk = Desk()
    desk.take(made(0, LAPTOP))
    desk.take(made(0.5, LAPTOP, detector="discovery.address_scan"))
    desk.take(made(0, OTHER, severity=Severity.low))
    desk.take(made(0.5, OTHER, detector="discovery.address_scan", severity=Severity.low))
    assert actions(desk.incidents.finish(SECOND)) == [("update", 2)]


def test_incidents_without_an_alert_have_nothing_to_report() -> None:
    incidents = Incidents(World().device)
    assert incidents.tick(1 << 62) == incidents.finish(1 << 62) == []


def test_what_is_silenced_ends_in_the_log_of_what_was_silenced() -> None:
    """A muted alert closes at the exact time as well, in the log of muted alerts only."""
    one = Reported(mutes=Mutes([MUTE])).take(made(1, LAPTOP))
    one.alert_processor.tick(101 * SECOND - 1)
    assert [record.action for record in one.muted] == ["open"]
    one.alert_processor.tick(101 * SECOND)
    assert [record.action for record in one.muted] == ["open", "close"]
    assert one.reported == []


def test_another_suppression_is_that_of_what_is_silenced_too() -> None:
    """A changed suppression period applies from the next tick on, to both desks."""
    one = Reported(mutes=Mutes([MUTE])).take(made(1, LAPTOP), made(1, OTHER))
    one.alert_processor.tick(2 * SECOND)
    one.alert_processor.adjust(Severity.info, 10 * SECOND, 10 * SECOND, 10 * SECOND, "")
    one.alert_processor.tick(11 * SECOND)
    assert [record.action for record in one.muted] == ["open", "close"]
    assert one.actions() == ["open", "close"]
    assert one.actions("incident") == ["open", "close"]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(1, "1 second"), (30, "30 seconds"), (31, "1 minute"), (90, "2 minutes"), (5400, "2 hours"), (86400, "1 day")],
)
def test_how_long_a_story_took_is_reported_in_the_largest_unit_that_fits(seconds: int, expected: str) -> None:
    """The value is rounded, up from more than half of the unit."""
    desk = Desk(gap=30 * 86400 * SECOND)
    desk.take(made(10, LAPTOP))
    [(_, incident)] = desk.take(made(10 + seconds, LAPTOP, detector="discovery.address_scan"))
    assert incident.summary.endswith(f" within {expected}")


def test_the_end_reports_the_counts_of_all_that_repeated() -> None:
    """Counts of alerts and of muted alerts are reported in their own logs."""
    one = Reported(mutes=Mutes([MUTE]))
    for second in (1, 3):
        one.take(made(second, LAPTOP), made(second, OTHER))
    one.alert_processor.finish(4 * SECOND)
    assert [(record.action, record.alert["count"]) for record in one.reported if record.kind == "alert"] == [
        ("open", 1),
        ("update", 2),
    ]
    assert [(record.action, record.alert["count"]) for record in one.muted] == [("open", 1), ("update", 2)]


def test_a_story_ends_at_the_time_at_which_that_is_known() -> None:
    """The close has the current time, long after the last alert; other records have the time of their alert."""
    one = Reported().take(made(1, LAPTOP))
    one.alert_processor.tick(SECOND + GAP)
    reported = [(record.action, record.ts) for record in one.reported if record.kind == "incident"]
    assert [action for action, _ in reported] == ["open", "close"]
    assert reported[0][1] == "1970-01-01T00:00:01.000000Z"
    assert reported[1][1] > reported[0][1]
