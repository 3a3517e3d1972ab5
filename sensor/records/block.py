"""Blocks of a tail file: the data that the engine delivers at once, with a checksum; and the rows in them as numpy
columns.

A block is a header and sections; a section is a head, fixed rows, words and text (``buffer.pxd``). The first block of a
file contains its context as JSON: the sensor, the run, the names of the message kinds. A truncated or damaged block
ends the file: later blocks were never delivered completely.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.core.flow import CHANGE
from sensor.records import gather

MAGIC = b"STR1"
HEADER = struct.Struct("<4sIIIq")  # magic, CRC-32 of the rest, bytes of the sections, content type, packet time
CONTEXT_BLOCK, ROWS_BLOCK = 0, 1
SECTION = np.dtype([("kind", "u2"), ("head", "u2"), ("words", "u2"), ("spare", "u2"), ("rows", "u4"), ("text", "u4")])
HEAD = np.dtype(
    [("ts", "i8")]
    + [(name, "u8") for name in ("flow", "src_hi", "src_lo", "dst_hi", "dst_lo", "src_mac", "dst_mac")]
    + [(name, "u2") for name in ("sport", "dport", "vlan", "source")]
    + [("proto", "u1"), ("direction", "u1"), ("spare", "u1", 6)]
)
CONNECTION = np.dtype(
    [
        *((name, CHANGE[name].str) for name in CHANGE.names or ()),
        ("first_flags", "u1"),
        ("reset_by", "u1"),
        ("traced", "u1"),
        ("spare2", "u1"),
        ("missed", "u4"),
        ("letters", "u8"),
        ("client_data", "u8"),
        ("server_data", "u8"),
    ]
)
COUNT = np.dtype(
    [("first", "i8"), ("last", "i8")]
    + [(name, "u8") for name in ("packets", "bytes", "lost", "shed", "dropped")]
    + [(name, "u2") for name in ("source", "vlan", "used", "spare")]
)

Words = npt.NDArray[np.uint64]
Kinds = npt.NDArray[np.void]


def block(sections: bytes, now: int, holds: int = ROWS_BLOCK) -> bytes:
    """One block. ``now``: packet time, ns."""
    header = HEADER.pack(MAGIC, 0, len(sections), holds, now)
    crc = zlib.crc32(sections, zlib.crc32(header[8:]))
    return HEADER.pack(MAGIC, crc, len(sections), holds, now) + sections


class Block(NamedTuple):
    """``end``: offset of its end in the file."""

    holds: int
    now: int
    sections: memoryview
    end: int


def blocks(data: bytes, at: int = 0) -> Iterator[Block]:
    """The complete blocks from an offset on, up to the first truncated or damaged one."""
    view = memoryview(data)
    while at + HEADER.size <= len(data):
        magic, crc, size, holds, now = HEADER.unpack_from(data, at)
        end = at + HEADER.size + size
        if magic != MAGIC or end > len(data) or zlib.crc32(view[at + 8 : end]) != crc:
            return
        yield Block(holds, now, view[at + HEADER.size : end], end)
        at = end


class Rows(NamedTuple):
    """Rows of one kind. ``words``: the words of each row; spans in them point into ``text``."""

    heads: Kinds
    words: Words
    text: bytes

    def __len__(self) -> int:
        return len(self.words)

    def take(self, chosen: npt.NDArray[np.int64]) -> Rows:
        """The rows with these indexes; the text is shared."""
        return Rows(self.heads.take(chosen), self.words[chosen], self.text)

    def compact(self, spans: Iterable[int]) -> Rows:
        """The rows with no other text than theirs. ``spans``: indexes of words that are spans."""
        words, texts, used = self.words.copy(), list[bytes](), 0
        for place in spans:
            offsets, text = gather.gather(self.text, self.words[:, place])
            starts, sizes = offsets[:-1].astype(np.uint64), np.diff(offsets).astype(np.uint64)
            words[:, place] = (starts + np.uint64(used)) << np.uint64(32) | sizes
            texts.append(text.tobytes())
            used += len(text)
        return Rows(self.heads, words, b"".join(texts))


class Part(NamedTuple):
    """One section of a block."""

    kind: int
    head: int
    rows: int
    words: int
    heads: memoryview
    cells: memoryview
    text: memoryview


def parts(sections: memoryview) -> Iterator[Part]:
    """The sections of a block."""
    at = 0
    while at < len(sections):
        section = np.frombuffer(sections, SECTION, 1, at)[0]
        kind, head, words, _, rows, text = section.tolist()
        at += SECTION.itemsize
        edges = [at, at + rows * head, at + rows * head + rows * words * 8, at + rows * head + rows * words * 8 + text]
        heads, cells, some = (sections[low:high] for low, high in itertools.pairwise(edges))
        yield Part(kind, head, rows, words, heads, cells, some)
        at = edges[-1]


def together(some: Sequence[Part], dtype: np.dtype[Any] | None, spans: Iterable[int]) -> Rows:
    """Concatenate sections of one kind. ``spans``: indexes of words that are spans of text, whose offsets change."""
    heads = _heads(some, dtype) if dtype is not None else np.zeros(0, "V1")
    words = (
        np.frombuffer(b"".join(part.cells for part in some), np.uint64)
        .reshape(sum(part.rows for part in some), some[0].words)
        .copy()
    )
    starts = np.cumsum([0, *(len(part.text) for part in some)][:-1], dtype=np.uint64)
    moved = np.repeat(starts << np.uint64(32), [part.rows for part in some])
    for place in spans:
        words[:, place] += moved
    return Rows(heads, words, b"".join(part.text for part in some))


def _heads(some: Sequence[Part], dtype: np.dtype[Any]) -> Kinds:
    """The heads of sections, copied as bytes: numpy joins structured arrays field by field."""
    return np.frombuffer(
        b"".join(part.heads if part.head == dtype.itemsize else _fitted(part, dtype) for part in some), dtype
    )


def _fitted(part: Part, dtype: np.dtype[Any]) -> bytes:
    """The heads of a section of an earlier version, which wrote shorter ones: missing fields are zero."""
    cells = np.zeros((part.rows, dtype.itemsize), np.uint8)
    known = min(part.head, dtype.itemsize)
    cells[:, :known] = np.frombuffer(part.heads, np.uint8).reshape(part.rows, part.head)[:, :known]
    return cells.tobytes()


def section_of(kind: int, rows: Rows) -> bytes:
    """Rows as a section, to be kept for later."""
    section = np.zeros(1, SECTION)
    section[0] = (kind, rows.heads.dtype.itemsize, rows.words.shape[1], 0, len(rows), len(rows.text))
    return section.tobytes() + rows.heads.tobytes() + rows.words.tobytes() + rows.text
