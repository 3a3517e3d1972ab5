"""HPACK (RFC 7541): the header fields of HTTP/2, with the static and the dynamic table and the Huffman code."""

from __future__ import annotations

import functools

from sensor.core.reader import Malformed

FIELDS_LIMIT, TABLE_LIMIT = 128, 65_536
ENTRY, DEFAULT_TABLE = 32, 4096  # bytes of a table entry besides its texts (4.1), and of the table at the beginning
NUMBER_BITS = 28
# Appendix A: name and value.
STATIC = tuple(
    (name.encode(), value.encode())
    for name, _, value in (
        entry.partition(" ")
        for entry in (
            ":authority|:method GET|:method POST|:path /|:path /index.html|:scheme http|:scheme https|:status 200|"
            ":status 204|:status 206|:status 304|:status 400|:status 404|:status 500|accept-charset|"
            "accept-encoding gzip, deflate|accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|"
            "authorization|cache-control|content-disposition|content-encoding|content-language|content-length|"
            "content-location|content-range|content-type|cookie|date|etag|expect|expires|from|host|if-match|"
            "if-modified-since|if-none-match|if-range|if-unmodified-since|last-modified|link|location|max-forwards|"
            "proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|server|set-cookie|"
            "strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate"
        ).split("|")
    )
)
# Appendix B: the size of each symbol's code in bits, A: 0. Codes of one size are consecutive, in the order of symbols.
SIZES = (
    "NXcccccccYecceccccccccecccccccccGKKMNGILKKILIGGGFFFGGGGGGGHIPGMKNGHHHHHHHHHHHHHHHHHHHHHHIHINTNOGPFGFGFGG"
    "GFHHGGGFGHGFFGHHHHHPLONcUWUUWWWXWXXXXXYXYYWXYXXXXVWXWXXYWVUWWXXVXWWYVWXXVVWVXWXXUWWWXWWXaaUTWXWZaaabbaYZ"
    "TVabbabYVVaacbbbUYUVWVVXWWZZYYaXabaabbbbbcbbbbbae"
)
LETTERS, LONGEST, PADDING = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcde", 30, 7
Field = tuple[bytes, bytes]


class Hpack:
    """One direction: the dynamic table, newest entry first."""

    def __init__(self) -> None:
        self._table: list[Field] = []
        self._size, self._limit = 0, DEFAULT_TABLE

    def fields(self, block: bytes) -> list[Field]:
        """The fields of a header block (6). Raises Malformed."""
        found: list[Field] = []
        at = 0
        while at < len(block):
            first = block[at]
            if first & 0x80:
                index, at = _number(block, at, 7)
                found.append(self._entry(index))
            elif first & 0xE0 == 0x20:
                limit, at = _number(block, at, 5)
                self._limit = min(limit, TABLE_LIMIT)
                self._evict()
            else:
                index, at = _number(block, at, 6 if first & 0x40 else 4)
                name, at = (self._entry(index)[0], at) if index else _text(block, at)
                value, at = _text(block, at)
                found.append((name, value))
                if first & 0x40:
                    self._table.insert(0, (name, value))
                    self._size += len(name) + len(value) + ENTRY
                    self._evict()
            if len(found) > FIELDS_LIMIT:
                raise Malformed("too many headers")
        return found

    def _entry(self, index: int) -> Field:
        if 0 < index <= len(STATIC):
            return STATIC[index - 1]
        if not 0 < index - len(STATIC) <= len(self._table):
            raise Malformed("no such header field")
        return self._table[index - len(STATIC) - 1]

    def _evict(self) -> None:
        while self._size > self._limit:
            name, value = self._table.pop()
            self._size -= len(name) + len(value) + ENTRY


def _number(block: bytes, at: int, bits: int) -> tuple[int, int]:
    """An integer in the lower bits of a byte and those that follow (5.1), and its end."""
    most = (1 << bits) - 1
    number, at, shift = block[at] & most, at + 1, 0
    if number < most:
        return number, at
    while True:
        if at == len(block) or shift >= NUMBER_BITS:
            raise Malformed("header field ends early")
        number += (block[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not block[at - 1] & 0x80:
            return number, at


def _text(block: bytes, at: int) -> tuple[bytes, int]:
    """A text, perhaps in Huffman code (5.2), and its end."""
    if at == len(block):
        raise Malformed("header field ends early")
    coded = block[at] & 0x80
    size, at = _number(block, at, 7)
    if size > len(block) - at:
        raise Malformed("header field ends early")
    raw = block[at : at + size]
    return _decoded(raw) if coded else raw, at + size


def _decoded(raw: bytes) -> bytes:
    codes, found, code, size = _codes(), bytearray(), 1, 0
    for byte in raw:
        for bit in range(7, -1, -1):
            code, size = code << 1 | (byte >> bit & 1), size + 1
            symbol = codes.get(code)
            if symbol is not None:
                found.append(symbol)
                code, size = 1, 0
        if size > LONGEST:
            raise Malformed("no such code")
    if size > PADDING or code + 1 != 2 << size:
        raise Malformed("no such code")
    return bytes(found)


@functools.cache
def _codes() -> dict[int, int]:
    """The symbol of each code, behind a one. Without the end of a text, which is a fault inside of one."""
    codes, code, before = dict[int, int](), 0, 0
    for size, symbol in sorted((LETTERS.index(letter), symbol) for symbol, letter in enumerate(SIZES)):
        code <<= size - before
        codes[1 << size | code] = symbol
        code, before = code + 1, size
    return {code: symbol for code, symbol in codes.items() if symbol < 256}
