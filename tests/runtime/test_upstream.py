"""Delivery of records: what the sensor reports about its outputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.core.time_units import SECOND
from sensor.delivery.status import Status, save_status
from sensor.engine.health import AGAIN_S, Finding, Health, Upstream
from sensor.eventlog.segments import cursors_of
from sensor.runtime.upstream import Outputs
from tests.golden import Golden

NOON = 1_764_072_000.0


def reported(health: Health, at: float, *outputs: Upstream) -> list[Finding]:
    return list(health.upstream(outputs, int(at * SECOND)))


def test_an_output_that_takes_nothing_for_a_minute_is_reported_once_and_when_it_takes_records_again(
    golden: Golden,
) -> None:
    health = Health(["eth0"], live=True)
    stalled = Upstream("siem", NOON, "refused: nothing listens at this port", 1234)
    assert reported(health, NOON + 59, stalled) == []
    (one,) = reported(health, NOON + 61, stalled)
    assert (one.check, one.severity, one.facts["output"], one.facts["pending"]) == (
        "sensor.upstream_stalled",
        "medium",
        "siem",
        1234,
    )
    golden(one.msg)
    assert reported(health, NOON + 120, stalled) == []
    (again,) = reported(health, NOON + 61 + AGAIN_S, stalled)
    assert again.severity == "medium"
    (good,) = reported(health, NOON + 5000, Upstream("siem", 0, "", 0))
    assert good.severity == "info"
    golden(good.msg)
    assert reported(health, NOON + 5010, Upstream("siem", 0, "", 0)) == []


def test_a_short_pause_and_an_output_without_work_are_nothing() -> None:
    health = Health(["eth0"], live=True)
    assert reported(health, NOON + 30, Upstream("siem", NOON, "busy", 5)) == []
    assert reported(health, NOON + 40, Upstream("siem", 0, "", 0)) == []


def test_each_output_for_itself() -> None:
    health = Health(["eth0"], live=True)
    found = reported(
        health,
        NOON + 100,
        Upstream("siem", NOON, "away", 5),
        Upstream("lake", NOON + 90, "away", 5),
        Upstream("mail", NOON, "away", 1),
    )
    assert [one.facts["output"] for one in found] == ["siem", "mail"]


@pytest.mark.parametrize(("written", "since"), [(0.0, NOON), (NOON - 500, NOON), (NOON + 10, NOON + 10)])
def test_a_forwarder_that_does_not_run(tmp_path: Path, written: float, since: float) -> None:
    """The status from before this run is not a fault."""
    log = tmp_path / "events.jsonl"
    cursors_of(log).mkdir()
    if written:
        save_status(log, Status("siem", "http", pending=7, written=written))
    (one,) = Outputs(["siem"], NOON).look(log, NOON + 100, 100)
    assert (one.since, "is not running" in one.why, one.pending) == (since, True, 7 if written else 0)


def test_a_forwarder_that_runs_sends_for_its_outputs(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    cursors_of(log).mkdir()
    save_status(
        log,
        Status(
            "siem",
            "http",
            state="stalled",
            pending=7,
            stalled_since=NOON + 3,
            error="no answer within 15 s",
            written=NOON + 95,
        ),
    )
    assert list(Outputs(["siem"], NOON).look(log, NOON + 100, 100)) == [
        Upstream("siem", NOON + 3, "no answer within 15 s", 7)
    ]


def test_a_clock_that_jumps_is_no_fault_of_the_forwarder(tmp_path: Path) -> None:
    """After a jump five hours forward the last status is not taken for old; a minute without a status is reported. A
    jump back reports nothing either, until a minute passes without a status.
    """
    log, outputs, hours = tmp_path / "events.jsonl", Outputs(["siem"], NOON), 5 * 3600
    cursors_of(log).mkdir()
    health = Health(["eth0"], live=True)
    save_status(log, Status("siem", "http", pending=7, written=NOON + 95))
    assert reported(health, NOON + 100, *outputs.look(log, NOON + 100, 100)) == []
    assert reported(health, NOON + hours + 110, *outputs.look(log, NOON + hours + 110, 110)) == []
    assert reported(health, NOON + hours + 160, *outputs.look(log, NOON + hours + 160, 160)) == []
    (one,) = reported(health, NOON + hours + 180, *outputs.look(log, NOON + hours + 180, 180))
    assert one.facts["stalled_s"] == 70
    back = Health(["eth0"], live=True)
    assert reported(back, NOON - hours, *outputs.look(log, NOON - hours, 190)) == []
    (one,) = reported(back, NOON - hours + 70, *outputs.look(log, NOON - hours + 70, 260))
    assert one.facts["stalled_s"] == 70
