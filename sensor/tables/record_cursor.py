"""RecordCursor: the numbered records of a log, each line decoded once."""

from __future__ import annotations

from pathlib import Path

from sensor.eventlog.log_cursor import LogCursor
from sensor.tables.lines import Line, line_of

# The number of a record, its text, and what tables need of it; None where it is not usable.
Record = tuple[int, bytes, Line | None]


class RecordCursor(LogCursor):
    """A cursor that numbers lines by the record that it decodes of them."""

    def __init__(self, log: Path, after: int = 0) -> None:
        """As of a LogCursor."""
        super().__init__(log, after)
        self._decoded: tuple[bytes, Line | None] = b"", None

    def records(self, lines: int, size: int) -> list[Record]:
        """As ``read``, with what was decoded. OSError."""
        taken: list[Record] = []
        while len(taken) < lines and size > 0 and (found := self._next()) is not None:
            number, text = found
            decoded, line = self._decoded
            taken.append((number, text, line if decoded is text else line_of(text)))
            size -= len(text)
        return taken

    def number(self, line: bytes) -> int | None:
        """See LogCursor. A record of other types than ours has a number too."""
        record = line_of(line)
        self._decoded = line, record
        if record is None or record.sensor.seq <= 0:
            return super().number(line)
        if not line.isascii():
            try:
                line.decode()
            except UnicodeDecodeError:
                return None
        return record.sensor.seq
