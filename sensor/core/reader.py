"""Reader: a cursor over untrusted bytes. Every read checks its length first and raises Malformed, the only error that
dissectors raise.
"""

from __future__ import annotations

import struct
from unicodedata import category

from sensor.core.lazy_pattern import lazy_pattern

_U16, _U32, _U64 = struct.Struct("!H"), struct.Struct("!I"), struct.Struct("!Q")
TEXT_LIMIT = 1024
# Combining marks on one character. Languages need up to three; more are drawn over the lines above and below.
MARKS_LIMIT = 3
# Several characters of blocks that have such marks: none of Latin, CJK, or the replacement of invalid bytes.
_STACK = lazy_pattern(
    r"[\u0300-\u2fff\u302a-\u302d\u3099\u309a\ufb1e\ua66f-\uabff\ufe00-\ufe2f\U00010000-\U0010ffff]{4}"
)


class Malformed(Exception):
    """The bytes violate the protocol. ``args[0]`` names the kind of fault without values, so that faults can be counted
    by kind.
    """


class Reader:
    """Reads big-endian fields in order. ``offset`` is where the next read starts."""

    __slots__ = ("data", "end", "offset")

    def __init__(self, data: bytes, offset: int = 0, end: int | None = None) -> None:
        self.data, self.offset, self.end = data, offset, len(data) if end is None else end
        if not 0 <= offset <= self.end <= len(data):
            raise Malformed("bounds outside the message")

    @property
    def left(self) -> int:
        return self.end - self.offset

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes. Slicing would silently return fewer, so the length is checked first."""
        start, stop = self.offset, self.offset + size
        if size < 0 or stop > self.end:
            raise Malformed("field longer than the message")
        self.offset = stop
        return self.data[start:stop]

    def skip(self, size: int) -> None:
        if size < 0 or self.offset + size > self.end:
            raise Malformed("field longer than the message")
        self.offset += size

    def u8(self) -> int:
        if self.offset >= self.end:
            raise Malformed("field longer than the message")
        self.offset += 1
        return self.data[self.offset - 1]

    def u16(self) -> int:
        return int(_U16.unpack(self.take(2))[0])

    def u32(self) -> int:
        return int(_U32.unpack(self.take(4))[0])

    def u64(self) -> int:
        return int(_U64.unpack(self.take(8))[0])

    def unpack(self, shape: struct.Struct) -> tuple[int, ...]:
        """A complete fixed-length header, unpacked with one precompiled struct."""
        return shape.unpack(self.take(shape.size))

    def rest(self) -> bytes:
        return self.take(self.end - self.offset)


def clean(raw: bytes | str, limit: int = TEXT_LIMIT) -> str:
    """Text of a peer made safe for logs, terminals and pages: valid UTF-8, no control, format or bidirectional
    characters, few combining marks on one character, one line, limited length, trimmed.
    """
    if not isinstance(raw, str):
        raw = raw[: limit * 4].decode("utf-8", "replace")
    raw = raw[:limit]
    # False for every control, format, surrogate, private, unassigned or separator character except the space.
    if not raw.isprintable():
        raw = "".join([c if c.isprintable() else " " for c in raw.replace("\0", "")])
    return raw.strip() if raw.isascii() or not _STACK.search(raw) else _unstacked(raw).strip()


def _unstacked(text: str) -> str:
    """Without the combining marks (Unicode categories Mn and Me) past the limit."""
    kept, marks = [], 0
    for character in text:
        marks = marks + 1 if category(character) in ("Mn", "Me") else 0
        if marks <= MARKS_LIMIT:
            kept.append(character)
    return "".join(kept)
