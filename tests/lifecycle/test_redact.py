"""A log from which a device is removed: markers replace its records, and readers and writers miss nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import pytest

from sensor.config import Retention
from sensor.delivery.dead_letters import DeadLetters
from sensor.delivery.position import Position
from sensor.eventlog.live_log import LiveLog
from sensor.eventlog.log_cursor import LogCursor
from sensor.eventlog.segments import segments
from sensor.lifecycle import redact as module
from sensor.lifecycle.redact import WORDS, redact, theirs
from tests.eventlog.segmented import Segmented, line

MINE, OTHER = "dev-5k2m8q", "dev-0c3v1z"
MAC = "00:17:c8:1a:2b:3c"
GONE = theirs([MINE, MAC])


def device(name: str) -> dict[str, object]:
    return {"device": {"id": name}}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Three segments, the first compressed: records of both devices in turn, an alert with a MAC of one, and one whose
    text contains its id.
    """
    path = tmp_path / "events.jsonl"
    written = Segmented(path)
    for _ in range(30):
        written.add(1, **device(MINE))
        written.add(1, **device(OTHER))
    written.rotate()
    written.add(1, "alert", src={"mac": MAC})
    written.add(1, "alert", src={"mac": "00:17:c8:1a:2b:3d"})
    written.rotate()
    written.add(1, "incident", note=f"began with {MINE}")
    written.add(1, "device", **device(f"{MINE}2"))
    written.compress(0, lines_in_frame=7)
    return path


def numbered(log: Path) -> list[tuple[int, dict]]:
    """Records as a reader gets them that must not miss any."""
    cursor, found = LogCursor(log, 0), []
    try:
        while some := cursor.read():
            found += [(number, json.loads(text)) for number, text in some]
        assert (cursor.missing, list(cursor.damages)) == (0, [])
    finally:
        cursor.close()
    return found


def content(log: Path) -> bytes:
    """Every line of it, decompressed."""
    damages: list[str] = []
    data = b"".join(text for one in segments(log) for text in module._lines(one, damages))
    assert damages == []
    return data


def test_markers_stand_where_its_records_stood(log: Path) -> None:
    """Markers have the same number, id and time, and are valid under the schema; other records are unchanged, also of a
    device whose id has the same prefix.
    """
    before = numbered(log)
    assert redact(log, GONE) == (32, [])
    after = numbered(log)
    assert [(number, one["id"], one["ts"]) for number, one in after] == [
        (number, one["id"], one["ts"]) for number, one in before
    ]
    markers = [number for number, one in after if one["msg"] == WORDS]
    assert markers == [*range(1, 61, 2), 61, 63]
    assert [one for number, one in after if number not in markers] == [
        one for number, one in before if number not in markers
    ]
    assert GONE.search(content(log)) is None
    schema = json.loads((Path(module.__file__).parents[1] / "eventlog" / "schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    for number, one in after:
        if number in markers:
            validator.validate({**one, "id": "01M86DAZ2P6S60000000000HSX", "schema": "1.0"})


def test_a_second_time_there_is_nothing_to_do(log: Path) -> None:
    """A second removal changes nothing, and a dry run only counts."""
    files = {one.path: one.path.read_bytes() for one in segments(log)}
    assert redact(log, GONE, dry_run=True) == (32, [])
    assert {one.path: one.path.read_bytes() for one in segments(log)} == files
    redact(log, GONE)
    assert redact(log, GONE) == (0, [])


def test_age_rights_and_names_stay(log: Path) -> None:
    """Segments keep their modification time, by which they expire. Files without a match are not changed."""
    for number, one in enumerate(segments(log), 1):
        os.utime(one.path, (number * 1000, number * 1000))
        one.path.chmod(0o600 + number * 0o010)
    before = [(one.path, one.path.stat().st_mtime_ns, one.path.stat().st_mode) for one in segments(log)]
    redact(log, GONE)
    assert [(one.path, one.path.stat().st_mtime_ns, one.path.stat().st_mode) for one in segments(log)] == before
    untouched = segments(log)[0].path.stat().st_ino
    redact(log, theirs(["dev-nobody"]))
    assert segments(log)[0].path.stat().st_ino == untouched
    assert not list(log.parent.rglob("*.new"))


def test_a_sensor_goes_on_behind_it(log: Path) -> None:
    """The sensor finds no fault in the log, and numbers continue without a gap."""
    redact(log, GONE)
    live = LiveLog(log, Retention())
    assert (live.damages, live.torn, live._appender.next) == ([], 0, 65)
    live.close()


def test_an_output_that_is_behind_goes_on(log: Path) -> None:
    """The output recognises the log by the id of its last record, although that is a marker now."""
    position = Position(seq=31, id=dict(numbered(log))[31]["id"])
    redact(log, GONE)
    assert dict(numbered(log))[31]["id"] == position.id
    assert dict(numbered(log))[31]["msg"] == WORDS


def test_a_damaged_segment_is_left(log: Path) -> None:
    """Rewriting it would remove what may still be repaired: it is named, and the others are done."""
    packed = segments(log)[0].path
    data = bytearray(packed.read_bytes())
    data[len(data) // 2] ^= 0xFF
    packed.write_bytes(data)
    assert redact(log, GONE) == (2, [packed])
    assert packed.read_bytes() == bytes(data)


def test_half_a_line_at_the_end_stays(log: Path) -> None:
    """The next start removes and reports it."""
    last = segments(log)[-1].path
    with last.open("ab") as file:
        file.write(b'{"ts":"2026')
    redact(log, GONE)
    assert last.read_bytes().endswith(b'\n{"ts":"2026')


def test_what_is_no_record_goes(log: Path) -> None:
    """A line that contains the device and has no number is removed."""
    last = segments(log)[-1].path
    with last.open("ab") as file:
        file.write(f'{{"broken": {MAC}\n'.encode())
    assert redact(log, GONE).records == 33
    assert b"broken" not in last.read_bytes()


def test_dead_letters_and_what_mutes_kept_out(log: Path) -> None:
    """Dead letters and muted records contain devices as well."""
    letters = DeadLetters(log, "siem")
    letters.add([(1, {"device": {"id": MINE}}, "no"), (2, {"device": {"id": OTHER}}, "no")])
    muted = log.with_suffix(".muted.jsonl")
    muted.write_bytes(line(1, "alert", src={"mac": MAC}) + line(2, "alert"))
    assert redact(log, GONE).records == 34
    assert [json.loads(text)["seq"] for text in letters.path.read_text().splitlines()] == [2]
    assert [json.loads(text)["msg"] for text in muted.read_text().splitlines()] == [WORDS, "number 2 ü"]


def test_a_disk_that_fails_leaves_the_old_file(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old file stays complete, and no temporary file is left."""
    before = content(log)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        redact(log, GONE)
    assert content(log) == before
    assert not list(log.parent.rglob("*.new"))
