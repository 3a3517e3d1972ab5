"""The files of alerts: mutes that change during a run, suppressed alerts, notes of the operator, evidence."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from sensor.alerts.files import AlertFiles, note_of
from sensor.alerts.mutes import Mute, save_mutes
from sensor.config import load_config
from sensor.core.time_units import SECOND
from sensor.eventlog.paths import muted_log, notes_log
from sensor.eventlog.writer import EventLog
from sensor.runtime import daemon
from sensor.runtime.daemon import Run
from tests.alerts.test_incidents import made
from tests.alerts.test_processor import LAPTOP, Reported
from tests.kit import tcp_frame
from tests.runtime.test_daemon import SCHEMA, Given

SYN, RST = 2, 0x14
MUTE = Mute(id="m1", detector="discovery.*", src="10.0.0.66", author="anna", reason="our scanner")


def scan() -> list[bytes]:
    frames = []
    for n in range(40):
        frames.append(tcp_frame("10.0.0.66", f"10.0.5.{n + 1}", sport=50000 + n, dport=445, flags=SYN))
        frames.append(tcp_frame(f"10.0.5.{n + 1}", "10.0.0.66", sport=445, dport=50000 + n, flags=RST))
    return frames


def replayed(folder: Path, **options: Any) -> tuple[Run, list[dict[str, Any]]]:
    log = EventLog(folder / "log.jsonl", fresh=True)
    run = Run(load_config(None), Given(list(scan())), log, **options)
    run.run()
    log.close()
    return run, lines(folder / "log.jsonl")


def lines(path: Path) -> list[dict[str, Any]]:
    """The records of a log, each validated against the schema."""
    records = [json.loads(line) for line in path.read_bytes().splitlines()]
    for record in records:
        SCHEMA.validate(record)
    return records


def of(kind: str, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for record in records if record["kind"] == kind]


def test_a_replay_with_mutes(tmp_path: Path) -> None:
    """Only the count of muted alerts is reported; they are in a separate log with their mute, which a replay without
    mutes removes.
    """
    save_mutes(tmp_path / "mutes.yaml", [MUTE])
    _, records = replayed(tmp_path, mutes=tmp_path / "mutes.yaml")
    assert of("alert", records) == of("incident", records) == []
    muted = lines(muted_log(tmp_path / "log.jsonl"))
    assert {record["alert"]["muted"]["id"] for record in muted} == {"m1"}
    last = {record["alert"]["id"]: record["alert"]["count"] for record in muted}
    assert records[-2]["capture"]["muted"] == {"m1": sum(last.values())}
    _, records = replayed(tmp_path)
    assert of("alert", records)
    assert not muted_log(tmp_path / "log.jsonl").exists()


def test_a_replay_with_evidence(tmp_path: Path) -> None:
    """The record names the file, and so does that of a second replay."""
    first = replayed(tmp_path, evidence=tmp_path / "evidence")[1]
    opened = of("alert", first)[0]
    assert opened["packets"]["frames"] > 10
    assert (tmp_path / opened["packets"]["file"]).stat().st_size > 1000
    assert replayed(tmp_path, evidence=tmp_path / "evidence")[1] == first


def test_wrong_mutes_never_stop_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are reported with their position, and no alert is muted."""
    text: list[str] = []
    monkeypatch.setattr(daemon, "_warn", text.append)
    (tmp_path / "mutes.yaml").write_text("mutes:\n  - id: m1\n")
    _, records = replayed(tmp_path, mutes=tmp_path / "mutes.yaml", evidence=tmp_path / "mutes.yaml" / "evidence")
    assert of("alert", records)
    assert any("mutes.yaml:2:" in one for one in text)
    assert any("cannot keep evidence" in one for one in text)


