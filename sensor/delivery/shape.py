"""Shape: lines of the log as entries of an output: decoded, filtered, redacted, formatted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from sensor.boundary import Boundary
from sensor.core.output import Entry, Options, Output
from sensor.delivery.batch import URGENT
from sensor.delivery.catalogue import formats_of
from sensor.delivery.redaction import changes
from sensor.delivery.selection import wanted
from sensor.outputs.formats import FORMATS

Body = dict[str, Any]
_MAYBE_URGENT = re.compile(rb'"kind"\s*:\s*"(?:alert|incident)"').search
_HEAD = re.compile(rb'\{"ts":"[^"\\]*","kind":"([a-z]+)"').match
_decode = msgspec.json.Decoder(Body).decode


class Shaped(NamedTuple):
    """The result for a line: an entry, nothing if it is filtered, or an error. ``record``: as in the log."""

    seq: int
    record: Body
    entry: Entry | None
    fault: str = ""


def is_urgent(line: bytes) -> bool:
    """Whether a line is an alert or an incident; most are recognized by their beginning, without decoding."""
    head = _HEAD(line)
    if head is not None:
        return head[1] in (b"alert", b"incident")
    return _MAYBE_URGENT(line) is not None and _decode(line).get("kind") in URGENT


class Shape:
    """Of one output. ``boundary``: isolates errors of a format, which cost one record."""

    def __init__(self, unit: type[Output], options: Options, salt: Callable[[], bytes], boundary: Boundary) -> None:
        self.format = options.format or formats_of(unit)[0]
        self._encode, self._wanted, self._boundary = FORMATS[self.format], wanted(options.filter), boundary
        self._change = changes(options.fields, options.redact, salt() if options.redact else b"")

    def shaped(self, lines: list[tuple[int, bytes]]) -> Iterator[Shaped]:
        """The result for each line, in order."""
        while lines:
            done, whole = self._boundary.run(f"format {self.format}", self._each, lines)
            yield from done
            if whole:
                return
            seq, line = lines[len(done)]
            yield Shaped(seq, _decode(line), None, f"it could not be converted to the format {self.format}")
            lines = lines[len(done) + 1 :]

    def _each(self, lines: list[tuple[int, bytes]]) -> Iterator[Shaped]:
        for seq, line in lines:
            record = _decode(line)
            if not self._wanted(record):
                yield Shaped(seq, record, None)
                continue
            changed = record if self._change is None else self._change(record)
            payload = self._encode(changed)
            yield Shaped(seq, record, None if payload is None else Entry(seq, changed, payload))
