"""JSON in datagrams: objects of bounded size and depth, and values that may have any type where text is expected."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.reader import Malformed, clean

SIZE_LIMIT = 16384
TEXT_LIMIT = 255
DEPTH_LIMIT = 64
# Escaped characters in strings, and structural characters.
_STRUCTURE = lazy_pattern(rb'\\.|["{}\[\],]', re.DOTALL)
_decoder = msgspec.json.Decoder()

Object = dict[str, Any]


def read_object(data: bytes, truncated: bool = False) -> Object:
    """The object in some bytes; trailing zero bytes and line ends are ignored. Raises Malformed if there is none.
    ``truncated``: the capture may have truncated it; complete members are read.
    """
    if len(data) > SIZE_LIMIT:
        raise Malformed("JSON too long")
    try:
        value = _decoder.decode(clipped(data) if truncated else data.rstrip(b"\0\r\n "))
    except (ValueError, RecursionError):  # msgspec and UTF-8 raise ValueErrors; deep values end the recursion
        raise Malformed("no JSON") from None
    if not isinstance(value, dict):
        raise Malformed("JSON that is not an object")
    return value


def clipped(data: bytes) -> bytes:
    """Truncated JSON without its incomplete member, and with all open brackets closed."""
    open_ends, size, ends, quoted = bytearray(), 0, b"", False
    for one in _STRUCTURE.finditer(data):
        mark = one[0]
        if mark == b'"':
            quoted = not quoted
        if quoted or mark == b'"' or len(mark) > 1:
            continue
        if mark in b"{[":
            open_ends += b"}" if mark == b"{" else b"]"
        elif mark in b"}]":
            del open_ends[-1:]
        if len(open_ends) > DEPTH_LIMIT:
            raise Malformed("JSON too deep")
        size, ends = one.end() - (mark == b","), bytes(open_ends[::-1])
    return data[:size] + ends


def inner(value: Object, *keys: str) -> Object:
    """The object at a path of keys; empty if absent."""
    for key in keys:
        found = value.get(key)
        if not isinstance(found, dict):
            return {}
        value = found
    return value


def text(value: Object, *keys: str) -> str:
    """The first of these members that is not empty, as clean text; integers count as text, other types do not."""
    for key in keys:
        found = value.get(key)
        if isinstance(found, str) and (cleaned := clean(found, TEXT_LIMIT)):
            return cleaned
        if type(found) is int:
            return str(found)
    return ""


def number(value: Object, key: str) -> int:
    """An integer member; -1 for other types."""
    found = value.get(key)
    return found if type(found) is int else -1
