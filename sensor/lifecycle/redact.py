"""Replaces records of purged devices in an event log by markers with the same time, id and number, so that receivers
see no gap.

A record belongs to a device if its id or a MAC occurs anywhere in it. Segments are rewritten as a whole, each
atomically; writers and outputs of the log must be stopped (``alone.py``), because they would continue in the old file.
A damaged segment is left unchanged, so that no other data in it is lost.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec
import zstandard

from sensor.delivery.dead_letters import dead_of
from sensor.eventlog.disk import sync_folder
from sensor.eventlog.paths import muted_log
from sensor.eventlog.segment_lines import open_lines
from sensor.eventlog.segments import Segment, number_of, segments

WORDS = "the record of a purged device was here"
LEVEL, FRAME = 3, 1 << 17
KEPT = ("id", "schema", "sensor")


class Redacted(NamedTuple):
    """Number of replaced records, and files left unchanged because they could not be read to their end."""

    records: int
    left: list[Path]


def theirs(names: Sequence[str]) -> re.Pattern[bytes]:
    """A pattern that matches records of the devices. ``names``: ids and MACs, in the notation of records."""
    return re.compile(b"(?:%s)(?![0-9a-z:])" % b"|".join(re.escape(name.encode()) for name in names))


def redact(log: Path, pattern: re.Pattern[bytes], *, dry_run: bool = False) -> Redacted:
    """Redact a whole log, including suppressed alerts and dead letters. Raises OSError if a file cannot be read or
    written.
    """
    muted = muted_log(log)
    found = [
        _file(one, pattern, dry_run=dry_run)
        for one in [*segments(log), *([Segment(0, muted)] if muted.is_file() else [])]
    ]
    dead = dead_of(log)
    letters = sorted(path for path in dead.iterdir() if path.is_file()) if dead.is_dir() else []
    found += [_file(Segment(0, path), pattern, dry_run=dry_run, drop=True) for path in letters]
    return Redacted(sum(one.records for one in found), [path for one in found for path in one.left])


def _file(segment: Segment, pattern: re.Pattern[bytes], *, dry_run: bool, drop: bool = False) -> Redacted:
    """Redact one file. ``drop``: its lines have no numbers, and are deleted instead of replaced."""
    damages: list[str] = []
    count = sum(bool(pattern.search(line)) for line in _lines(segment, damages))
    if not count or damages:
        return Redacted(0 if damages else count, [segment.path] if damages else [])
    if not dry_run:
        _rewrite(segment, (new for line in _lines(segment, damages) if (new := _changed(line, pattern, drop=drop))))
    return Redacted(count, [])


def _lines(segment: Segment, damages: list[str]) -> Iterator[bytes]:
    """Lines with their ends; the last one unchanged."""
    lines = open_lines(segment, damages.append)
    with lines.file:
        while some := lines.more():
            yield from (line + b"\n" for line in some)
        if rest := lines.take_rest():
            yield rest


def _changed(line: bytes, pattern: re.Pattern[bytes], *, drop: bool) -> bytes:
    """A line, or its marker; empty if it is deleted, like lines that are not records."""
    if not pattern.search(line):
        return line
    if drop or number_of(line) is None:
        return b""
    record = msgspec.json.decode(line)
    marker = {"ts": record.get("ts", ""), "kind": "sensor", "action": "config", "severity": "info", "msg": WORDS}
    return msgspec.json.encode(marker | {name: record[name] for name in KEPT if name in record}) + b"\n"


def _rewrite(segment: Segment, lines: Iterator[bytes]) -> None:
    """Replace a file atomically; its age and permissions are kept."""
    path = segment.path
    new, there = path.with_name(path.name + ".new"), path.stat()
    try:
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            for data in _pieces(lines):
                file.write(
                    zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress(data)
                    if segment.compressed
                    else data
                )
            file.flush()
            os.fsync(file.fileno())
            _alike(file, there)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    sync_folder(path.parent)


def _alike(file: BinaryIO, there: os.stat_result) -> None:
    os.fchmod(file.fileno(), there.st_mode & 0o777)
    if os.geteuid() == 0:
        os.fchown(file.fileno(), there.st_uid, there.st_gid)
    os.utime(file.fileno(), ns=(there.st_atime_ns, there.st_mtime_ns))


def _pieces(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Lines combined to pieces, so that damage in a compressed segment affects only some of them."""
    some: list[bytes] = []
    size = 0
    for line in lines:
        some.append(line)
        size += len(line)
        if size >= FRAME:
            yield b"".join(some)
            some, size = [], 0
    if some:
        yield b"".join(some)
