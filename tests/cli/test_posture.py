"""sensor posture: scores of the office and of constructed logs, and their trend."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sensor.cli._posture_trend import picture
from sensor.posture.scores.exposure import Term
from sensor.posture.scores.trend import FILE
from tests.cli.conftest import ENDS, SCAN, TIMES, Result, device, record
from tests.golden import Golden

PCAPS = Path(__file__).parents[2] / "pcaps"
RTSP = {
    "id": "recommendation-abc123", "setting": "rtsp_open", "title": "RTSP stream without authentication", "count": 3,
    **TIMES,
    "why": ["Anybody may look."],
    "seen": "RTSP/1.0 200 OK", "fix": "Set a password.", "test": "It asks for one.",
}  # fmt: skip
LOG = [
    device(9, "workstation", hostname="evil", vlan=10),
    device(12, "camera", hostname="=door\x1b[2J", vendor="Acme", model="C1", vlan=30, firmware="10.1"),
    device(13, "camera", "gone", vendor="Hikvision"),
    record("alert", "open", "evil tried 120 ports", "high", alert={**SCAN, "risk": 80}, **ENDS),
    record(
        "recommendation",
        "open",
        "open stream",
        "medium",
        recommendation=RTSP,
        src={"device": "dev-12", "ip": "10.0.0.12"},
    ),
]


@pytest.fixture
def posture(run_cli, tmp_path: Path) -> Callable[..., Result]:
    """sensor posture on the log above, or on these records."""

    def run(*arguments: str, records: list[Any] = LOG) -> Result:
        path = tmp_path / "made.jsonl"
        path.write_text("".join(f"{json.dumps(one)}\n" for one in records), encoding="utf-8")
        return run_cli("posture", *arguments, "--events", str(path))

    return run


def bodies(result: Result) -> list[dict[str, Any]]:
    assert result.code == 0, result.err
    return [json.loads(line) for line in result.lines]


# Scores.


def test_the_office(run_cli, office: Path) -> None:
    """The score of the office is shown with the devices that cause it and the first action."""
    result = run_cli("posture", "--state", str(office), "--events", str(office / "events.jsonl"))
    assert (result.code, result.err) == (0, "")
    assert result.lines[0].startswith("site: ")
    assert ", high; " in result.lines[0]
    assert result.lines[2].split()[2:5] == ["worst", "10.20.10.62", "(DS-2CD2143G0-I20190814AAWRD53310771,"]
    worst = result.lines[result.lines.index("") + 2]
    assert worst.split()[1:3] == ["high", "10.20.10.62"]
    assert " attack" in worst
    assert any(line.startswith("ALONE ") for line in result.lines)
    assert any("RTSP stream without authentication" in line for line in result.lines)


def test_what_is_reported_adds_up(run_cli, office: Path) -> None:
    """JSON has the site, then each device, highest score first; each is the sum of its terms, and none is missing."""
    site, *devices = bodies(
        run_cli("posture", "--json", "--state", str(office), "--events", str(office / "events.jsonl"))
    )
    assert (site["scope"], {one["scope"] for one in devices}) == ("site", {"device"})
    assert sum(site["devices"].values()) == len(devices)
    for one in (site, *devices):
        assert round(sum(term["points"] for term in one["terms"]), 1) == one["points"]
    assert [one["points"] for one in devices] == sorted((one["points"] for one in devices), reverse=True)
    assert site["terms"][0]["of"] == [devices[0]["device"]["id"]]
    assert len(site["fixes"]) == 10
    assert all(fix["points"] <= site["points"] and fix["devices"] for fix in site["fixes"])


def test_all_about_one_device(golden: Golden, posture) -> None:
    """Every term is shown, zero terms too, and what is left after each fix; names from the network are sanitized."""
    result = posture("device", "10.0.0.12")
    golden(result.lines[:7])
    assert result.lines[8].split() == ["ALONE", "TOGETHER", "FIX", "RESOLVES"]
    assert [line.split() for line in result.lines[9:11]] == [
        [
            "30.0",
            "medium",
            "30.0",
            "medium",
            "Investigate",
            "and",
            "contain",
            "10.0.0.9",
            "(evil,",
            "workstation)",
            "alert-abc123",
        ],
        ["32.0", "medium", "0.0", "low", "RTSP", "stream", "without", "authentication", "rtsp_open"],
    ]
    (body,) = bodies(posture("device", "dev-12", "--json"))
    assert body["device"]["segment"] == "vlan 30"
    first = body["fixes"][0]
    assert (first["key"], first["points"], first["fixes"]) == ("alerts|dev-9", 30.0, ["alert-abc123"])
    assert tuple(body["terms"][0]) == Term._fields


def test_who_attacked_burns_until_a_user_closes_the_alert(posture, run_cli, tmp_path: Path) -> None:
    """An alert counts as an active attack until a user closes it, even if its activity ended or the sensor stopped."""
    silent = [*LOG[:3], record("alert", "close", "evil tried 120 ports", "high", alert={**SCAN, "risk": 80}, **ENDS)]
    assert posture("device", "evil", records=silent).lines[0].endswith(": 64.0 of 100, high")
    assert (
        run_cli("alerts", "close", SCAN["id"], "--reason", "our scanner", "--events", str(tmp_path / "made.jsonl")).code
        == 0
    )
    assert posture("device", "evil", records=silent).lines[0].endswith(": 0.0 of 100, low")


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("segment", ["vlan 10", "vlan 30"]),
        ("vlan", ["vlan 10", "vlan 30"]),
        ("type", ["workstation", "camera"]),
        ("vendor", ["unknown", "Acme"]),
    ],
)
def test_by(posture, by: str, names: list[str]) -> None:
    """Each group has one line, highest score first; removed devices are in none."""
    result = posture("--by", by)
    assert result.lines[0].split()[:3] == ["SCORE", "BAND", by.upper()]
    assert [line.split("  ")[2].strip() or line.split("  ")[3].strip() for line in result.lines[1:]] == names
    assert [(one["scope"], one["name"], one["devices"]["high"]) for one in bodies(posture("--by", by, "--json"))] == [
        (by, name, 1) for name in names
    ]
    rows = list(csv.DictReader(io.StringIO(posture("--by", by, "--csv").out)))
    assert [(row["name"], row["devices"]) for row in rows] == [(name, "1") for name in names]


def test_a_spreadsheet_calculates_nothing(posture) -> None:
    """CSV has each device with its terms; a name that starts like a formula is text."""
    rows = list(csv.DictReader(io.StringIO(posture("--csv").out)))
    assert [(row["score"], row["band"], row["name"], row["attack"]) for row in rows] == [
        ("64.0", "high", "evil", "64.0"),
        ("52.4", "high", "'=door [2J", "22.4"),
    ]
    assert len(posture("--by", "device").lines) == 3


def test_an_empty_log_and_a_foreign_one(golden: Golden, posture) -> None:
    """An empty log has no score; invalid values are skipped."""
    quiet = [record("sensor", "started", "capturing on eth0")]
    assert posture(records=[]).code == 3
    golden(posture(records=quiet).out)
    assert [posture("--by", by, records=quiet).out for by in ("device", "type")] == ["no devices\n", "no devices\n"]
    odd = device(1, "camera", ips=["x", 5], vlan="7", criticality=["high"], firmware=3)
    worse = device(2, "camera", ips="10.0.0.2", vendor=["x"])
    result = posture(
        records=[
            odd,
            worse,
            record("alert", "open", "x", "grave", alert=7, src=[], targets=[4]),
            record("recommendation", "open", "x", recommendation=[]),
        ]
    )
    assert result.code == 0, result.err
    assert result.lines[0].startswith("site: ")


def test_what_makes_no_sense_is_reported_in_one_line(posture, run_cli, tmp_path: Path) -> None:
    """An unknown action, a wrong number of arguments, an unknown or removed device, and no data are reported."""
    for arguments, code, expected in (
        (["score"], 2, "no action 'score', expected one of scores, "),
        (["device"], 2, "found 0 arguments after device, expected device DEVICE"),
        (["scores", "x"], 2, "found 1 argument after scores, expected scores"),
        (["device", "10.9.9.9"], 1, "no device '10.9.9.9'"),
        (["device", "dev-13"], 1, "10.0.0.13 (camera) is gone since 2026-11-24T09:20:00: it has no score"),
    ):
        result = posture(*arguments)
        assert (result.code, result.out) == (code, ""), arguments
        assert result.err.startswith(f"sensor: {expected}"), result.err
        assert result.err.count("\n") == 1
    result = posture("--config", str(tmp_path / "none.yaml"))
    assert (result.code, result.out) == (2, "")
    assert run_cli("posture", "--events", str(tmp_path / "none")).code == 3
    assert run_cli("posture", "--state", str(tmp_path / "none")).code == 3


# Trend.


def test_a_day_is_recorded_and_shown(run_cli, office: Path) -> None:
    """A day by packet time is stored once, however often it is recorded."""
    for _ in range(2):
        result = run_cli("posture", "record", "--state", str(office), "--events", str(office / "events.jsonl"))
        assert (result.code, result.err) == (0, "")
    assert result.out.startswith("2026-11-24: site ")
    assert len((office / FILE).read_text().splitlines()) == 1
    shown = run_cli("posture", "trend", "--state", str(office))
    assert shown.lines[0].startswith("site, 2026-11-24: now ")
    assert shown.lines[-1].startswith("2026-11-24  ")
    (body,) = bodies(run_cli("posture", "trend", "--json", "--state", str(office)))
    assert sum(body["devices"].values()) == 38


@pytest.fixture
def went(run_cli, tmp_path: Path) -> Callable[..., Result]:
    """sensor posture trend on three days with a gap between them."""
    for name, points, rest in (("2026-11-20", 80.0, 2), ("2026-11-21", 60.5, 1), ("2026-11-24", 12.0, 0)):
        counts = {"devices": {"high": rest, "low": 1}, "weaknesses": {"critical": rest, "low": 4}}
        body = {
            "day": name,
            "ts": f"{name}T09:00:00Z",
            "points": points,
            **counts,
            "segments": {"vlan 30": points} if rest else {},
        }
        with (tmp_path / FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(body) + "\n")
    return lambda *arguments: run_cli("posture", "trend", *arguments, "--state", str(tmp_path))


def test_a_trend(golden: Golden, went) -> None:
    """The span, a chart with its gap, and a row for each day with the changes are shown."""
    result = went()
    golden(result.lines)
    assert went("--since", "3d").lines[0].startswith("site, 2026-11-21 to 2026-11-24: ")
    assert went("--since", "2026-11-24").lines[0].startswith("site, 2026-11-24: ")
    golden(went("--since", "2027-01-01").out)


def test_a_trend_of_a_segment(went) -> None:
    """The trend has the days on which the segment was among the stored ones."""
    assert [line.split() for line in went("vlan 30").lines[3:]] == [
        ["2026-11-20", "80.0", "high", "-"],
        ["2026-11-21", "60.5", "high", "-19.5"],
    ]
    assert [(one["day"], one["segment"], one["points"]) for one in bodies(went("vlan 30", "--json"))] == [
        ("2026-11-20", "vlan 30", 80.0),
        ("2026-11-21", "vlan 30", 60.5),
    ]


def test_a_link_local_address_reports_no_segment(posture) -> None:
    """Every link has the same prefix: devices of two networks would be in one segment, and change it with the address
    last used.
    """
    homes = []
    for ips in (["fe80::5", "2001:db8:1::5"], ["2001:db8:1::5", "fe80::5"], ["fe80::5"], ["169.254.7.7"]):
        found = bodies(posture("--by", "device", "--json", records=[device(5, "printer", ips=ips)]))
        homes += [one["device"].get("segment") for one in found]
    assert homes == ["2001:db8:1::/64", "2001:db8:1::/64", None, None]


def test_a_trend_of_what_is_not_there(golden: Golden, went, run_cli, tmp_path: Path) -> None:
    """An unknown segment, an invalid span, a damaged line, and no recorded day are reported."""
    result = went("vlan 31")
    assert result.code == 1
    golden(result.err)
    result = went("--since", "soon")
    assert result.code == 2
    assert result.err.startswith("sensor: --since: ")
    assert "'soon', " in result.err
    with (tmp_path / FILE).open("a", encoding="utf-8") as file:
        file.write("\x1b[2J\n")
    result = went()
    assert result.code == 0
    golden(result.err, "skipped 1")
    assert run_cli("posture", "trend", "--state", str(tmp_path / "none")).code == 3


def test_the_scores_of_a_day_are_those_of_the_sensor(
    run_cli, inventory: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scores are those of its inventory, though a capture was replayed since and its log is beside it. A timer's
    output is only the line about what was stored.
    """
    _began(inventory)
    (inventory / "replay.jsonl").write_bytes(log.read_bytes())
    monkeypatch.setenv("SENSOR_STATE", str(inventory))
    result = run_cli("posture", "record", "--data", "live")
    assert result.code == 0
    assert result.err.splitlines()[1:] == []  # the first line: the replay of an earlier version became a dataset
    result = run_cli("posture", "record", "--data", "live")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("2023-11-14: site ")
    assert run_cli("posture", "record", "--events", str(log)).code == 6


