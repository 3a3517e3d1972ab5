"""The steps of an incident: actor, targets and techniques of each alert."""

from __future__ import annotations

import pytest

from sensor.views.incident_steps import Record, StepHost, incident_steps

ATTACKER = {"ip": "10.0.0.9", "device": "dev-a", "hostname": "lab"}
SERVER = {"ip": "10.0.0.5", "device": "dev-s", "hostname": "fs01"}
ALERTS = {
    "a1": {
        "src": ATTACKER,
        "targets": [{"ip": "10.0.0.5"}, {"ip": "10.0.0.6"}, {"ip": "10.0.0.6"}],
        "alert": {"attack": [{"technique": "T1046", "name": "Network Service Discovery"}]},
    },
    "a2": {"src": ATTACKER, "dst": SERVER},
}


def alert_of(name: str) -> Record:
    return ALERTS.get(name, {})


def test_each_host_is_one_device_in_all_steps() -> None:
    """The first alert has only the address of a server, which a later one identifies."""
    story = [{"alert": "a1", "severity": "medium", "msg": "scanned"}, {"alert": "a2", "severity": "high"}]
    scan, login = incident_steps({"incident": {"story": story}}, alert_of)
    server = StepHost("dev-s", "fs01", "10.0.0.5", "dev-s")
    assert (scan.actor, scan.targets) == (login.actor, [server, StepHost("10.0.0.6", "", "10.0.0.6", "")])
    assert (login.number, login.targets, scan.techniques) == (2, [server], ["T1046 Network Service Discovery"])


def test_hosts_of_an_alert_that_is_not_stored_are_unknown() -> None:
    (step,) = incident_steps({"incident": {"story": [{"alert": "gone", "severity": "low"}]}}, alert_of)
    assert (step.known, step.actor, step.targets, step.techniques) == (False, None, [], [])


@pytest.mark.parametrize("record", [{}, {"incident": 1}, {"incident": {"story": [1, None]}}])
def test_a_record_without_a_story_has_no_steps(record: Record) -> None:
    assert incident_steps(record, alert_of) == []
