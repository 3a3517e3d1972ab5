"""sensor tickets: open fixes, on the office capture and on constructed networks."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sensor.core.severities import SEVERITIES
from sensor.inventory.store.database import FILE
from tests.cli.conftest import Result, device, record
from tests.cli.faults import reports
from tests.golden import Golden

PCAPS = Path(__file__).parents[2] / "pcaps"


@pytest.fixture
def invoke(run_cli, office: Path) -> Callable[..., Result]:
    """sensor tickets on the office, without stored tickets."""
    for path in office.glob("tickets.*"):
        path.unlink()
    return lambda *arguments: run_cli(
        "tickets", *arguments, "--state", str(office), "--events", str(office / "events.jsonl")
    )


def bodies(result: Result) -> list[dict[str, Any]]:
    assert result.code == 0, result.err
    return [json.loads(line) for line in result.lines]


# What there is to do.


def test_the_office_has_tickets_the_most_pressing_first(invoke) -> None:
    """Each fix has one line, highest priority first, with due date and devices; all are new; then their numbers."""
    result = invoke()
    assert result.lines[0].split() == ["PRIORITY", "SEVERITY", "DUE", "TICKET", "STATE", "DEVICES", "OWNER", "TITLE"]
    rows = result.lines[1:-1]
    listed = bodies(invoke("list", "--json"))
    order = [(not any(each["sure"] for each in one["devices"]), -SEVERITIES.index(one["severity"])) for one in listed]
    assert order == sorted(order)
    assert (listed[0]["severity"], {certain for certain, _ in order}) == ("critical", {False, True})
    assert any("Update Aruba 515 from 8.10.0.6" in row and " new " in row for row in rows)
    kinds = Counter(row.split()[0] for row in rows)
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    unsure = sum(unknown for unknown, _ in order)
    assert re.fullmatch(rf"{len(rows)} tickets on \d+ devices: {counted}; the last {unsure}: .+", result.lines[-1])


def test_one_ticket_for_the_same_fix_on_several_devices(invoke) -> None:
    """Two cameras of two vendors serve video without authentication: one ticket, with the packet that proves it for
    each camera.
    """
    [ticket] = [one for one in bodies(invoke("list", "--json")) if one["names"] == ["rtsp_open"]]
    assert {one["vendor"] for one in ticket["devices"]} == {"Axis", "Hikvision"}
    assert all(
        one["proof"]["event"] == "rtsp.response" and one["proof"]["ts"].startswith("2026-11-24T08:06")
        for one in ticket["devices"]
    )
    assert (ticket["state"], ticket["overdue"], ticket["given"]) == ("new", False, {})


def test_all_about_a_ticket(invoke) -> None:
    """The terms of the priority with their reason, each CVE, what to do, how to verify, and the packet are shown."""
    [ticket] = [one for one in bodies(invoke("list", "--json")) if "Aruba" in one["title"]]
    out = invoke("show", ticket["id"]).out
    assert (
        "Points      23.6, those of CVE-2023-45614 on 10.20.10.3 (ap-1f, access point), the most severe of 3 findings"
        in out
    )
    assert "Fixed in 8.12.0.2 / 8.10.0.13." in out
    assert "proof: 2026-11-24T08:18:01Z, lldp.system_description, ArubaOS (MODEL: 515), Version 8.10.0.6" in out


def test_some_of_them(invoke) -> None:
    """Tickets are filtered by severity, owner and state, and by their devices."""
    assert [one["severity"] for one in bodies(invoke("list", "--json", "--severity", "critical"))] == ["critical"]
    assert all(
        any(each["type"] == "camera" for each in one["devices"])
        for one in bodies(invoke("list", "--json", "type=camera"))
    )
    assert {each["segment"] for one in bodies(invoke("vlan=20", "--json")) for each in one["devices"]} == {"vlan 20"}
    listed = bodies(invoke("vendor=aruba", "type=access_point", "--json"))
    assert [{each["vendor"] for each in one["devices"]} for one in listed] == [{"Aruba"}] * len(listed) != []
    exported = invoke("export", "vendor=aruba", "type=access_point", "--format", "json").out
    assert [one["id"] for one in map(json.loads, exported.splitlines())] == [one["id"] for one in listed]
    assert invoke("vendor=nosuch").out == "no tickets\n"
    assert invoke("--status", "done").out == "no tickets\n"
    assert invoke("--owner", "nobody").out == "no tickets\n"


def test_as_a_sheet(invoke) -> None:
    """CSV has a row for each ticket."""
    rows = list(csv.DictReader(io.StringIO(invoke("list", "--csv").out)))
    assert [row["ticket"] for row in rows] == [one["id"] for one in bodies(invoke("list", "--json"))]
    assert {row["state"] for row in rows} == {"new"}


# Stored tickets.


def test_due_dates_stay_and_what_was_written_is_open(invoke, office: Path, tmp_path: Path) -> None:
    """The first listing stores when a ticket was first seen; a ticket written to a file is stored as open, no longer
    new.
    """
    before = {one["id"]: one["due"] for one in bodies(invoke("list", "--json"))}
    kept = json.loads((office / "tickets.json").read_text())
    assert {name: note["due"] for name, note in kept["tickets"].items()} == before
    result = invoke("export", "-o", str(tmp_path / "out.md"))
    assert result.out == f"{tmp_path / 'out.md'}: {len(before)} tickets\n"
    after = bodies(invoke("list", "--json"))
    assert {one["state"] for one in after} == {"open"}
    assert {one["id"]: one["due"] for one in after} == before
    assert after[0]["given"] == {"markdown file": ""}


def test_a_broken_list_of_tickets_is_reported_and_left_alone(invoke, office: Path) -> None:
    """An unreadable list of tickets is reported and kept: otherwise known tickets would be opened a second time."""
    path = office / "tickets.json"
    path.write_text('{"version": 1, "tickets": {"ticket-x"')
    result = invoke()
    assert (result.code, result.out) == (3, "")
    assert result.err.startswith(f"sensor: {path}: ")
    assert reports(result, "ticket.ledger", "`sensor restore`"), result.err
    assert path.read_text() == '{"version": 1, "tickets": {"ticket-x"'


def test_a_list_of_another_sensor_is_reported(invoke, office: Path) -> None:
    (office / "tickets.json").write_text('{"version": 9, "tickets": {}}')
    result = invoke()
    assert result.code == 3
    assert reports(result, "ticket.ledger", "version 9"), result.err


def test_a_folder_that_takes_nothing_is_reported(invoke, office: Path) -> None:
    """A folder has the name of the lock file: the list is shown, and that nothing was stored is reported."""
    (office / "tickets.lock").mkdir()
    try:
        result = invoke()
    finally:
        (office / "tickets.lock").rmdir()
    assert re.match(r"\d+ tickets on ", result.lines[-1])
    assert reports(result, "ticket.ledger"), result.err
    assert not (office / "tickets.json").exists()


def test_of_a_log_alone_nothing_is_kept(run_cli, office: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log alone changes no tickets: it may be from another network."""
    monkeypatch.setenv("SENSOR_STATE", str(tmp_path))
    assert re.match(r"\d+ tickets on ", run_cli("tickets", "--events", str(office / "events.jsonl")).lines[-1])
    assert not list(tmp_path.glob("tickets*"))


