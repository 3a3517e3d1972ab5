"""CBOR (RFC 8949) as far as needed for device descriptions: text values with text keys in maps, bounded in depth and
number.
"""

from __future__ import annotations

from sensor.core.reader import Malformed, Reader

DEPTH_LIMIT = 8
ITEMS_LIMIT = 512
UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)
INDEFINITE = 31
BREAK = 0xFF


class _Walk:
    """One document: the pairs found so far and the number of items."""

    def __init__(self, data: bytes) -> None:
        self.reader, self.items = Reader(data), 0
        self.pairs: list[tuple[str, str]] = []

    def item(self, depth: int) -> str:
        """Skip one item; returns the text if it is one, else empty."""
        self.items += 1
        if depth > DEPTH_LIMIT or self.items > ITEMS_LIMIT:
            raise Malformed("CBOR too deep or too long")
        first = self.reader.u8()
        kind, size = first >> 5, self._argument(first & 31)
        if kind in (BYTES, TEXT):
            return self._text(kind, size, depth)
        if kind == TAG:
            return self.item(depth + 1)
        if kind in (ARRAY, MAP):
            count = 0
            while self._more(size, count):
                count += 1
                key = self.item(depth + 1)
                if kind == MAP:
                    value = self.item(depth + 1)
                    if key and value:
                        self.pairs.append((key, value))
        return ""

    def _more(self, size: int, count: int) -> bool:
        """Whether a list continues: by its size, or up to the break."""
        if size >= 0:
            return count < size
        if self.reader.left and self.reader.data[self.reader.offset] == BREAK:
            self.reader.skip(1)
            return False
        return True

    def _text(self, kind: int, size: int, depth: int) -> str:
        if size >= 0:
            raw = self.reader.take(size)
            return raw.decode("utf-8", "replace") if kind == TEXT else ""
        parts, count = "", 0
        while self._more(-1, count):
            count += 1
            parts += self.item(depth + 1)
        return parts

    def _argument(self, low: int) -> int:
        """The number in the head of an item; -1 for an indefinite length (RFC 8949, 3)."""
        if low < 24:
            return low
        if low == INDEFINITE:
            return -1
        if low > 27:
            raise Malformed("reserved CBOR length")
        return int.from_bytes(self.reader.take(1 << low - 24), "big")


def texts(data: bytes) -> list[tuple[str, str]]:
    """(key, text) of all maps of a document, inner ones first. Raises Malformed if it is not CBOR."""
    walk = _Walk(data)
    walk.item(0)
    return walk.pairs
