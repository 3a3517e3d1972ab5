"""Pages of incomplete datasets: missing data is shown as unknown, never as none."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from pathlib import Path

import httpx
import pytest

from sensor.cli.main import main
from tests.console.kit import Running, act, no_all_clear


def test_nothing_at_all(start, tmp_path: Path) -> None:
    """Without data each page and the API report it with what to do."""
    running = start(tmp_path)
    with running.client() as client:
        for path in ("/", "/alerts", "/devices", "/health"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert "sensor replay FILE" in answer.text
            assert '<a href="/uploads">' in answer.text.partition("<main")[2]
            no_all_clear(answer.text)
        assert client.get("/api/v1/alerts").json()["code"] == "unavailable"
    with running.client("eve", "read") as guest:  # may not upload
        assert '<a href="/uploads">' not in guest.get("/").text.partition("<main")[2].partition("</main>")[0]


def test_another_error_without_data_has_its_own_title(start, tmp_path: Path) -> None:
    """A page that needs no dataset fails for its own reason: uploading a capture is not the remedy."""
    with start(tmp_path).client(scope="admin") as client:
        answer = client.get("/settings/edit")
        assert answer.status_code == 503
        assert "sensor config init" in answer.text
        assert "No data yet" not in answer.text
        assert "<h1>No data yet</h1>" in client.get("/").text


def test_missing_parts_are_reported_where_they_are_missed(start, own: Path) -> None:
    """No feed of vulnerabilities was imported, and there are no traffic records: both are unknown, not absent."""
    with start(own).client() as client:
        assert "sensor vulns import" in client.get("/vulnerabilities").text.partition('class="notice"')[2][:300]
        assert 'class="notice"' not in client.get("/hunt").text
        shutil.rmtree(own / "records")
        for path in ("/hunt", "/hunt/all", "/traffic"):
            assert str(own / "records") in client.get(path).text.partition("<main")[2]


def test_without_a_log_alerts_are_unknown(start, own: Path) -> None:
    """Devices are taken from the inventory; everything that only the log has is unknown."""
    (own / "events.jsonl").unlink()
    with start(own).client() as client:
        assert "38 devices" in client.get("/devices").text
        for path in ("/", "/alerts", "/incidents", "/recommendations", "/timeline", "/health", "/search?q=tp-lab"):
            answer = client.get(path)
            assert answer.status_code == 200
            assert "nknown" in answer.text
            no_all_clear(answer.text)
        for path in ("/vulnerabilities", "/tickets", "/posture"):
            assert client.get(path).status_code == 503
        assert client.get("/api/v1/alerts").status_code == 503
        found = client.get("/api/v1/devices").json()
        assert found["source"]["notes"] != []
        assert {(one["open_alerts"], one["alert_severity"]) for one in found["items"]} == {(None, "")}


def test_a_log_alone_has_all_it_knows(start, own: Path) -> None:
    """Without an inventory the tables are built from the log; operators can still change its alerts."""
    for path in own.glob("inventory.db*"):
        path.unlink()
    (own / "inventory.lock").unlink(missing_ok=True)
    with start(own).client() as client:
        assert "7 alerts" in client.get("/alerts").text
        assert "38 devices" in client.get("/devices").text
        name = client.get("/api/v1/alerts").json()["items"][0]["id"]
        assert act(client, action="close", alert=name).status_code == 303
        assert client.get(f"/api/v1/alerts/{name}").json()["item"]["alert"]["state"] == "closed"


def test_a_damaged_store_is_rebuilt_from_the_log(start, own: Path) -> None:
    """The store is rebuilt as by the commands, with a note on the page."""
    for path in own.glob("inventory.db-*"):
        path.unlink()
    content = bytearray((own / "inventory.db").read_bytes())
    content[8192 : len(content) // 2] = bytes(len(content) // 2 - 8192)
    (own / "inventory.db").write_bytes(content)
    with start(own).client() as client:
        answer = client.get("/alerts")
        assert "7 alerts" in answer.text


def test_a_newer_store_is_refused_with_what_to_do(start, own: Path) -> None:
    with sqlite3.connect(own / "inventory.db") as base:
        base.execute("PRAGMA user_version = 999")
    base.close()
    with start(own).client() as client:
        answer = client.get("/alerts")
        assert answer.status_code == 503
        assert re.search(r"\bversion 999\b", answer.text)
        no_all_clear(answer.text)


def test_a_damaged_device_is_not_a_failed_change(start, own: Path) -> None:
    """Its page names the damage; that nothing was changed is the answer to a change only."""
    with sqlite3.connect(own / "inventory.db") as base:
        (name,) = base.execute("SELECT id FROM devices LIMIT 1").fetchone()
        base.execute("UPDATE devices SET state = '{}' WHERE id = ?", (name,))
    base.close()
    with start(own).client() as client:
        answer = client.get(f"/devices/{name}")
        assert answer.status_code == 503
        assert name in answer.text
        assert "Nothing was changed" not in answer.text


def test_packets_that_are_missing_have_a_reason(start, own: Path) -> None:
    """One file is missing, one is damaged: both are reported, and the rest is shown."""
    files = sorted((own / "evidence").iterdir())
    files[0].unlink()
    files[1].write_bytes(b"damaged")
    with start(own).client() as client:
        assert "no longer in" in client.get(f"/alerts/{files[0].stem}").text
        assert f"{files[1].name}: " in client.get(f"/alerts/{files[1].stem}").text
        assert client.get(f"/alerts/{files[0].stem}/packets.pcapng").status_code == 503
        assert client.get(f"/alerts/{files[2].stem}/packets.pcapng").status_code == 200


def test_a_link_in_the_evidence_folder_leads_nowhere(start, own: Path) -> None:
    file = min((own / "evidence").iterdir())
    file.unlink()
    file.symlink_to("/etc/passwd")
    with start(own).client() as client:
        assert client.get(f"/alerts/{file.stem}/packets.pcapng").status_code == 503


def test_a_replay_that_was_cut_off_reports_so(start, own: Path) -> None:
    card = own / "dataset.json"
    card.write_text(card.read_text().replace("}", ',"complete":false}'))
    with start(own).client() as client:
        assert "interrupted" in client.get("/").text


def test_datasets_side_by_side(start, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The selected dataset stays in every link; comments are stored in the dataset that is shown."""
    monkeypatch.setenv("SENSOR_STATE", str(tmp_path))
    for name in ("first", "second"):
        assert main(["replay", str(root / "pcaps/office.pcapng"), "--name", name]) == 0
    with start(tmp_path).client() as client:
        page = client.get("/alerts?data=first").text
        assert "<strong>first</strong>" in page
        assert 'href="/devices?data=first"' in page
        names = {one["name"] for one in client.get("/api/v1/datasets").json()["item"]}
        assert names == {"first", "second"}
        alert = client.get("/api/v1/alerts?data=first").json()["items"][0]["id"]
        from tests.console.kit import csrf_of

        fields = {"csrf": csrf_of(page), "action": "close", "alert": alert, "filter": "data=first"}
        assert client.post("/alerts/act?data=first", data=fields).headers["location"].startswith("/alerts?data=first")
        states = {name: client.get(f"/api/v1/alerts?data={name}&state=closed").json()["total"] for name in names}
        assert states == {"first": 1, "second": 0}


