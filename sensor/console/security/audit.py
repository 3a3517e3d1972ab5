"""The audit log: one JSON line for each login and each write, in the state folder, readable by its owner alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from sensor.core.reader import clean
from sensor.tables.notes import append_lines

FILE = "console-audit.jsonl"
# The newest entries are read from this many bytes at the end.
TAIL_BYTES = 1 << 18
IDS_KEPT = 100


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """``ts``: RFC 3339; ``peer``: client address; ``count``: number of affected alerts, ``ids``: the first of them."""

    ts: str
    who: str
    action: str
    peer: str = ""
    dataset: str = ""
    count: int = 0
    ids: list[str] = []
    text: str = ""


class Audit:
    """Appends entries. ``place``: where they are, for the user."""

    def __init__(self, state: Path) -> None:
        self._path = state / FILE

    @property
    def place(self) -> str:
        return str(self._path)

    def add(
        self, who: str, action: str, *, peer: str = "", dataset: str = "", ids: list[str] | None = None, text: str = ""
    ) -> None:
        """Add an entry before the action takes effect. Raises OSError if it cannot be written; the action must then not
        happen.
        """
        ids = ids or []
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        entry = Entry(now, clean(who), action, clean(peer), dataset, len(ids), ids[:IDS_KEPT], clean(text))
        self.append(msgspec.json.encode(entry))

    def append(self, line: bytes) -> None:
        """Store an entry. Raises OSError."""
        append_lines(self._path, line + b"\n", 0o600)

    def newest(self, most: int = 200) -> Iterator[Entry]:
        """The newest entries first; none if there is no file. Raises OSError if it cannot be read."""
        found = [entry for line in self.lines(most) if (entry := _entry(line)) is not None]
        yield from found[:most]

    def lines(self, most: int) -> list[bytes]:
        """Lines of the newest entries, newest first. Raises OSError."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(max(0, self._path.stat().st_size - TAIL_BYTES))
            return file.read().splitlines()[::-1]


def _entry(line: bytes) -> Entry | None:
    try:
        return msgspec.json.decode(line, type=Entry)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
