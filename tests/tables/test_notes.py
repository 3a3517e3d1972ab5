"""The notes beside a log: appended by several writers as complete lines, readable by every version."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from sensor.tables.notes import Note, append_notes, read_notes

NOW = "2026-11-24T08:20:00.000000Z"


def test_added_notes_are_read_again(tmp_path: Path) -> None:
    """Each note has its fields; absent values are not written, as in earlier versions."""
    path = tmp_path / "events.notes.jsonl"
    notes = [
        Note(NOW, "alert-aaaaaa", "close", "anna", "known scanner"),
        Note(NOW, "alert-aaaaaa", "verdict", "anna", value="benign"),
    ]
    append_notes(path, notes)
    assert read_notes(path, 0)[0] == notes
    first, second = map(json.loads, path.read_text().splitlines())
    assert "value" not in first
    assert second["value"] == "benign"


def test_half_a_line_of_a_crash_hides_no_note(tmp_path: Path) -> None:
    """The partial line is lost, the note after it is not."""
    path = tmp_path / "events.notes.jsonl"
    path.write_text('{"ts":"2026-11-24T08')
    append_notes(path, [Note(NOW, "alert-aaaaaa", "reopen", "anna")])
    assert [note.action for note in read_notes(path, 0)[0]] == ["reopen"]


def test_writers_at_once_do_not_mix_lines(tmp_path: Path) -> None:
    """Eight writers add many long notes each, and all of them are intact."""
    path = tmp_path / "events.notes.jsonl"

    def write(author: str) -> None:
        for _ in range(20):
            append_notes(path, [Note(NOW, f"alert-{number:06}", "comment", author, "x" * 400) for number in range(10)])

    writers = [threading.Thread(target=write, args=(f"author{number}",)) for number in range(8)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    notes, start = [], 0
    while (found := read_notes(path, start))[0]:
        notes += found[0]
        start = found[1]
    assert len(notes) == 8 * 20 * 10
