"""JSON in datagrams: objects of bounded size and depth, and values that may be of any type where text is expected."""

from __future__ import annotations

from typing import Any

import msgspec

from sensor.core.reader import Malformed, clean

SIZE_LIMIT = 16384
TEXT_LIMIT = 255
_decoder = msgspec.json.Decoder()

Object = dict[str, Any]


def read_object(data: bytes) -> Object:
    """The object in some bytes; zero bytes and line ends after it do not count. Malformed where there is none."""
    if len(data) > SIZE_LIMIT:
        raise Malformed("JSON too long")
    try:
        value = _decoder.decode(data.rstrip(b"\0\r\n "))
    except (
        ValueError,
        RecursionError,
    ):  # msgspec's errors and those of UTF-8 are ValueErrors; it stops at the interpreter's depth
        raise Malformed("no JSON") from None
    if not isinstance(value, dict):
        raise Malformed("JSON that is no object")
    return value


def inner(value: Object, *keys: str) -> Object:
    """The object below these keys in turn; empty where there is none."""
    for key in keys:
        found = value.get(key)
        if not isinstance(found, dict):
            return {}
        value = found
    return value


def text(value: Object, *keys: str) -> str:
    """The first of these members that is not empty, as clean text; whole numbers count as text, everything else does
    not.
    """
    for key in keys:
        found = value.get(key)
        if isinstance(found, str) and (cleaned := clean(found, TEXT_LIMIT)):
            return cleaned
        if type(found) is int:
            return str(found)
    return ""


def number(value: Object, key: str) -> int:
    """A member that is a whole number; -1 where it is none."""
    found = value.get(key)
    return found if type(found) is int else -1
