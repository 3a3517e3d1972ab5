"""sensor purge: a device is deleted, from the inventory on disk and by a running sensor."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from pathlib import Path

import pytest

from sensor.inventory.corrections import Correction
from sensor.inventory.store.operator_changes import OperatorChanges
from sensor.inventory.store.reader import Reader
from sensor.lifecycle.redact import WORDS
from sensor.posture.profiles.installed import write
from sensor.posture.tickets.ledger import FILE, Ledger, Part, TicketEntry, read_ledger, write_ledger
from sensor.runtime.keeper import ORDERS
from tests.cli.conftest import ENDS, SCAN, record
from tests.cli.faults import reports
from tests.eventlog.segmented import Segmented
from tests.golden import Golden
from tests.inventory.stories import START, subject
from tests.posture.profiles.test_installed import MUD
from tests.runtime.test_keeper import LAPTOP, PRINTER, Run

CAMERA = "ac:cc:8e:00:00:01"
SHOUT = "quite-a-particular-name"


@pytest.fixture
def purge(run_cli, inventory: Path):
    return lambda *arguments: run_cli("purge", *arguments, "--state", str(inventory), "--author", "anna")


def everything(folder: Path) -> bytes:
    """Every byte of the store, in all its files."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("inventory.db*")))


def keys(folder: Path) -> list[str]:
    reader = Reader(folder)
    try:
        return sorted(one["key"] for one in reader.records())
    finally:
        reader.close()


def test_nothing_is_left_of_a_device(purge, run_cli, inventory: Path) -> None:
    """Attributes, history, addresses, baseline, corrections: no byte of the files has its MAC address or name. The
    other devices are unchanged.
    """
    with Run(inventory) as run:
        run.story.sends(PRINTER, "10.0.0.9", "mdns.hostname", SHOUT).at(4)
        run.learns(LAPTOP, PRINTER, 6 << 16 | 631)
        run.learns(PRINTER, LAPTOP, 6 << 16 | 445)
    run_cli("devices", "set", PRINTER, f"note={SHOUT}", "--state", str(inventory))
    assert SHOUT.encode() in everything(inventory)
    assert PRINTER.encode() in everything(inventory)
    others = [key for key in keys(inventory) if key != f"mac:{PRINTER}"]
    result = purge(PRINTER, "--yes", "--reason", "asked for it")
    assert result.code == 0, result.err
    assert "printer  Kyocera" in result.lines[0]
    assert result.lines[1] == "1 device purged"
    assert keys(inventory) == others
    assert SHOUT.encode() not in everything(inventory)
    assert PRINTER.encode() not in everything(inventory)
    assert b"asked for it" in everything(inventory)


def test_tickets_know_it_no_more(golden: Golden, purge, inventory: Path) -> None:
    """The device's name and id are removed from tickets, other devices stay; unreadable tickets stop the purge before
    anything is deleted.
    """
    reader = Reader(inventory)
    ids = {one["key"]: one["device"]["id"] for one in reader.records()}
    reader.close()
    printer, laptop = ids[f"mac:{PRINTER}"], ids[f"mac:{LAPTOP}"]
    devices = {printer: Part(SHOUT), laptop: Part("a laptop")}
    note = TicketEntry("Telnet", "setting", "high", "P2", devices=devices, over={printer: f"{SHOUT} is fixed"})
    write_ledger(
        inventory,
        Ledger(
            tickets={
                "ticket-1": note,
                "ticket-2": TicketEntry("FTP", "setting", "low", "P4", devices={laptop: Part("a laptop")}),
            }
        ),
    )
    (inventory / FILE).rename(inventory / "whole")
    (inventory / FILE).write_text("[]")
    assert (purge(PRINTER, "--yes").code, f"mac:{PRINTER}" in keys(inventory)) == (3, True)
    (inventory / "whole").rename(inventory / FILE)
    result = purge(PRINTER, "--yes")
    assert result.code == 0
    golden(result.out, "ticket")
    assert not any(word in (inventory / FILE).read_text() for word in (SHOUT, printer))
    assert [list(one.devices) for one in read_ledger(inventory).tickets.values()] == [[laptop], [laptop]]


