"""sensor overview: the numbers are those of the commands that it names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.offices import copy_of_office


@pytest.fixture
def overview(run_cli, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    """Runs a command on the office."""
    monkeypatch.setenv("SENSOR_STATE", str(copy_of_office(tmp_path_factory)))
    return run_cli


def listed(result) -> list[dict]:
    return [json.loads(line) for line in result.lines]


def test_numbers_are_those_of_the_lists(overview) -> None:
    """Devices, alerts, incidents, recommendations, CVEs, score and fixes; closing an alert changes them."""
    (found,) = listed(overview("overview", "--json"))
    devices, alerts = listed(overview("devices", "--json")), listed(overview("alerts", "--open", "--json"))
    assert (found["devices"]["total"], found["devices"]["new"]) == (len(devices), len(devices))
    assert found["devices"]["type"]["printer"] == sum(one["type"] == "printer" for one in devices)
    assert found["alerts"]["open"] == len(alerts) == sum(found["alerts"]["severity"].values())
    assert found["incidents"]["open"] == len(overview("alerts", "incidents", "--open", "--json").lines)
    assert found["recommendations"]["open"] == len(overview("posture", "recommendations", "--open", "--json").lines)
    assert found["vulnerabilities"]["affected"] == len(
        {one["cve"] for one in listed(overview("vulns", "--json")) if one["verdict"] == "affected"}
    )
    assert f"site: {found['exposure']['points']:.1f} of 100, high" in overview("posture").out
    assert found["coverage_gaps"] == []
    worst = alerts[0]["alert"]["id"]
    assert overview("alerts", "close", worst).code == 0
    (after,) = listed(overview("overview", "--json"))
    assert after["alerts"]["open"] == found["alerts"]["open"] - 1
    assert after["exposure"]["points"] < found["exposure"]["points"]
    assert worst not in json.dumps(after)


def test_one_page(overview) -> None:
    """A line per question, with the command for the details; the most severe incident comes first."""
    lines = overview("overview").lines
    assert len(lines) <= 24
    assert [line.split("  ")[0] for line in lines if line[0] != " "][:7] == [
        "devices", "incidents", "alerts", "recommendations", "vulnerabilities", "exposure score", "coverage gaps",
    ]  # fmt: skip
    assert lines[2].startswith("  critical: ")
    for command in ("alerts --open", "alerts incidents", "posture recommendations", "vulns --unknown", "posture"):
        assert f": sensor {command}" in "\n".join(lines)


def test_an_empty_network(run_cli, tmp_path: Path) -> None:
    """Nothing open is no fault; without data there is no page."""
    assert run_cli("overview", "--state", str(tmp_path / "none")).code == 3
    log = tmp_path / "quiet.jsonl"
    log.write_text('{"ts":"2026-11-24T08:00:00Z","kind":"sensor","action":"started","severity":"info","msg":"x"}\n')
    result = run_cli("overview", "--events", str(log))
    assert (result.code, "0 devices" in result.out, "0 open" in result.out) == (0, True, True)
