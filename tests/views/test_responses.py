"""The response to an incident: one for each kind of its alerts."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from sensor.views.responses import Record, responses, stored

ALERTS = {
    "a1": {"alert": {"title": "Port scan", "advice": "Identify the program."}},
    "a2": {"alert": {"title": "Sweep", "advice": "Check for logins."}},
    "a3": {"alert": {"title": "Port scan", "advice": "Identify the program."}},
    "a4": {"alert": {"title": "Own rule"}},
}


def alert_of(name: str) -> Record:
    return ALERTS.get(name, {})


def test_the_alerts_of_an_incident_are_one_search() -> None:
    """Each is requested once; those that are not stored are empty."""
    requested: list[list[str]] = []

    def records(names: Iterable[str]) -> dict[str, Record]:
        requested.append(list(names))
        return {name: ALERTS[name] for name in requested[-1] if name in ALERTS}

    story = [step("a1", "x", "low"), step("a2", "y", "low"), step("a1", "x", "low"), step("gone", "z", "low")]
    found = stored(records, {"incident": {"story": story}})
    assert (found("a1"), found("a2"), found("gone")) == (ALERTS["a1"], ALERTS["a2"], {})
    assert requested == [["a1", "a2", "gone"]]


def step(alert: str, detector: str, severity: str) -> Record:
    return {"alert": alert, "detector": detector, "severity": severity}


def test_one_response_for_each_detection_with_the_most_severe_first() -> None:
    story = [
        step("a1", "discovery.port_scan", "low"),
        step("a2", "discovery.service_sweep", "high"),
        step("a3", "discovery.port_scan", "medium"),
        step("a4", "rule.own", "medium"),
        step("gone", "impact.flood", "critical"),
    ]
    found = responses({"incident": {"story": story}}, alert_of)
    assert [(one.alert, one.severity) for one in found] == [("a2", "high"), ("a3", "medium")]


@pytest.mark.parametrize(
    "record",
    [{}, {"incident": 1}, {"incident": {"story": [1, None, {}]}}, {"incident": {"story": [step("a4", "", "loud")]}}],
)
def test_foreign_records_have_none(record: Record) -> None:
    assert responses(record, alert_of) == []
