"""Schedules of reports at a sensor's console: days and weeks, missed ones, comparison, limits, who may."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from sensor.console import reports as of_reports
from sensor.console.api.client import Client
from sensor.console.reports import DONE, KEPT_EACH, QUEUED, Report, Reports
from sensor.console.schedules import EVERY, MOST, Schedule, Schedules, last_end
from sensor.datasets.dataset import dataset_in
from sensor.views.errors import Malformed, Unknown
from tests.console.kit import csrf_of
from tests.waiting import until

DAY = 86_400.0


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reports:
    """Without a worker: each requested report is done at once."""
    made = Reports(tmp_path, None)

    def put(name: str) -> None:
        one = made.get(name)
        (tmp_path / "reports" / name / f"report.{one.format}").write_text("{}")
        made._end(one, "")

    monkeypatch.setattr(made._worker, "put", put)
    return made


@pytest.mark.parametrize(
    ("every", "now", "since", "until"),
    [
        ("day", "2026-11-30T00:00:01", "2026-11-29", "2026-11-30"),
        ("day", "2026-11-30T23:59:59", "2026-11-29", "2026-11-30"),
        ("week", "2026-11-30T00:00:01", "2026-11-23", "2026-11-30"),  # a Monday
        ("week", "2026-11-29T23:59:59", "2026-11-16", "2026-11-23"),
        ("week", "2027-01-02T12:00:00", "2026-12-21", "2026-12-28"),
    ],
)
def test_the_last_complete_period(every: str, now: str, since: str, until: str) -> None:
    end = last_end(every, datetime.fromtimestamp(at(now), UTC))
    assert (f"{end - EVERY[every]:%Y-%m-%d}", f"{end:%Y-%m-%d}") == (since, until)


def test_a_report_of_each_day_compared_with_the_one_before(reports: Reports) -> None:
    """Nothing on the day of the schedule; one report a day, however often it is looked; missed days are left out."""
    reports.schedules.add(Schedule("daily", "live", "day", "json", "anna"), at("2026-11-24T09:00"))
    reports.begin_due(at("2026-11-24T23:59"))
    assert reports.all() == []
    for moment in ("2026-11-25T00:00:10", "2026-11-25T00:00:40", "2026-11-25T12:00"):
        reports.begin_due(at(moment))
    [first] = reports.all()
    assert (first.dataset, first.schedule, first.who, first.against) == ("live", "daily", "anna", "")
    assert (first.since, first.until) == ("2026-11-24T00:00", "2026-11-25T00:00")
    reports.begin_due(at("2026-11-28T07:00"))
    newest, _ = reports.all()
    assert (newest.since, newest.against) == ("2026-11-27T00:00", first.id)
    assert reports.schedules.all()[0].next == at("2026-11-29")


def test_reports_of_users_are_neither_compared_nor_removed(reports: Reports) -> None:
    """Each schedule stores its newest reports, and takes them along when it is removed."""
    reports.schedules.add(Schedule("daily", "live", "day", "html", "anna"), at("2026-11-01"))
    reports.begin(Report("", "live", "html", "berta"))
    for day in range(KEPT_EACH + 3):
        reports.begin_due(at("2026-11-02T00:01") + day * DAY)
    own = [one for one in reports.all() if not one.schedule]
    scheduled = [one for one in reports.all() if one.schedule]
    assert (len(own), len(scheduled)) == (1, KEPT_EACH)
    assert own[0].id not in [one.against for one in scheduled]
    reports.unschedule("daily")
    assert [one.who for one in reports.all()] == ["berta"]
    with pytest.raises(Unknown):
        reports.unschedule("daily")


def test_a_full_queue_delays_a_report(reports: Reports, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is requested later, for the same day."""
    reports.schedules.add(Schedule("daily", "live", "day", "html", "anna"), at("2026-11-24"))
    monkeypatch.setattr(of_reports, "QUEUED", 0)
    reports.begin_due(at("2026-11-25T00:01"))
    assert reports.all() == []
    monkeypatch.setattr(of_reports, "QUEUED", QUEUED)
    reports.begin_due(at("2026-11-25T00:02"))
    assert [(one.since, one.state) for one in reports.all()] == [("2026-11-24T00:00", DONE)]