def test_a_state_that_cannot_be_written_is_reported(start, own: Path) -> None:
    """No action is done without an entry in the audit log."""
    with start(own).client() as client:
        name = client.get("/api/v1/alerts").json()["items"][0]["id"]
        (own / "console-audit.jsonl").unlink()
        (own / "console-audit.jsonl").mkdir()
        answer = act(client, action="close", alert=name)
        assert answer.status_code == 503
        assert client.get(f"/api/v1/alerts/{name}").json()["item"]["alert"]["state"] == "open"


def test_other_requests_go_on_while_a_client_reads_slowly(office: Running) -> None:
    """Streams of slow clients delay no page."""
    with office.client() as client:
        streams = [httpx.Client(base_url=office.url, cookies=client.cookies) for _ in range(6)]
        opened = [one.stream("GET", "/api/v1/events") for one in streams]
        for one in opened:
            one.__enter__()
        assert client.get("/alerts").status_code == 200
        for one in opened:
            one.__exit__(None, None, None)
        for stream in streams:
            stream.close()


def test_an_overview_without_open_alerts_still_lists_the_closed_ones(start, own) -> None:
    """All alerts are closed, but the page does not call the site safe. Stored scores are drawn as a line."""
    with start(own).client() as client:
        ids = sorted(set(re.findall(r"/alerts/(alert-\w+)", client.get("/alerts").text)))
        assert "chart" in client.get("/").text
        assert act(client, action="close", alert=ids).status_code == 303
        text = client.get("/").text
        assert set(re.findall(r"/alerts/(alert-\w+)", text)) == set(ids)
        assert "<polyline" not in text
        days = [
            {"day": f"2026-11-2{day}", "ts": f"2026-11-2{day}T08:00:00Z", "points": 20.0 * day, "devices": {}}
            | {"weaknesses": {}, "segments": {}}
            for day in (2, 3)
        ]
        (own / "posture.jsonl").write_text("".join(f"{json.dumps(day)}\n" for day in days))
        assert 'points="0.0,' in client.get("/").text