def test_a_later_replay_does_not_make_tickets_done(
    run_cli, office: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A capture from elsewhere that was replayed later is its own dataset: with its explicit path the inventory is
    read.
    """
    folder = tmp_path / "state"
    shutil.copytree(office, folder, ignore=shutil.ignore_patterns("tickets.*"))
    monkeypatch.setenv("SENSOR_STATE", str(folder))
    before = run_cli("tickets").lines
    (folder / "replay.jsonl").write_text(json.dumps(device(9, "printer")) + "\n")
    os.utime(folder / "replay.jsonl", (2**31, 2**31))
    assert run_cli("tickets", "--state", str(folder)).lines == before


def test_an_inventory_without_devices_shows_of_nothing_that_it_is_done(run_cli, office: Path, tmp_path: Path) -> None:
    """An inventory without devices closes no ticket: it is empty before the first run, or after it was lost."""
    note = {
        "title": "x",
        "kind": "update",
        "severity": "high",
        "priority": "P1",
        "last": "2026-11-24T09:00:00Z",
        "devices": {"dev-1": {"text": "x"}},
    }
    (tmp_path / "tickets.json").write_text(json.dumps({"tickets": {"ticket-aaaaaa": note}}))
    with (
        contextlib.closing(sqlite3.connect(office / FILE)) as there,
        contextlib.closing(sqlite3.connect(tmp_path / FILE)) as here,
    ):
        there.backup(here)
        here.execute("DELETE FROM devices")
        here.commit()
    (tmp_path / "none.jsonl").write_text(json.dumps(record("sensor", "started", "capturing on eth0")) + "\n")
    result = run_cli("tickets", "list", "--json", "--state", str(tmp_path), "--events", str(tmp_path / "none.jsonl"))
    assert [(one["id"], one["state"]) for one in bodies(result)] == [("ticket-aaaaaa", "open")]


def test_a_firmware_that_a_user_looked_up_needs_not_be_found_out_again(
    golden: Golden, run_cli, office: Path, tmp_path: Path
) -> None:
    """The ticket requested the version, so it is done; the next ticket reports that no packet proves the version."""
    folder = tmp_path / "state"
    shutil.copytree(office, folder, ignore=shutil.ignore_patterns("tickets.*"))
    model = "Hikvision DS-2CD2143G0-I"
    [requested] = [
        one
        for one in bodies(run_cli("tickets", "--json", "--state", str(folder)))
        if one["title"] == f"Determine the firmware version of {model}"
    ]
    assert "devices set" in requested["steps"][0]["text"]
    assert run_cli("devices", "set", "10.20.10.62", "firmware=5.7.1", "--state", str(folder)).code == 0
    now = {one["id"]: one for one in bodies(run_cli("tickets", "--json", "--state", str(folder)))}
    assert now[requested["id"]]["state"] == "done"
    golden(run_cli("tickets", "show", requested["id"], "--state", str(folder)).out, "5.7.1")
    [left] = [one for one in now.values() if one["state"] != "done" and model in one["title"]]
    assert left["title"] == f"Determine whether {model} 5.7.1 is affected"


# Invalid requests.


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["lst"], 2, "usage.unknown-action"),
        (["list", "type=camra"], 2, "usage.unknown-filter"),
        (["tpe=camera"], 2, "usage.unknown-filter"),
        (["export", "vendor=Axis", "typ=camera"], 2, "usage.unknown-filter"),
        (["show"], 2, "usage.missing-argument"),
        (["show", "ticket-nosuch"], 1, "ticket.unknown"),
        (["export", "--format", "jra"], 2, "usage.invalid-value"),
        (["export", "--format", "jira"], 2, "usage.missing-argument"),
        (["export", "ticket-nosuch"], 1, "ticket.unknown"),
        (["export", "-o", "/nosuch/out.md"], 3, "file.not-written"),
        (["send"], 2, "output.none-configured"),
        (["send", "jira"], 2, "output.unknown"),
    ],
)
def test_mistakes(golden: Golden, invoke, arguments: list[str], code: int, error: str) -> None:
    """A mistake is reported in one line with what was found and what was expected."""
    text = invoke(*arguments)
    assert (text.code, text.out, text.errors) == (code, "", (error,))
    golden(text.err)
