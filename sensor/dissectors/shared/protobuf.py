"""Protocol Buffers (encoding of versions 2 and 3): the fields of a message, without a schema."""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.reader import Malformed, Reader, clean

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
VARINT_BYTES, FIELDS_LIMIT = 10, 128
TEXT_LIMIT = 255

Value = int | bytes


def fields(reader: Reader) -> Iterator[tuple[int, Value]]:
    """(number, value) of each field up to the end of the reader; integers are signed, numbers of fixed size skipped."""
    for _ in range(FIELDS_LIMIT):
        if not reader.left:
            return
        key = varint(reader)
        if key & 7 == VARINT:
            value = varint(reader)
            yield key >> 3, value - (1 << 64) if value >> 63 else value
        elif key & 7 == BYTES:
            yield key >> 3, reader.take(varint(reader))
        elif key & 7 in (FIXED64, FIXED32):
            reader.skip(8 if key & 7 == FIXED64 else 4)
        else:
            raise Malformed("unknown type of field")
    raise Malformed("too many fields")


def varint(reader: Reader) -> int:
    """A number in groups of seven bits, lowest first."""
    value = 0
    for place in range(VARINT_BYTES):
        byte = reader.u8()
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value & (1 << 64) - 1
    raise Malformed("integer too long")


def text(found: dict[int, Value], number: int) -> str:
    """A field as clean text; empty if it is missing or a number."""
    value = found.get(number)
    return clean(value, TEXT_LIMIT) if isinstance(value, bytes) else ""
