"""Positions of the outputs of a log, according to their cursors; read here for the writer of the log, which must not
remove records that an output still needs.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from sensor.eventlog.segments import cursors_of

STATUS = ".status.json"
# Larger numbers are invalid: a damaged digit must not end the numbering.
HIGHEST = 1 << 53
EVERYTHING = 1 << 63


# Checksum of a cursor over its other fields: a damaged digit would cause the wrong segments to be removed or retained.
_CHECK = re.compile(rb'"check":"([0-9a-f]*)"')


class _Cursor(msgspec.Struct):
    seq: int


def cursor(log: Path, output: str) -> int:
    """The last number that an output has processed; 0 if its cursor does not exist or cannot be read."""
    return _read(cursors_of(log) / f"{output}.json") or 0


def delivered(log: Path, outputs: Sequence[str]) -> int:
    """The last number that all outputs have processed; EVERYTHING if there are no outputs."""
    return min((cursor(log, output) for output in outputs), default=EVERYTHING)


def furthest(log: Path) -> int:
    """The highest number in any cursor, of configured outputs or not: it was assigned once."""
    try:
        paths = [
            path for path in cursors_of(log).iterdir() if path.name.endswith(".json") and not path.name.endswith(STATUS)
        ]
    except FileNotFoundError:
        return 0
    return max((_read(path) or 0 for path in paths), default=0)


def unreadable(log: Path) -> list[str]:
    """Names of cursors that exist and cannot be read."""
    try:
        paths = sorted(cursors_of(log).iterdir())
    except FileNotFoundError:
        return []
    return [
        path.name
        for path in paths
        if path.name.endswith(".json") and not path.name.endswith(STATUS) and _read(path) is None
    ]


def _read(path: Path) -> int | None:
    try:
        text = path.read_bytes().strip()
        seq = msgspec.json.decode(text, type=_Cursor).seq
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    check = _CHECK.search(text)
    if check is not None and int(check[1] or b"0", 16) != zlib.crc32(_CHECK.sub(b'"check":""', text)):
        return None
    return seq if 0 <= seq < HIGHEST else None
