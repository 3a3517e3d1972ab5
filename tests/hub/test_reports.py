"""Scheduled reports of a hub: the report of a sensor over the states of a site or of all, made when it is due, compared
with the one before, stored for the console and the command, and hidden from users of other sites.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from sensor.cli.main import main
from sensor.console.security.keys import Keys
from sensor.hub import report_log, reports
from sensor.hub.database import Connection
from sensor.hub.device_values import DeviceValues
from sensor.hub.notes import Note, add_note
from sensor.hub.report_log import Span
from sensor.hub.reports import NotMade, ReportRow, Schedule
from sensor.hub.views.backend import HubBackend
from sensor.hub.views.query import Reader
from sensor.inventory.corrections import Correction
from tests.console.kit import Running, csrf_of, output_of
from tests.forked import Forking
from tests.hub.hub_kit import PARIS, SITE, HubServers, hub_file

# The office capture is of this day.
BEGIN = datetime(2026, 11, 24, tzinfo=UTC)
DAY = Span(PARIS, BEGIN, BEGIN + timedelta(days=1))
DEVICES, ALERTS, INCIDENTS = 38, 7, 3


@pytest.fixture(autouse=True)
def _forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes that make reports are forked, with the memory of this one; tests/console/test_confined.py starts
    them.
    """
    monkeypatch.setattr("sensor.console.child.subprocess", Forking())
    monkeypatch.setattr(reports, "LIMITS", reports.LIMITS._replace(memory=8 << 30))


@pytest.fixture
def base(filled: HubServers) -> Iterator[Connection]:
    with filled.base() as base:
        yield base
        base.execute("DELETE FROM report_schedules")