def test_a_clock_that_was_set_back_stops_no_schedule(reports: Reports) -> None:
    reports.schedules.add(Schedule("daily", "live", "day", "html", "anna"), at("2036-01-01"))
    reports.begin_due(at("2026-11-25T09:00"))
    assert reports.schedules.all()[0].next == at("2026-11-26")


def test_names_lead_nowhere_and_are_limited(tmp_path: Path) -> None:
    schedules = Schedules(tmp_path)
    for name in ("", "../x", "a/b", ".hidden", "x" * 65, "a\nb"):
        with pytest.raises(Malformed):
            schedules.check(name)
    for number in range(MOST):
        schedules.add(Schedule(f"n{number}", "live", "day", "html", "anna"), 0.0)
    for name in ("n0", "another"):
        with pytest.raises(Malformed):
            schedules.check(name)
    (tmp_path / "report-schedules" / "n0" / "schedule.json").write_text("{damaged")
    assert len(Schedules(tmp_path).all()) == MOST - 1


def post(client: httpx.Client, **fields: str) -> httpx.Response:
    return client.post("/reports/act", data={"csrf": csrf_of(client.get("/reports").text), **fields})


def test_the_page_and_the_api_schedule_for_datasets_that_grow(start, own: Path) -> None:
    """A replay gets no new data. What a program scheduled is on the page, is in the audit log, and is removed there."""
    name = dataset_in(own).name
    running = start(own)
    with running.client() as anna:
        assert 'id="schedules"' not in anna.get("/reports").text
        assert post(anna, action="add", name="x", dataset=name, every="day", format="html").status_code == 400
    running.stop()
    (own / "dataset.json").unlink()
    running = start(own)
    name = dataset_in(own).name
    program = Client(running.url, running.token("write"))
    with running.client() as anna, running.client("berta", "read") as berta:
        wanted = {"action": "add", "dataset": name, "every": "week", "format": "json"}
        assert post(anna, name="weekly", **wanted).status_code == 303
        [one] = program.report_schedules()
        assert (one.name, one.dataset, one.every, one.format, one.author) == ("weekly", name, "week", "json", "anna")
        assert datetime.fromisoformat(one.next).weekday() == 0
        for fields in ({"name": "weekly"}, {"name": "b", "every": "hour"}, {"name": "c", "format": "exe"}):
            assert post(anna, **wanted | fields).status_code == 400
        headers = {"Authorization": f"Bearer {running.token('write')}"}
        body = {"name": "daily", "every": "day"}
        with httpx.Client(base_url=running.url, headers=headers, timeout=60) as client:
            assert client.post("/api/v1/report-schedules", json=body).status_code == 200
            assert client.post("/api/v1/report-schedules", json=body).json()["field"] == "name"
        assert '<td class="first">daily</td>' in berta.get("/reports").text
        assert "/reports/act" not in berta.get("/reports").text
        token = csrf_of(berta.get("/account").text)
        assert berta.post("/reports/act", data={"csrf": token, "action": "remove", "name": "daily"}).status_code == 403
        assert post(anna, action="remove", name="daily").status_code == 303
        assert post(anna, action="remove", name="daily").status_code == 400
        assert [one.name for one in program.report_schedules()] == ["weekly"]
        audit = (own / "console-audit.jsonl").read_text()
        assert audit.count('"report schedule"') == 2


def test_the_console_makes_a_report_that_is_due(forked_commands, start, own: Path) -> None:
    """A console that was stopped over the end of a day makes it when it starts."""
    (own / "dataset.json").unlink()
    Schedules(own).add(Schedule("daily", dataset_in(own).name, "day", "json", "anna"), at("2026-11-24T09:00"))
    running = start(own)
    client = Client(running.url, running.token())
    made = until(lambda: [one for one in client.reports() if one.state not in ("waiting", "in progress")], apart_s=0.5)
    [found] = made
    assert (found.schedule, found.state) == ("daily", "done"), found.message