def test_its_profile_goes_with_it(purge, inventory: Path) -> None:
    """A profile of this device alone is deleted; those of its type, of other devices and broken ones stay."""
    reader = Reader(inventory)
    ids = {one["key"]: one["device"]["id"] for one in reader.records()}
    reader.close()
    folder = inventory / "profiles"
    for name, target in (
        ("its", {"device": ids[f"mac:{PRINTER}"]}),
        ("other", {"device": ids[f"mac:{LAPTOP}"]}),
        ("type-printer", {"type": "printer"}),
    ):
        write(folder, name, target, {}, MUD)
    (folder / "broken.json").write_text("{")
    result = purge(PRINTER, "--yes")
    assert (result.code, "1 installed profile removed" in result.lines) == (0, True)
    assert sorted(path.stem for path in folder.iterdir()) == ["broken", "other", "type-printer"]


def test_what_was_deleted_long_before_is_gone_too(purge, inventory: Path) -> None:
    """Rows that an earlier sensor replaced without overwriting are in free pages; they are erased too."""
    with sqlite3.connect(inventory / "inventory.db") as base:
        base.execute("PRAGMA secure_delete = OFF")
        base.execute("UPDATE devices SET state = state || ? WHERE key = ?", (f" {SHOUT}" * 2000, f"mac:{PRINTER}"))
        base.commit()
        base.execute(
            "UPDATE devices SET state = rtrim(substr(state, 1, instr(state, ?) - 1)) WHERE key = ?",
            (SHOUT, f"mac:{PRINTER}"),
        )
    base.close()
    assert SHOUT.encode() in everything(inventory)
    assert purge(PRINTER, "--yes").code == 0
    assert SHOUT.encode() not in everything(inventory)


def test_in_the_next_run_it_is_new(purge, inventory: Path) -> None:
    """A purged device has no history, and is reported as a new device."""
    assert purge(PRINTER, "--yes").code == 0
    with Run(inventory) as run:
        assert run.story.who(PRINTER) is None
        assert not run.knows(PRINTER, LAPTOP, 6 << 16 | 445)
        run.story.sends(PRINTER, "10.0.0.9", "http.server", "type=printer").at(5)
        assert ("new", f"mac:{PRINTER}") in run.story.reported()


def test_a_running_sensor_takes_it_up(golden: Golden, purge, inventory: Path) -> None:
    """Within a tick the device is unknown, nothing of it in memory is written again, and no output receives it."""
    with Run(inventory) as run:
        run.story.sends(PRINTER, "10.0.0.9", "mdns.hostname", SHOUT)
        run.learns(LAPTOP, PRINTER, 6 << 16 | 631)
        result = purge(PRINTER, CAMERA, "--yes")
        assert result.code == 0, result.err
        golden(result.lines, "2 devices")
        before = len(run.story.changes)
        run.until(lambda: run.story.who(PRINTER) is None and run.story.who(CAMERA) is None)
        run.until(lambda: len(keys(inventory)) == 2)
        run.story.at(30)
        assert len(run.story.changes) == before
        run.story.sends(PRINTER, "10.0.0.9", "http.server", "type=nvr").at(40)
        assert [change.action for change in run.story.changes[before:]] == ["new", "identified"]
    assert f"mac:{PRINTER}" in keys(inventory)
    assert SHOUT.encode() not in everything(inventory)


def test_conversations_of_before_do_not_bring_it_back(purge, inventory: Path) -> None:
    """Seen flows are reported later, at the latest at the end of a run; only flows after the purge count."""
    with Run(inventory) as run:
        run.story.sends(PRINTER, "10.0.0.9", "http.server", "type=printer").at(20)
        before, sight = run.story.ts, run.story.inventory.sight
        assert purge(PRINTER, "--yes").code == 0
        run.until(lambda: run.story.who(PRINTER) is None)
        sight(before, *subject(PRINTER, "10.0.0.9"))
        run.story.at(30)
        assert run.story.who(PRINTER) is None
        sight(run.story.ts, *subject(PRINTER, "10.0.0.9"))
        run.story.at(40)
        assert run.story.who(PRINTER) is not None


def test_more_orders_than_a_tick_takes(inventory: Path, purge) -> None:
    """With many requests, some are done in each tick, and none is lost."""
    with Run(inventory) as run:
        for number in range(2 * ORDERS + 10):
            run.story.sends(
                f"00:17:c8:10:{number >> 8:02x}:{number & 255:02x}",
                f"10.1.{number >> 8}.{number & 255}",
                "http.server",
                "model=Z",
            )
            if number % 40 == 0:
                run.story.at(number / 40)
        run.story.at(60)
        run.until(lambda: len(keys(inventory)) == 2 * ORDERS + 10 + 4)
        assert purge("--before", "1s", "--yes").code == 0
        run.until(lambda: not keys(inventory))
        assert not list(run.story.inventory.devices())
        assert not run.keeper.store.orders()