def test_the_operator_sends_while_it_runs(tmp_path: Path) -> None:
    """Mutes and closes take effect at the next check; a partial note waits for its end; notes from before the run are
    ignored.
    """
    log, text = tmp_path / "log.jsonl", list[str]()
    log.touch()
    notes_log(log).write_text('{"ts":"2026-11-24T09:00:00Z","alert":"alert-old000","action":"close","by":"anna"}\n')
    files = AlertFiles(log, mutes=tmp_path / "mutes.yaml", clock=time.time, complain=text.append)
    one = Reported(mutes=files.mutes).take(made(1, LAPTOP))
    name = one.reported[0].alert["id"]  # type: ignore[index]
    note = json.dumps({"ts": "2026-11-24T09:00:00Z", "alert": name, "action": "close", "by": "anna", "text": "done"})
    with notes_log(log).open("a") as file:
        file.write(note[:20])
        file.flush()
        files.watch(one.alert_processor, 5 * SECOND)
        assert one.actions() == ["open"]
        file.write(note[20:] + "\nwhat is this\n")
    save_mutes(tmp_path / "mutes.yaml", [Mute(id="m7", src=LAPTOP, author="a", reason="r")])
    files.watch(one.alert_processor, 6 * SECOND)
    assert one.actions() == ["open", "close"]
    assert one.reported[-1].alert["closed"] == {"by": "anna", "reason": "done"}  # type: ignore[index]
    one.take(made(7, LAPTOP))
    assert one.actions() == ["open", "close"]
    assert files.mutes.counts == {"m7": 1}
    (tmp_path / "mutes.yaml").write_text("mutes: [\n")
    files.watch(one.alert_processor, 8 * SECOND)
    assert len(text) == 1
    assert one.alert_processor.mutes.counts == {"m7": 1}
    (tmp_path / "mutes.yaml").unlink()
    files.watch(one.alert_processor, 9 * SECOND)
    assert len(one.alert_processor.mutes) == 0
    files.close()


def test_notes_that_cannot_be_read_never_stop_a_run(tmp_path: Path) -> None:
    """That is reported once, and they are read as soon as possible."""
    log, text = tmp_path / "log.jsonl", list[str]()
    log.touch()
    files = AlertFiles(log, clock=time.time, complain=text.append)
    one = Reported().take(made(1, LAPTOP))
    notes_log(log).mkdir()
    for second in (1, 2):
        files.watch(one.alert_processor, second * SECOND)
    assert [notes_log(log).name in complaint for complaint in text] == [True]
    notes_log(log).rmdir()
    name = one.reported[0].alert["id"]  # type: ignore[index]
    note = {"ts": "2026-11-24T09:00:00Z", "alert": name, "action": "close", "by": "anna"}
    notes_log(log).write_text(json.dumps(note) + "\n")
    files.watch(one.alert_processor, 3 * SECOND)
    assert one.actions() == ["open", "close"]
    files.close()


def test_muted_alerts_are_on_disk_within_a_second(tmp_path: Path) -> None:
    """A live run writes them at each check, also while there are no notes of the operator."""
    log, text = tmp_path / "log.jsonl", list[str]()
    log.touch()
    files = AlertFiles(log, clock=time.time, complain=text.append)
    one = Reported().take(made(1, LAPTOP))
    files.muted(one.reported[0])
    files.watch(one.alert_processor, 2 * SECOND)
    [written] = muted_log(log).read_bytes().splitlines()
    assert json.loads(written)["alert"]["id"] == one.reported[0].alert["id"]  # type: ignore[index]
    files.close()
    assert (muted_log(log).read_bytes(), text) == (written + b"\n", [])


def test_evidence_goes_to_another_folder_during_a_run(tmp_path: Path) -> None:
    """The same folder changes nothing; without a folder no packets are kept; a folder that cannot be written is
    reported, and the writer of before is used.
    """
    text = list[str]()
    files = AlertFiles(None, evidence=tmp_path / "a", clock=time.time, complain=text.append)
    first = files.gatherer
    assert first is not None
    assert files.take_up(None, (), files.writer_for(tmp_path / "a", 64), 64) is first
    second = files.take_up(None, (), files.writer_for(tmp_path / "b", 64), 64)
    assert second not in (None, first)
    assert files.evidence == tmp_path / "b"
    (tmp_path / "file").write_text("")
    assert files.take_up(None, (), files.writer_for(tmp_path / "file" / "c", 64), 64) is second
    assert len(text) == 1
    assert files.take_up(None, (), files.writer_for(None, 64), 64) is None
    assert (files.evidence, files.gatherer, files.dropped) == (None, None, 0)
    files.close()


@pytest.mark.parametrize("dropped", [0, 3])
def test_frames_that_were_dropped_are_reported_at_the_end(tmp_path: Path, dropped: int) -> None:
    text = list[str]()
    files = AlertFiles(None, evidence=tmp_path / "a", clock=time.time, complain=text.append)
    assert files._writer is not None
    files._writer.dropped = dropped
    files.close()
    assert [line.partition(" ")[0] for line in text] == [str(dropped)] * (dropped > 0)


def test_what_is_no_note() -> None:
    for line in (b"", b"{}", b"[1]", b'{"ts":1,"alert":"a","action":"close","by":"b"}'):
        assert note_of(line) is None
