"""BER as used by SNMP (ITU-T X.690; RFC 3417, 8): definite lengths of at most four bytes, tags of one byte. Nothing is
recursive, so depth is not limited.
"""

from __future__ import annotations

import functools

from sensor.core.reader import Malformed

INTEGER, OCTETS, OID, SEQUENCE = 0x02, 0x04, 0x06, 0x30
IP_ADDRESS = 0x40
SUBIDS_LIMIT = 128  # RFC 2578, 3.5
SUBID_LIMIT = (1 << 32) - 1


def element(data: bytes, at: int, end: int, cut: bool = False) -> tuple[int, int, int]:
    """(tag, first, stop) of the element at ``at``, whose value is ``data[first:stop]``. ``cut``: a value that continues
    beyond ``end`` stops there.
    """
    if at + 2 > end:
        raise Malformed("element longer than the message")
    tag, size = data[at], data[at + 1]
    at += 2
    if size >= 0x80:
        width = size & 0x7F
        if not 0 < width <= 4 or at + width > end:
            raise Malformed("impossible element length")
        size = int.from_bytes(data[at : at + width], "big")
        at += width
    if at + size > end:
        if not cut:
            raise Malformed("element longer than the message")
        size = end - at
    return tag, at, at + size


def integer(data: bytes, at: int, end: int) -> tuple[int, int]:
    """(value, end) of an INTEGER."""
    tag, first, stop = element(data, at, end)
    if tag != INTEGER or not 0 < stop - first <= 8:
        raise Malformed("unexpected type instead of an integer")
    return int.from_bytes(data[first:stop], "big", signed=True), stop


def octets(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    """(value, end) of an OCTET STRING."""
    tag, first, stop = element(data, at, end)
    if tag != OCTETS:
        raise Malformed("unexpected type instead of an octet string")
    return data[first:stop], stop


@functools.lru_cache(maxsize=4096)
def dotted(raw: bytes) -> str:
    """An object identifier in dotted form: ``1.3.6.1.2.1.1.1.0`` (X.690, 8.19)."""
    parts: list[int] = []
    value = 0
    for byte in raw:
        value = value << 7 | byte & 0x7F
        if value > SUBID_LIMIT or len(parts) >= SUBIDS_LIMIT:
            raise Malformed("impossible object identifier")
        if byte < 0x80:
            parts.append(value)
            value = 0
    if not parts or raw[-1] >= 0x80:
        raise Malformed("impossible object identifier")
    root = min(parts[0] // 40, 2)
    return ".".join(map(str, (root, parts[0] - 40 * root, *parts[1:])))


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
