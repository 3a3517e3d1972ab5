"""Documents of BSON (bsonspec.org, version 1.1), the data format of MongoDB."""

from __future__ import annotations

import struct
from typing import Any

ELEMENTS_LIMIT = 64
DEPTH_LIMIT = 4
DOCUMENTS, TEXTS, BINARY = (0x03, 0x04), (0x02, 0x0D, 0x0E), 0x05
_SIZE = struct.Struct("<i")
# Values of fixed size by type: number, ObjectId, boolean, time, null, undefined, int32, timestamp, int64, decimal,
# smallest and largest key.
_FIXED = {
    0x01: 8, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x06: 0, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16, 0xFF: 0, 0x7F: 0,
}  # fmt: skip
_READERS = {0x01: struct.Struct("<d"), 0x08: struct.Struct("?"), 0x10: _SIZE, 0x12: struct.Struct("<q")}


def document(data: bytes, at: int = 0, depth: int = 0) -> dict[str, Any]:
    """The first elements of a document, in order: numbers, texts as bytes, binary data, documents, and lists as
    documents; values of other types are None. What follows a missing or unknown value is left out.
    """
    found: dict[str, Any] = {}
    at += _SIZE.size
    while at < len(data) and data[at] and len(found) < ELEMENTS_LIMIT:
        end = data.find(b"\0", at + 1)
        kind, name = data[at], data[at + 1 : end].decode("utf-8", "replace")
        size = _size(data, kind, end + 1)
        if end < 0 or size < 0 or (end + 1 + size > len(data) and kind not in DOCUMENTS):
            break
        found[name] = _value(data, kind, end + 1, size, depth)
        at = end + 1 + size
    return found


def _size(data: bytes, kind: int, at: int) -> int:
    """Size of a value in bytes; -1 if it is missing or unknown."""
    if kind in _FIXED:
        return _FIXED[kind]
    if kind not in (*DOCUMENTS, *TEXTS, BINARY) or at + _SIZE.size > len(data):
        return -1
    (size,) = _SIZE.unpack_from(data, at)
    if size < 0:
        return -1
    return int(size) if kind in DOCUMENTS else _SIZE.size + int(size) + (kind == BINARY)


def _value(data: bytes, kind: int, at: int, size: int, depth: int) -> Any:
    if kind in _READERS:
        return _READERS[kind].unpack_from(data, at)[0]
    if kind in DOCUMENTS:
        return document(data[at : at + size], 0, depth + 1) if depth < DEPTH_LIMIT else None
    if kind in TEXTS:
        return data[at + 4 : at + size - 1]
    return data[at + 5 : at + size] if kind == BINARY else None
