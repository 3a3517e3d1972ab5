"""Segments: how an event log is stored on disk.

A log of a live run is a folder of segments beside its name, ``events.segments/00000000000000000001.jsonl`` and so on,
each named by the number of its first record; ``events.jsonl`` is a link to the current one, so that ``tail -F``
follows. Closed segments may be compressed (``….jsonl.zst``). A log of a replay is one plain file. For readers, both are
a list of segments.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import msgspec

DIGITS = 20
PLAIN, COMPRESSED = ".jsonl", ".jsonl.zst"
_NAME = re.compile(rf"(\d{{{DIGITS}}})\.jsonl(\.zst)?")


class Segment(NamedTuple):
    """A part of a log. ``first``: number of its first record."""

    first: int
    path: Path

    @property
    def compressed(self) -> bool:
        return self.path.name.endswith(COMPRESSED)


class _Origin(msgspec.Struct):
    seq: int


class Numbered(msgspec.Struct):
    """The fields of a line that are decoded if only its number is needed."""

    sensor: _Origin


def folder_of(log: Path) -> Path:
    """The folder of a log's segments."""
    return log.with_suffix(".segments")


def cursors_of(log: Path) -> Path:
    """The folder of cursors, one file for each reader of a log that must not miss records."""
    return log.with_suffix(".cursors")


def segment_path(log: Path, first: int) -> Path:
    """The file of a new segment."""
    return folder_of(log) / f"{first:0{DIGITS}d}{PLAIN}"


def segments(log: Path) -> list[Segment]:
    """The parts of a log in order; a plain file is one part, no file none. If both forms of a part exist (during
    compression), the plain one is used.
    """
    if log.is_file() and not log.is_symlink():
        return [Segment(0, log)]
    found: dict[int, Segment] = {}
    try:
        paths = sorted(folder_of(log).iterdir(), reverse=True)
    except (FileNotFoundError, NotADirectoryError):
        return []
    for path in paths:  # "….jsonl.zst" before "….jsonl", which then replaces it
        if match := _NAME.fullmatch(path.name):
            found[int(match[1])] = Segment(int(match[1]), path)
    return sorted(found.values())


_NUMBERED = msgspec.json.Decoder(Numbered)


def number_of(line: bytes) -> int | None:
    """The number of the record in a line; None if it is no record."""
    try:
        return _NUMBERED.decode(line).sensor.seq
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