def test_recording_reports_of_what_was_damaged(golden: Golden, run_cli, inventory: Path) -> None:
    """Recording continues; newer values of the same day are kept."""
    _began(inventory)
    (inventory / FILE).write_text("x\n")
    result = run_cli("posture", "record", "--state", str(inventory))
    assert result.code == 0
    assert result.err.startswith(f"sensor: {inventory / FILE}: ")
    assert " line 1: " in result.err.splitlines()[0]
    golden(result.err.splitlines()[1])
    kept = json.loads((inventory / FILE).read_text())
    (inventory / FILE).write_text(json.dumps(kept | {"ts": "2023-11-14T23:59:59Z"}) + "\n")
    result = run_cli("posture", "record", "--state", str(inventory))
    golden(result.out)


def test_a_time_that_is_none_is_reported(golden: Golden, run_cli, inventory: Path, tmp_path: Path) -> None:
    """An invalid time in an external log is reported, and so is an unwritable file."""
    odd = tmp_path / "odd.jsonl"
    odd.write_text(
        json.dumps(record("alert", "open", "x", "high", alert=SCAN, **ENDS) | {"ts": "soon"}), encoding="utf-8"
    )
    result = run_cli("posture", "record", "--state", str(inventory), "--events", str(odd))
    assert (result.code, result.out) == (3, "")
    golden(result.err)
    (inventory / FILE).mkdir()
    _began(inventory)
    result = run_cli("posture", "record", "--state", str(inventory))
    assert result.code == 3
    golden(result.err)
    assert (
        run_cli("posture", "trend", "--state", str(inventory)).err
        == f"sensor: cannot read {inventory / FILE}: Is a directory\n"
    )


