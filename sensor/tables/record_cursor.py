"""RecordCursor: the numbered records of a log, each line decoded once."""

from __future__ import annotations

from pathlib import Path

from sensor.eventlog.log_cursor import LogCursor
from sensor.tables.lines import Line, line_of

# The number of a record, its line, and the decoded fields for tables; None if it is unusable.
Record = tuple[int, bytes, Line | None]


class RecordCursor(LogCursor):
    """A cursor that takes the number of a line from the record that it decodes."""

    def __init__(self, log: Path, after: int = 0) -> None:
        """As for LogCursor."""
        super().__init__(log, after)
        self._decoded: tuple[bytes, Line | None] = b"", None

    def records(self, lines: int, size: int) -> list[Record]:
        """As ``read``, with the decoded records. Raises OSError."""
        taken: list[Record] = []
        while len(taken) < lines and size > 0 and (found := self._next()) is not None:
            number, text = found
            decoded, line = self._decoded
            taken.append((number, text, line if decoded is text else line_of(text)))
            size -= len(text)
        return taken

    def number(self, line: bytes) -> int | None:
        """See LogCursor. An unusable record has a number too."""
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