def test_merged_devices_go_together(purge, inventory: Path) -> None:
    """Data of the merged device is deleted too: its corrections, and both states before the merge."""
    with Run(inventory) as run:
        changes = OperatorChanges(inventory, "anna", 7)
        changes.correct([Correction(f"mac:{CAMERA}", "note", SHOUT)])
        changes.order("merge", f"mac:{PRINTER}", f"mac:{CAMERA}", "same")
        changes.close()
        run.until(lambda: len(keys(inventory)) == 3)
    assert purge(PRINTER, "--yes").code == 0
    for word in (SHOUT, PRINTER, CAMERA):
        assert word.encode() not in everything(inventory)


def test_by_age(golden: Golden, purge, inventory: Path) -> None:
    """Only devices not seen since are deleted; a dry run lists them and deletes nothing."""
    story_time = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(START / 1e9))
    golden(purge("--before", story_time).out)
    result = purge("--before", "90d", "--dry-run")
    assert result.code == 0
    golden(result.lines[-1])
    assert len(keys(inventory)) == 4
    assert purge("--before", "90d", "--yes").code == 0
    assert keys(inventory) == []


def test_packets_behind_its_alerts_go_too(golden: Golden, purge, inventory: Path) -> None:
    """Evidence of alerts about the device is deleted, as the log names it; that of other alerts, and paths outside, are
    not touched.
    """
    evidence = inventory / "evidence"
    evidence.mkdir()
    ends = {"src": {**ENDS["src"], "mac": PRINTER}, "dst": ENDS["dst"], "targets": []}
    mine, theirs, no_evidence = "alert-abc123.pcapng", "alert-xyz789.pcapng", "inventory.db"
    records = [
        record(
            "alert",
            "open",
            "mine",
            "high",
            alert={**SCAN, "id": "alert-a"},
            **ends,
            packets={"file": f"evidence/{mine}", "frames": 1},
        ),
        record(
            "alert",
            "open",
            "theirs",
            "high",
            alert={**SCAN, "id": "alert-b"},
            **ENDS,
            packets={"file": f"evidence/{theirs}", "frames": 1},
        ),
        record(
            "alert",
            "open",
            "false",
            "high",
            alert={**SCAN, "id": "alert-c"},
            **ends,
            packets={"file": f"../{no_evidence}", "frames": 1},
        ),
    ]
    (inventory / "events.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    for name in (mine, theirs):
        (evidence / name).write_bytes(b"frames")
    golden(purge(PRINTER, "--dry-run").out, "1 file")
    assert purge(PRINTER, "--yes").code == 0
    assert sorted(path.name for path in evidence.iterdir()) == [theirs]
    assert (inventory / "inventory.db").exists()


def test_what_may_still_be_written_to_waits(golden: Golden, purge, inventory: Path) -> None:
    """A running sensor may still write to a file: it is named, with the advice to try again."""
    evidence = inventory / "evidence"
    evidence.mkdir()
    ends = {"src": {"mac": PRINTER}, "dst": {}, "targets": []}
    alert = record(
        "alert",
        "open",
        "mine",
        "high",
        alert=SCAN,
        **ends,
        packets={"file": "evidence/alert-abc123.pcapng", "frames": 1},
    )
    (inventory / "events.jsonl").write_text(json.dumps(alert) + "\n")
    (evidence / "alert-abc123.pcapng").write_bytes(b"frames")
    with Run(inventory):
        result = purge(PRINTER, "--yes")
        golden(result.lines, "written")
        assert (evidence / "alert-abc123.pcapng").exists()


def test_what_stays_is_reported(golden: Golden, purge, inventory: Path) -> None:
    """The log, existing backups and damaged files are named."""
    (inventory / "records" / "conn").mkdir(parents=True)
    kept = [inventory / name for name in ("inventory.db.version-2", "records/manifest.db.damaged-1")]
    kept.append(inventory / "records" / "conn" / "1-2-3.parquet.damaged")
    for path in kept:
        path.touch()
    lines = purge(PRINTER, "--yes").lines
    assert not [path for path in kept if not any(f"kept: {path}," in line for line in lines)]
    golden(lines[-2:])


def test_the_log_as_well_where_it_is_requested(golden: Golden, purge, run_cli, inventory: Path) -> None:
    """A dry run reports it before; while a sensor runs, nothing is deleted; otherwise no byte of the log has the
    device.
    """
    ends = {"src": {"mac": PRINTER}, "dst": {}, "targets": []}
    log = inventory / "events.jsonl"
    log.write_text(
        "".join(
            json.dumps(record("alert", "open", text, "high", alert=SCAN, **more)) + "\n"
            for text, more in (("mine", ends), ("theirs", ENDS))
        )
    )
    before = log.read_bytes()
    golden(purge(PRINTER, "--log", "--dry-run").lines, "1 record")
    with Run(inventory):
        result = purge(PRINTER, "--log", "--yes")
        assert result.code == 3
        golden(result.err, "another")
        assert (log.read_bytes(), f"mac:{PRINTER}" in keys(inventory)) == (before, True)
    result = purge(PRINTER, "--log", "--yes")
    assert result.code == 0, result.err
    golden(result.lines, "1 record")
    golden(result.lines[-1])
    assert not any("event log, until" in line for line in result.lines)
    assert PRINTER.encode() not in log.read_bytes()
    assert log.read_bytes().splitlines()[1] == before.splitlines()[1]


def test_an_output_that_is_behind_misses_nothing(purge, run_cli, inventory: Path, tmp_path: Path) -> None:
    """Each number is delivered once: records that were pending, then markers and the rest."""
    log, config, out = Segmented(inventory / "events.jsonl"), tmp_path / "sensor.yaml", tmp_path / "out.jsonl"
    config.write_text(f"outputs: {{archive: {{type: file, path: {out}}}}}\n")
    forward = ("forward", "--once", "--config", str(config), "--events", str(log.log))
    log.add(20, src={"mac": PRINTER})
    assert run_cli(*forward).code == 0
    log.add(20, src={"mac": PRINTER})
    assert purge(PRINTER, "--log", "--yes").code == 0
    log.add(20)
    assert run_cli(*forward).code == 0
    delivered = [json.loads(line) for line in out.read_text().splitlines()]
    assert [one["sensor"]["seq"] for one in delivered] == list(range(1, 61))
    assert [one["msg"] == WORDS for one in delivered] == [False] * 20 + [True] * 20 + [False] * 20


def test_it_asks_first(golden: Golden, purge, inventory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal is asked; elsewhere an option has to confirm. Otherwise nothing is deleted."""
    result = purge(PRINTER)
    assert result.code == 2
    assert reports(result, "purge.not-confirmed", "--yes"), result.err
    for answer, code in (("n\n", 2), ("\n", 2), ("", 2), ("y\n", 0)):
        read, write = os.pipe()
        os.write(write, answer.encode())
        os.close(write)
        with os.fdopen(read) as stdin:
            monkeypatch.setattr("sys.stdin", _Terminal(stdin))
            result = purge(PRINTER)
        assert result.code == code
        golden(result.err, "purge 1")
        assert (f"mac:{PRINTER}" in keys(inventory)) == bool(code)


class _Terminal:
    """A terminal with given input."""

    def __init__(self, file) -> None:
        self.readline = file.readline

    def isatty(self) -> bool:
        return True


def test_it_cannot_be_undone(purge, run_cli, inventory: Path) -> None:
    """Undo is rejected, since it would restore half a device."""
    purge(PRINTER, "--yes")
    result = run_cli("devices", "undo", "1", "--state", str(inventory))
    assert (result.code, result.errors) == (1, ("device.not-undone",))


@pytest.mark.parametrize(
    ("arguments", "code", "output"),
    [
        ((), 2, ("usage.missing-argument", "--before")),
        ((PRINTER, "--before", "90d"), 2, ("usage.missing-argument", "--before")),
        (("--before", "soon"), 2, ("usage.invalid-value", "--before")),
        (("--before", "999999w"), 2, ("usage.invalid-value", "--before")),
        (("10.0.0.99",), 1, ("device.unknown", "'10.0.0.99'")),
        ((PRINTER, "nobody"), 1, ("device.unknown", "'nobody'")),
    ],
)
def test_what_makes_no_sense(
    purge, inventory: Path, arguments: tuple[str, ...], code: int, output: tuple[str, ...]
) -> None:
    """Invalid input is one line, and nothing is deleted, not even known devices."""
    result = purge(*arguments, "--yes")
    assert (result.code, len(result.err.splitlines())) == (code, 1)
    assert reports(result, *output), result.err
    assert len(keys(inventory)) == 4


def test_no_inventory(run_cli, tmp_path: Path) -> None:
    """Without an inventory the exit code is 3."""
    result = run_cli("purge", PRINTER, "--yes", "--state", str(tmp_path / "none"))
    assert result.code == 3
    assert reports(result, "inventory.missing"), result.err