def test_an_inventory_without_its_log_is_reported(
    golden: Golden, run_cli, inventory: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alerts and recommendations are only in logs, so the scores are too low: they are shown with this note, and not
    stored.
    """
    result = run_cli("posture", "--state", str(inventory))
    assert result.code == 6
    golden(result.lines[0])
    assert result.lines[1].startswith("site: ")
    result = run_cli("posture", "recommendations", "--state", str(inventory))
    assert result.code == 6
    golden(result.lines)
    monkeypatch.setenv("SENSOR_STATE", str(inventory))
    assert (run_cli("posture", "record").code, (inventory / FILE).exists()) == (6, False)
    (inventory / "events.jsonl").touch()  # of a sensor that stopped early
    assert run_cli("posture", "record").code == 6
    (inventory / "events.jsonl").write_bytes(log.read_bytes())
    assert (run_cli("posture", "record").code, (inventory / FILE).exists()) == (0, True)


def test_nothing_was_seen_yet(run_cli, tmp_path: Path) -> None:
    """An inventory without a device has no time, and so no day."""
    from tests.runtime.test_keeper import Run

    with Run(tmp_path / "state"):
        pass
    assert run_cli("posture", "record", "--state", str(tmp_path / "state")).code == 3


def _began(folder: Path) -> None:
    """The log of a sensor that has no findings yet."""
    (folder / "events.jsonl").write_text(
        json.dumps(record("sensor", "started", "capturing on eth0") | {"ts": "2023-11-14T00:00:00.000000Z"}) + "\n"
    )


def test_many_days_fit_the_picture() -> None:
    """Days that share a column show their highest score."""
    days = [f"2026-{month:02}-{day:02}" for month in range(1, 5) for day in range(1, 29)]
    shown = picture(days, [100.0 if one == "2026-02-03" else 0.0 for one in days], 30)
    assert (len(shown), shown.count("█")) == (30, 1)
