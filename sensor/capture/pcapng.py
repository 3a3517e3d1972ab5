"""pcapng (draft-ietf-opsawg-pcapng): sections and their interfaces, either byte order, drop counts. Options and blocks
that are not needed are skipped.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.decode import records

LARGEST_BLOCK = 16 << 20
MAX_INTERFACES = 4096
"""Per section."""

MOST_DROPPED = (1 << 63) - 1

_SECTION, _DESCRIPTION, _STATISTICS = 0x0A0D0D0A, 1, 5
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_SMALLEST = {_SECTION: 28, _DESCRIPTION: 20, _STATISTICS: 24}
_VERSIONS = ((1, 0), (1, 2))
_TSRESOL, _TSOFFSET = 9, 14
_IFDROP, _OSDROP = 5, 7
_SECOND = 1_000_000_000
_FAR = (1 << 63) - 1

_WHY = {
    records.BLOCK_LENGTH: "a block of an invalid length",
    records.TRAILER: "a block whose two lengths differ",
    records.INTERFACE_UNKNOWN: "a packet of an interface that was not described",
    records.OVERHANG: "a frame longer than its block",
}


class Step(NamedTuple):
    """The result of parsing a block of bytes: rows filled, the offset of the next record, why parsing ended (``MORE,
    FULL, BROKEN``), how many bytes the next record needs, and its fault.
    """

    filled: int
    next: int
    why: int
    need: int
    found: str = ""


class _Malformed(Exception):
    """An invalid block; the message describes it."""


class Pcapng:
    """The current section of a file. ``dropped`` is the total over all sections."""

    name, begin = "pcapng", 0
    MAGIC = b"\x0a\x0d\x0d\x0a"

    def __init__(self, source: int) -> None:
        self._source = source
        self._order = "<"
        self._table = np.zeros(8, records.INTERFACE)
        self._count = 0
        self._dropped: dict[int, int] = {}
        self._dropped_before = 0
        self._ts = 0

    @property
    def dropped(self) -> int:
        return min(self._dropped_before + sum(self._dropped.values()), MOST_DROPPED)

    def scan(self, data: npt.NDArray[np.uint8], start: int, end: int, rows: npt.NDArray[np.void]) -> Step:
        filled, at = 0, start
        while True:
            filled, at, why, need = records.scan_pcapng(
                data,
                at,
                end,
                rows,
                filled,
                self._order == ">",
                self._table[: self._count],
                self._ts,
                LARGEST_BLOCK,
                self._source,
            )
            if filled:
                self._ts = int(rows["ts"][filled - 1])
            if why == records.BROKEN:
                return Step(filled, at, why, need, _WHY[need])
            if why != records.ASIDE:
                return Step(filled, at, why, need)
            try:
                need = need or self._section_size(data, at, end)
                if at + need > end:
                    return Step(filled, at, records.MORE, need)
                self._aside(data[at : at + need].tobytes())
            except _Malformed as error:
                return Step(filled, at, records.BROKEN, 0, str(error))
            at += need

    def _section_size(self, data: npt.NDArray[np.uint8], at: int, end: int) -> int:
        """Bytes of a section header, in the byte order that its magic defines."""
        if at + 12 > end:
            return 12
        head = data[at : at + 12].tobytes()
        order = next((order for order in "<>" if struct.unpack_from(order + "I", head, 8)[0] == _BYTE_ORDER_MAGIC), "")
        if not order:
            raise _Malformed("a section header without its byte-order magic")
        size = int(struct.unpack_from(order + "I", head, 4)[0])
        if size < _SMALLEST[_SECTION] or size % 4 or size > LARGEST_BLOCK:
            raise _Malformed(f"a section header of {size} bytes")
        self._order = order
        return size

    def _aside(self, block: bytes) -> None:
        """Parse a complete section header, interface description or interface statistics block."""
        kind, size = struct.unpack_from(self._order + "II", block)
        if size < _SMALLEST[kind]:
            raise _Malformed(_WHY[records.BLOCK_LENGTH])
        if struct.unpack_from(self._order + "I", block, len(block) - 4)[0] != size:
            raise _Malformed(_WHY[records.TRAILER])
        if kind == _SECTION:
            self._begin(block)
        elif kind == _DESCRIPTION:
            self._describe(block)
        else:
            self._statistics(block)

    def _begin(self, block: bytes) -> None:
        version = struct.unpack_from(self._order + "HH", block, 12)
        if version not in _VERSIONS:
            raise _Malformed(f"a section of pcapng version {version[0]}.{version[1]}")
        self._dropped_before, self._dropped = self.dropped, {}
        self._count = 0

    def _describe(self, block: bytes) -> None:
        if self._count >= MAX_INTERFACES:
            raise _Malformed(f"more than {MAX_INTERFACES} interfaces in a section")
        link, _, snaplen = struct.unpack_from(self._order + "HHI", block, 8)
        resolution, offset = 6, 0
        for code, value in self._options(block, 16):
            if code == _TSRESOL and len(value) == 1:
                resolution = value[0]
            elif code == _TSOFFSET and len(value) == 8:
                offset = struct.unpack(self._order + "q", value)[0]
        multiply, shift, divide = units(resolution)
        ns = max(-_FAR, min(offset * _SECOND, _FAR))
        if self._count == len(self._table):
            self._table = np.concatenate((self._table, np.zeros_like(self._table)))
        self._table[self._count] = (multiply, divide, ns, shift, snaplen, link, 0)
        self._count += 1

    def _statistics(self, block: bytes) -> None:
        """Record interface statistics; the last block of an interface counts."""
        number = struct.unpack_from(self._order + "I", block, 8)[0]
        lost = sum(
            struct.unpack(self._order + "Q", value)[0]
            for code, value in self._options(block, 20)
            if code in (_IFDROP, _OSDROP) and len(value) == 8
        )
        if number < self._count:
            self._dropped[number] = lost

    def _options(self, block: bytes, at: int) -> Iterator[tuple[int, bytes]]:
        """(code, value) of the options, up to the first invalid one."""
        end = len(block) - 4
        while at + 4 <= end:
            code, size = struct.unpack_from(self._order + "HH", block, at)
            if code == 0 or at + 4 + size > end:
                return
            yield code, block[at + 4 : at + 4 + size]
            at += 4 + (size + 3 & ~3)


def units(resolution: int) -> tuple[int, int, int]:
    """if_tsresol (4.2) as (multiply, shift, divide): ns = (units * multiply >> shift) / divide. Units too fine to ever
    add up to a second give 0.
    """
    exponent = resolution & 0x7F
    if resolution & 0x80:
        return (_SECOND, exponent, 1) if exponent < 94 else (0, 0, 1)
    if exponent <= 9:
        return 10 ** (9 - exponent), 0, 1
    return (1, 0, 10 ** (exponent - 9)) if exponent <= 28 else (0, 0, 1)
