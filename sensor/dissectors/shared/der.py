"""DER and BER for hostile input (ITU-T X.690): tags, definite lengths, object identifiers, integers, texts and times.

Shared by ASN.1 protocols. Nothing is copied before it is needed: an element is a tag and two offsets. Rejected are
indefinite lengths, tag numbers above 30, lengths of more than four bytes and integers of more than 8 KiB. Nothing here
recurses, so the caller determines the depth, and ``children`` yields a bounded number. The only exception is Malformed.
"""

from __future__ import annotations

import calendar
import functools
from collections.abc import Iterator
from typing import NamedTuple

from sensor.core.reader import Malformed, clean

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, OID, ENUMERATED, UTF8 = 1, 2, 3, 4, 6, 10, 12
PRINTABLE, T61, UTC_TIME, GENERALIZED_TIME, UNIVERSAL, BMP = 19, 20, 23, 24, 28, 30
SEQUENCE, SET = 0x30, 0x31
CONSTRUCTED, CONTEXT = 0x20, 0x80
LENGTH_BYTES_LIMIT = 4
CHILDREN_LIMIT = 256
INTEGER_LIMIT = 8192  # bytes
NUMBER_LIMIT = 8  # bytes
DEPTH_LIMIT = 32
UNBOUNDED = 1 << 40
OID_LIMIT = 640  # bytes: 128 numbers of 32 bits (RFC 2578, 3.5)
OID_NUMBER_BITS = 128  # a UUID (X.667, 7)
_WIDE = {BMP: "utf-16-be", UNIVERSAL: "utf-32-be", UTF8: "utf-8"}


class Element(NamedTuple):
    """One element: its first byte (class, constructed bit and number), and begin and end of its content."""

    tag: int
    start: int
    stop: int


def element(data: bytes, at: int, end: int | None = None, cut: bool = False) -> Element:
    """The element that begins at ``at`` and must end before ``end``; ``cut``: content that continues there is cut."""
    end = len(data) if end is None else end
    if at + 2 > end:
        raise Malformed("element ends early")
    tag, size, start = data[at], data[at + 1], at + 2
    if tag & 31 == 31:
        raise Malformed("tag number too large")
    if size >= 0x80:
        wide = size & 0x7F
        if not 0 < wide <= LENGTH_BYTES_LIMIT:
            raise Malformed("indefinite length" if not wide else "length too long")
        if start + wide > end:
            raise Malformed("element ends early")
        size, start = int.from_bytes(data[start : start + wide], "big"), start + wide
    if start + size > end and not cut:
        raise Malformed("element longer than its parent")
    return Element(tag, start, min(start + size, end))


def expect(data: bytes, at: int, end: int | None, *tags: int) -> Element:
    """The element at ``at``, which must have one of these tags."""
    found = element(data, at, end)
    if found.tag not in tags:
        raise Malformed("unexpected type of element")
    return found


def children(data: bytes, parent: Element) -> Iterator[Element]:
    """The elements inside of a constructed one, in order."""
    at, count = parent.start, 0
    while at < parent.stop:
        if count == CHILDREN_LIMIT:
            raise Malformed("too many elements")
        child = element(data, at, parent.stop)
        yield child
        at, count = child.stop, count + 1


def integer_at(data: bytes, at: int, end: int) -> tuple[int, int]:
    """(value, end) of the INTEGER of up to 64 bits at ``at``."""
    _, start, stop = expect(data, at, end, INTEGER)
    if stop - start > NUMBER_LIMIT:
        raise Malformed("integer of an invalid size")
    return integer(data[start:stop]), stop


def octets_at(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    """(content, end) of the OCTET STRING at ``at``."""
    _, start, stop = expect(data, at, end, OCTET_STRING)
    return data[start:stop], stop


def clipped(data: bytes) -> bytes:
    """A truncated message without incomplete elements: shorter, and well-formed. Constructed elements and octet strings
    keep their available content, and are left out if there is none; a complete message is unchanged.
    """
    at, kept, open_ones = 0, b"", list[tuple[int, bytes]]()
    while at < len(data):
        one = _begun(data, at)
        if one is None or one.tag & 31 == 31:
            break
        if one.stop <= len(data):
            kept += data[at : one.stop]
            at = one.stop
        elif one.tag & CONSTRUCTED and len(open_ones) < DEPTH_LIMIT:
            open_ones.append((one.tag, kept))
            at, kept = one.start, b""
        else:
            kept += packed(one.tag, data[one.start :]) if one.tag == OCTET_STRING and one.start < len(data) else b""
            break
    for tag, before in reversed(open_ones):
        kept = before + packed(tag, kept) if kept else before
    return kept


def packed(tag: int, raw: bytes) -> bytes:
    """An element with this content."""
    size = len(raw)
    head = bytes((size,)) if size < 0x80 else b"\x84" + size.to_bytes(4, "big")
    return bytes((tag,)) + head + raw


def _begun(data: bytes, at: int) -> Element | None:
    """The element that begins at ``at``, wherever it ends; None if its length is incomplete."""
    try:
        one = element(data, at, UNBOUNDED)
    except (IndexError, Malformed):
        return None
    return one if one.start <= len(data) else None


def content(data: bytes, one: Element) -> bytes:
    """The bytes of an element's content."""
    return data[one.start : one.stop]


def integer(raw: bytes) -> int:
    """A signed integer (8.3)."""
    if not 0 < len(raw) <= INTEGER_LIMIT:
        raise Malformed("integer of an invalid size")
    return int.from_bytes(raw, "big", signed=True)


@functools.lru_cache(maxsize=1024)
def oid(raw: bytes) -> str:
    """An object identifier as dotted numbers (8.19)."""
    if not 0 < len(raw) <= OID_LIMIT or raw[-1] & 0x80:
        raise Malformed("invalid object identifier")
    numbers, number = [], 0
    for byte in raw:
        number = number << 7 | byte & 0x7F
        if number >> OID_NUMBER_BITS:
            raise Malformed("invalid object identifier")
        if byte < 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))


def identifier(text: str) -> bytes:
    """The bytes of a dotted object identifier in our code."""
    first, second, *rest = map(int, text.split("."))
    raw = bytearray()
    for value in (40 * first + second, *rest):
        groups = [value & 0x7F]
        while value := value >> 7:
            groups.append(value & 0x7F | 0x80)
        raw += bytes(reversed(groups))
    return bytes(raw)


def text(tag: int, raw: bytes, limit: int = 255) -> str:
    """A character string of any kind, cleaned and truncated to ``limit`` characters."""
    return clean(raw[: limit * 4].decode(_WIDE.get(tag, "utf-8" if raw.isascii() else "latin-1"), "replace"), limit)


def unix_time(tag: int, raw: bytes) -> int:
    """A UTCTime or GeneralizedTime in seconds since 1970 (RFC 5280, 4.1.2.5): two-digit years below 50 are of this
    century. Raises Malformed otherwise.
    """
    digits = raw.rstrip(b"Z")
    if tag == UTC_TIME:
        digits = (b"20" if digits[:2] < b"50" else b"19") + digits
    if len(digits) < 12 or not digits[:12].isdigit():
        raise Malformed("invalid time")
    year = int(digits[:4])
    month = int(digits[4:6])
    day = int(digits[6:8])
    hour = int(digits[8:10])
    minute = int(digits[10:12])
    second = int(digits[12:14]) if digits[12:14].isdigit() else 0
    if not (year and 1 <= month <= 12 and 1 <= day <= 31):
        raise Malformed("invalid time")
    return calendar.timegm((year, month, 1, hour, minute, second)) + (day - 1) * 86400
