"""Reports in the console: created, downloaded, compared, rejected, removed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest

from sensor.console.api.client import ApiError, Client
from sensor.console.child import Limits
from sensor.console.reports import FAILED, Report, Reports
from sensor.datasets.dataset import dataset_in
from sensor.views.errors import Malformed, Unknown
from tests.console.kit import csrf_of
from tests.waiting import until


def post(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    return client.post(path, data={"csrf": csrf_of(client.get("/reports").text), **fields})


def made(client: httpx.Client) -> str:
    """The page, after all reports are complete."""

    def page() -> str:
        text = client.get("/reports").text
        return "" if "Reload</a> to update" in text else text

    return until(page, apart_s=0.5)


def test_a_report_is_made_downloaded_compared_and_removed(forked_commands, start, own: Path) -> None:
    """JSON of the whole office, then HTML compared with it; both are attachments."""
    running = start(own)
    name = dataset_in(own).name
    with running.client() as anna:
        assert post(anna, "/reports", dataset=name, format="json").status_code == 303
        assert "done" in made(anna)
        first = Reports(own, None).all()[0]
        answer = anna.get(f"/reports/{first.id}/file")
        client = Client(running.url, running.token())
        [listed] = client.reports()
        assert (listed.id, listed.state, listed.format) == (first.id, "done", "json")
        assert listed.size == len(answer.content)
        assert client.report_file(first.id) == answer.content
        assert client.report_schedules() == []
        with pytest.raises(ApiError) as unknown:
            client.report_file("report-0")
        assert unknown.value.problem.code == "not_found"
        assert len(answer.json()["devices"]) == 38
        assert answer.headers["content-disposition"].startswith("attachment")
        assert "script" not in answer.headers["content-type"]
        assert post(anna, "/reports", dataset=name, format="html", against=first.id).status_code == 303
        made(anna)
        second = Reports(own, None).all()[0]
        page = anna.get(f"/reports/{second.id}/file")
        assert page.headers["content-disposition"].startswith("attachment")
        assert "Content-Security-Policy" in page.headers
        assert re.search(r"of \d{4}-", page.text)
        assert post(anna, "/reports/remove", id=first.id).status_code == 303
        assert anna.get(f"/reports/{first.id}/file").status_code == 404
        assert not (own / "reports" / first.id).exists()
        for fields in (
            {"dataset": "none", "format": "json"},
            {"dataset": name, "format": "exe"},
            {"dataset": name, "format": "json", "period": "7d", "since": "2026-11-24"},
            {"dataset": name, "format": "json", "against": "../../x"},
            {"dataset": name, "format": "json", "since": "yesterday"},
            {"dataset": name, "format": "json", "until": "24h"},
            {"dataset": name, "format": "json", "since": "2026-11-24", "until": "2026-11-23"},
        ):
            assert post(anna, "/reports", **fields).status_code in (400, 404)
        with running.client("guest", "read") as guest:
            assert post(guest, "/reports", dataset=name, format="json").status_code == 403
            assert guest.get(f"/reports/{second.id}/file").status_code == 200
    actions = [json.loads(line)["action"] for line in (own / "console-audit.jsonl").read_text().splitlines()]
    assert actions.count("report") == 2 + 2
    assert "report remove" in actions


def test_values_of_a_form_are_no_options(tmp_path: Path) -> None:
    """Each value is passed in one argument with the name of its option."""
    reports = Reports(tmp_path, tmp_path / "sensor.yaml")
    arguments = reports.command(Report("report-1", "office", "json", "anna", period="--output=/etc/x", since="-o"))
    assert [word for word in arguments if word.startswith("-")] == [
        "-o", f"--state={tmp_path}", "--period=--output=/etc/x", "--since=-o", "--data=office",
        f"--config={tmp_path / 'sensor.yaml'}",
    ]  # fmt: skip


def test_a_period_that_makes_no_sense_is_reported_and_the_report_of_a_stopped_console_too(tmp_path: Path) -> None:
    reports = Reports(tmp_path, None, Limits(seconds=60))
    one = reports.begin(Report("", "office", "json", "anna", period="yesterday"))
    until(lambda: reports.get(one.id).state == FAILED)
    assert "yesterday" in reports.get(one.id).message
    with pytest.raises(Malformed):
        reports.path(reports.get(one.id))
    card = tmp_path / "reports" / one.id / "card.json"
    card.write_text(card.read_text().replace('"failed"', '"in progress"'))
    assert Reports(tmp_path, None).get(one.id).state == FAILED
    with pytest.raises(Unknown):
        reports.get("../../x")