def made(base: Connection, span: Span = DAY, *more: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(reports.make(base, span, "json", *more))
    return found


def test_a_report_of_a_site_has_what_the_report_of_its_sensor_has(
    base: Connection, office: Path, tmp_path: Path
) -> None:
    """The same devices, findings, alerts and incidents, with ids of the hub; the other site is not in it."""
    report = made(base)
    output_of(
        "report", "-o", str(tmp_path / "own.json"), "--events", str(office),
        "--since", report_log.text_of(DAY.since), "--until", report_log.text_of(DAY.until),
    )  # fmt: skip
    own = json.loads((tmp_path / "own.json").read_text())

    def names(found: dict[str, Any]) -> dict[str, Any]:
        return {
            "devices": sorted(one["id"].rpartition(".")[2] for one in found["devices"]),
            "findings": sorted((one["name"], one["severity"]) for one in found["findings"]),
            "alerts": sorted((one["detector"], one["severity"], one.get("count", 1)) for one in found["alerts"]),
            "incidents": sorted(one["severity"] for one in found["incidents"]),
            "packets": sum(one["packets"] for one in found["watched"]["sources"]),
        }

    assert names(report) == names(own)
    assert (len(report["devices"]), len(report["alerts"]), len(report["incidents"])) == (DEVICES, ALERTS, INCIDENTS)
    assert report["sensor"] == f"{PARIS} hub"
    assert {one["id"].partition(".")[0] for one in report["devices"]} == {"2"}
    assert {one["name"].split()[0] for one in report["watched"]["sources"]} == {f"{PARIS}/paris-1"}


def test_a_report_of_all_sites_keeps_their_networks_apart(base: Connection) -> None:
    """Both sites use the same private addresses: a segment has the name of its site."""
    report = made(base, DAY._replace(site=None))
    assert (len(report["devices"]), len(report["alerts"])) == (2 * DEVICES, 2 * ALERTS)
    segments = {one["segment"].split()[0] for one in report["devices"] if one.get("segment")}
    assert segments == {SITE, PARIS}
    assert not any(one["segment"].startswith(PARIS) for one in made(base)["devices"] if one.get("segment"))


def test_values_and_notes_of_operators_are_in_it(base: Connection) -> None:
    [device, *_] = [row for row in HubBackend(_reader(base)).devices().rows if row.type == "camera"]
    numbers = DeviceValues(base, "eve").correct([Correction(device.id, "owner", "facilities")])
    alert = HubBackend(_reader(base)).alerts(limit=1).rows[0]
    sensor, _, name = alert.id.partition(".")
    base.execute(
        "INSERT INTO alert_notes (sensor, alert, author, state, comment) VALUES (%s, %s, 'eve', 'closed', 'a test')",
        [int(sensor), name],
    )
    try:
        report = made(base)
        assert [one["owner"] for one in report["devices"] if one["id"] == device.id] == ["facilities"]
        [closed] = [one["closed"] for one in report["alerts"] if one["id"] == alert.id]
        assert "eve" in closed
    finally:
        DeviceValues(base, "eve").undo(numbers[0])
        add_note(base, Note(name, "eve", state="open"))
        base.execute("DELETE FROM alert_notes")


def test_lists_are_limited_and_the_report_has_the_number(base: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """The devices seen last and the most severe alerts are in it; what is left out is stated."""
    monkeypatch.setattr(report_log, "DEVICES", 5)
    monkeypatch.setattr(report_log, "ALERTS", 2)
    report = made(base)
    assert (len(report["devices"]), len(report["alerts"])) == (5, 2)
    assert report["alerts"][0]["severity"] == "critical"
    assert [one["count"] for one in report["watched"]["health"] if one["check"] == "report"] == [2]
    assert made(base, DAY._replace(site="no such site"))["devices"] == []


def test_faults_of_sensors_are_in_it(base: Connection) -> None:
    base.execute("UPDATE sensors SET clock_ms = 90000 WHERE name = 'paris-1'")
    checks = {one["check"] for one in made(base)["watched"]["health"]}
    base.execute("UPDATE sensors SET clock_ms = 0")
    assert f"{PARIS}/paris-1" in checks
    assert f"{SITE}/office-1" not in checks


def test_a_schedule_runs_once_for_each_period(base: Connection) -> None:
    """After the end of a day or an ISO week in UTC; a worker that was down reports on the last period only."""
    wednesday = datetime(2026, 11, 25, 15, tzinfo=UTC)
    for name, site, every in (("daily", PARIS, "day"), ("weekly", None, "week")):
        assert reports.add_schedule(base, Schedule(name, site, every, "json", "eve"), wednesday)
        assert not reports.add_schedule(base, Schedule(name, site, every, "json", "eve"), wednesday)
    due = {one.name: one.next for one in reports.list_schedules(base)}
    thursday, monday = datetime(2026, 11, 26, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC)
    assert due == {"daily": thursday, "weekly": monday}
    assert reports.run_due(base, wednesday) == 0
    assert reports.run_due(base, thursday + timedelta(minutes=5)) == 1
    assert reports.run_due(base, thursday + timedelta(minutes=15)) == 0
    assert reports.run_due(base, monday + timedelta(minutes=5)) == 2
    found = [(one.schedule, one.since, one.until, one.fault, one.size > 0) for one in reports.list_reports(base)]
    day, week = timedelta(days=1), timedelta(days=7)
    assert sorted(found) == [
        ("daily", thursday - day, thursday, "", True), ("daily", monday - day, monday, "", True),
        ("weekly", monday - week, monday, "", True),
    ]  # fmt: skip
    assert [row.site for row in reports.list_reports(base, [PARIS])] == [PARIS, PARIS]
    [newest, *_] = [row for row in reports.list_reports(base) if row.schedule == "daily"]
    body = reports.stored(base, str(newest.number))
    assert body is not None
    assert json.loads(body[1])["difference"]["until"] == report_log.text_of(thursday)
    assert newest.file_name == "daily-2026-11-29.json"


def test_a_report_that_cannot_be_made_is_listed_with_the_reason(
    base: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the newest reports of a schedule are stored, also failed ones."""
    begin = datetime(2026, 11, 25, tzinfo=UTC)
    reports.add_schedule(base, Schedule("daily", PARIS, "day", "json", "eve"), begin)
    monkeypatch.setattr("sensor.console.child.TICK_S", 0.0)
    monkeypatch.setattr(reports, "LIMITS", reports.LIMITS._replace(seconds=0.0))
    assert reports.run_due(base, begin + timedelta(days=1)) == 1
    [failed] = reports.list_reports(base)
    assert (failed.size, bool(failed.fault), reports.stored(base, str(failed.number))) == (0, True, None)
    monkeypatch.setattr(reports, "LIMITS", reports.LIMITS._replace(seconds=600.0))
    monkeypatch.setattr(reports, "SIZE", 10)
    with pytest.raises(NotMade):
        made(base)
    monkeypatch.setattr(reports, "KEPT", 2)
    monkeypatch.setattr(reports, "make", lambda *_: b"{}")
    for day in (2, 3, 4):
        assert reports.run_due(base, begin + timedelta(days=day)) == 1
    assert [row.until.day for row in reports.list_reports(base)] == [29, 28]


def test_a_report_of_a_killed_worker_is_tried_again(base: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = datetime(2026, 11, 25, tzinfo=UTC)
    reports.add_schedule(base, Schedule("daily", PARIS, "day", "json", "eve"), begin)
    due = begin + timedelta(days=1)

    def killed(*_: Any) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(reports, "make", killed)
    with pytest.raises(KeyboardInterrupt):
        reports.run_due(base, due)
    monkeypatch.setattr(reports, "make", lambda *_: b"{}")
    assert reports.run_due(base, due + timedelta(minutes=10)) == 0
    assert reports.run_due(base, due + timedelta(minutes=31)) == 1
    assert [row.until for row in reports.list_reports(base)] == [due]


def test_only_so_many_schedules(base: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "SCHEDULES", 2)
    names = [reports.add_schedule(base, Schedule(name, None, "day", "html", "eve"), BEGIN) for name in "abc"]
    assert names == [True, True, False]


def test_commands_schedule_list_save_and_make(base: Connection, filled: HubServers, tmp_path: Path) -> None:
    hub = ("--config", str(filled.config))
    output_of("hub", "report", "add", "paris", "--site", PARIS, "--every", "1d", "--format", "json", *hub)
    base.execute("UPDATE report_schedules SET next = now()")
    assert reports.run_due(base, datetime.now(UTC)) == 1
    [row] = [json.loads(line) for line in output_of("hub", "report", "--json", *hub).splitlines()]
    assert (row["schedule"], row["site"], row["fault"]) == ("paris", PARIS, "")
    output_of("hub", "report", "save", str(row["number"]), str(tmp_path / "saved.json"), *hub)
    assert json.loads((tmp_path / "saved.json").read_text())["sensor"] == f"{PARIS} hub"
    times = ("--since", "2026-11-24", "--until", "2026-11-25")
    output_of("hub", "report", "make", str(tmp_path / "fleet.html"), *times, *hub)
    page = (tmp_path / "fleet.html").read_text()
    assert f"{PARIS} 10.20.10.0/24" in page
    assert f"{SITE} 10.20.10.0/24" in page
    output_of("hub", "report", "remove", "paris", *hub)
    assert base.execute("SELECT count(*) FROM reports").fetchone() == (0,)
    assert [main(["hub", "report", *words, *hub]) for words in (
        ("remove", "paris"), ("save", "999999", str(tmp_path / "x")), ("save", "x", str(tmp_path / "x")), ("burn",),
        ("add",), ("add", "x/y"), ("add", "x", "--every", "2h"), ("make", str(tmp_path / "x.txt")),
        ("make", str(tmp_path / "x.html"), "--since", "2026-11-25", "--until", "2026-11-24"),
        ("make", str(tmp_path / "none" / "x.html"), *times),
    )] == [1, 1, 1, 2, 2, 2, 2, 2, 2, 3]  # fmt: skip


def test_pages_for_users_of_some_sites(base: Connection, filled: HubServers, tmp_path: Path) -> None:
    """They schedule and download reports of their sites, and do not see others; each change is audited."""
    running = Running(tmp_path, "--hub", str(hub_file(filled, tmp_path)))
    filled.limit(anna=["*"], pia=[PARIS])
    try:
        with running.client() as anna, running.client("pia") as pia:
            assert _post(anna, action="add", name="fleet", site="all sites", every="day", format="json") == 303
            assert _post(pia, action="add", name="paris", site=PARIS, every="day", format="html") == 303
            for site, expected in (("all sites", 403), (SITE, 404)):
                assert _post(pia, action="add", name="x", site=site, every="day", format="json") == expected
            for name, every, form in (("x", "hour", "json"), ("x", "day", "exe"), ("../x", "day", "json")):
                assert _post(anna, action="add", name=name, site=PARIS, every=every, format=form) == 400
            assert _post(anna, action="add", name="paris", site=PARIS, every="day", format="json") == 400
            base.execute("UPDATE report_schedules SET next = now()")
            assert reports.run_due(base, datetime.now(UTC)) == 2
            fleet, paris = sorted(reports.list_reports(base), key=lambda one: one.schedule)
            answer = pia.get(f"/reports/{paris.number}/file")
            assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
            assert answer.headers["content-disposition"].startswith("attachment")
            assert pia.get(f"/reports/{fleet.number}/file").status_code == 404
            assert anna.get(f"/reports/{fleet.number}/file").json()["sensor"] == "all sites hub"
            assert anna.get("/reports/x/file").status_code == 404
            _check_api(anna, pia, fleet, paris)
            page = pia.get("/reports").text
            assert (fleet.file_name in page, paris.file_name in page) == (False, True)
            assert _post(pia, action="remove", name="fleet") == 400
            assert _post(pia, action="remove", name="paris") == 303
            assert [one.name for one in reports.list_schedules(base)] == ["fleet"]
    finally:
        running.stop()
    entries = [one for one in filled.audited() if one["action"].startswith("report")]
    assert [(one["who"], one["action"], one["dataset"]) for one in entries] == [
        ("anna", "report schedule", "all sites"), ("pia", "report schedule", PARIS),
        ("anna", "report schedule", PARIS), ("pia", "report unschedule", PARIS),
    ]  # fmt: skip


def _check_api(anna: httpx.Client, pia: httpx.Client, fleet: ReportRow, paris: ReportRow) -> None:
    """The API has the same reports and schedules for each user, and the same files."""

    def listed(client: httpx.Client, path: str, **given: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = client.get(f"/api/v1/{path}", params=given).json()["item"]
        return found

    assert [(one["schedule"], one["dataset"], one["state"]) for one in listed(pia, "reports")] == [
        ("paris", PARIS, "done")
    ]
    assert {one["id"] for one in listed(anna, "reports")} == {str(fleet.number), str(paris.number)}
    assert [one["id"] for one in listed(anna, "reports", data=PARIS)] == [str(paris.number)]
    assert [(one["name"], one["every"], one["author"]) for one in listed(pia, "report-schedules")] == [
        ("paris", "day", "pia")
    ]
    assert [one["name"] for one in listed(anna, "report-schedules")] == ["fleet", "paris"]
    file = anna.get(f"/api/v1/reports/{fleet.number}/file")
    assert (file.headers["content-type"], file.json()["sensor"]) == ("application/json", "all sites hub")
    assert file.headers["content-disposition"].startswith("attachment")
    for name in (str(fleet.number), "x", "999999"):
        assert pia.get(f"/api/v1/reports/{name}/file").json()["code"] == "not_found"


def _post(client: httpx.Client, **fields: str) -> int:
    token = csrf_of(client.get("/reports").text)
    return client.post("/reports/act", data={"csrf": token, **fields}).status_code


def _reader(base: Connection) -> Reader:
    return Reader(base, (PARIS,))


def test_a_program_schedules_a_report(base: Connection, filled: HubServers, tmp_path: Path) -> None:
    """With a token of scope write, for the sites of the token; each change is audited."""
    running = Running(tmp_path, "--hub", str(hub_file(filled, tmp_path)))
    filled.limit(soar=[PARIS], reader=["*"])
    try:
        with _program(running, filled, "soar", "write") as soar, _program(running, filled, "reader", "read") as reader:
            daily = {"name": "daily", "every": "day", "format": "json"}
            assert soar.post("/report-schedules", params={"data": PARIS}, json=daily).status_code == 200
            found = soar.get("/report-schedules").json()["item"]
            assert [(one["name"], one["dataset"], one["author"]) for one in found] == [("daily", PARIS, "soar")]
            again = soar.post("/report-schedules", params={"data": PARIS}, json=daily)
            assert (again.status_code, again.json()["field"]) == (400, "name")
            for change in ({"every": "hour"}, {"format": "exe"}, {"name": "../x"}, {"site": SITE}):
                assert soar.post("/report-schedules", params={"data": PARIS}, json=daily | change).status_code == 400
            assert soar.post("/report-schedules", json=daily | {"name": "all"}).status_code == 403
            assert soar.post("/report-schedules", params={"data": SITE}, json=daily).status_code == 404
            assert reader.post("/report-schedules", json=daily).status_code == 403
            assert reader.post("/report-schedules/daily/remove", json={}).status_code == 403
            assert soar.post("/report-schedules/nothing/remove", json={}).status_code == 400
            assert soar.post("/report-schedules/daily/remove", json={}).json()["item"] == []
    finally:
        running.stop()
    entries = [(one["action"], one["text"]) for one in filled.audited() if one["who"] == "soar"]
    assert ("report schedule", "daily: each day, json") in entries
    assert entries[-1] == ("report unschedule", "daily")


def _program(running: Running, filled: HubServers, name: str, scope: str) -> httpx.Client:
    secret = Keys(filled.shared.store).add_token(name, scope, 1.0)[1]
    return httpx.Client(base_url=f"{running.url}/api/v1", headers={"Authorization": f"Bearer {secret}"}, timeout=60)
