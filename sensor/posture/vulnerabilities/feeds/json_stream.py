"""The elements of one large list in a JSON document, parsed one by one: a file of any size in a few megabytes of
memory.

An element that is not valid JSON is reported and skipped: parsing resumes at the next one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from sensor.core.lazy_pattern import lazy_pattern
from sensor.posture.vulnerabilities.feeds.entry import Broken, Unreadable

CHUNK = 1 << 20
# Limits of one element, and of the text before the list.
ELEMENT_LIMIT, HEAD_LIMIT = 16 << 20, 1 << 20
# An error this close to the end of the buffer may only mean that more input is needed: length of the longest JSON
# literal.
_NEAR = 16
_BETWEEN = lazy_pattern(r"[\s,]*")
_decode = json.JSONDecoder().raw_decode


class ElementStream:
    """``header``: keys before the list; iteration gives each element, or Broken."""

    def __init__(self, file: TextIO, name: str, first: str) -> None:
        """``name`` of the list, and ``first`` key of its elements, at which parsing resumes after a fault. Raises
        Unreadable if there is no such list.
        """
        self._file, self._name = file, name
        self._start = re.compile(rf'\{{\s*"{first}"\s*:')
        self._buffer, self._place, self._number, self._ended = "", 0, 0, False
        while (found := re.search(rf'"{name}"\s*:\s*\[', self._buffer)) is None:
            if len(self._buffer) >= HEAD_LIMIT or not self._refill():
                raise Unreadable(f"has no list {name!r} of vulnerabilities")
        self.header = _header(self._buffer[: found.end()])
        self._place = found.end()

    def __iter__(self) -> Iterator[dict[str, Any] | Broken]:
        while self._more():
            if self._buffer[self._place] == "]":
                return
            self._number += 1
            yield self._element()
        yield self._broken("the file ends in the middle of the list")

    def _more(self) -> bool:
        """Whether more input follows; discards consumed input."""
        while True:
            found = _BETWEEN.match(self._buffer, self._place)
            self._place = found.end() if found else self._place
            if self._place < len(self._buffer):
                return True
            if not self._refill():
                return False

    def _refill(self) -> bool:
        """Read more, doubling the buffer, so that a long element is not parsed too often."""
        if self._ended:
            return False
        self._buffer = self._buffer[self._place :]
        self._place = 0
        read = self._file.read(max(CHUNK, len(self._buffer)))
        self._ended = not read
        self._buffer += read
        return bool(read)

    def _element(self) -> dict[str, Any] | Broken:
        while True:
            try:
                value, self._place = _decode(self._buffer, self._place)
            except RecursionError:
                return self._skip("it is nested too deeply")
            except json.JSONDecodeError as error:
                if self._cut(error) and len(self._buffer) - self._place < ELEMENT_LIMIT and self._refill():
                    continue
                return self._skip(f"invalid JSON: {error.msg}")
            except ValueError:  # the limit of int(), 4300 digits
                return self._skip("it has a number that is too long")
            return value if isinstance(value, dict) else self._broken("expected an object")

    def _cut(self, error: json.JSONDecodeError) -> bool:
        """Whether the error may only mean that more input is needed."""
        return error.msg.startswith("Unterminated") or error.pos >= len(self._buffer) - _NEAR

    def _skip(self, why: str) -> Broken:
        """Skip to the beginning of the next element."""
        if len(self._buffer) - self._place >= ELEMENT_LIMIT:
            self._place = len(self._buffer)
        broken = self._broken(why)
        while (found := self._start.search(self._buffer, min(self._place + 1, len(self._buffer)))) is None:
            # The beginning of an element may span two reads.
            self._place = max(self._place, len(self._buffer) - CHUNK // 1024)
            if not self._refill():
                self._place = len(self._buffer)
                return broken
        self._place = found.start()
        return broken

    def _broken(self, why: str) -> Broken:
        return Broken(f"{self._name}[{self._number - 1}]" if self._number else self._name, why)


def _header(text: str) -> dict[str, Any]:
    """The keys before the list; empty if they are invalid."""
    try:
        header = json.loads(f"{text}]}}")
    except (ValueError, RecursionError):
        return {}
    return header if isinstance(header, dict) else {}
