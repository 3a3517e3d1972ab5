"""Requests of the Common Industrial Protocol (CIP, volume 1) in EtherNet/IP: services of objects and tags, also inside
an Unconnected Send and a Multiple Service Packet, and PCCC commands of older controllers (Rockwell 1770-6.5.16).

Reads which service is requested of which class. Values, tags and answers are ignored.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from sensor.core.reader import Reader

RESPONSE = 0x80
LINK, CLASS_8, CLASS_16, SYMBOL = 0x00, 0x20, 0x21, 0x91
IDENTITY, ROUTER, MANAGER, PCCC, TAG, TEMPLATE = 0x01, 0x02, 0x06, 0x67, 0x6B, 0x6C
SEVERAL, EXECUTE, SEND = 0x0A, 0x4B, 0x52
NESTED_LIMIT, SEVERAL_LIMIT, PATH_LIMIT = 3, 32, 16
# Services of all classes (appendix A), and of tags in Logix controllers (Rockwell 1756-PM020).
SERVICES = {
    0x02: "set attributes all", 0x04: "set attribute list", 0x05: "reset", 0x06: "start", 0x07: "stop", 0x08: "create",
    0x09: "delete", 0x10: "set attribute single", 0x15: "restore",
}  # fmt: skip
TAG_SERVICES = {0x4D: "write tag", 0x4E: "read modify write tag", 0x53: "write tag fragmented"}
# Functions of PCCC command 0x0F.
EXTENDED = 0x0F
FUNCTIONS = {
    0x3A: "change mode", 0x50: "download all request", 0x67: "typed write", 0x80: "change mode", 0xA9: "typed write",
    0xAA: "typed write", 0xAB: "masked write",
}  # fmt: skip


class Call(NamedTuple):
    """A service that is requested of a class (0: of a tag). ``name``: of one that changes something, else empty."""

    service: int
    of: int
    name: str


def calls(raw: bytes, nested: int = 0) -> Iterator[Call]:
    """The requests in a message, empty for a response. Raises Malformed if it ends early."""
    reader = Reader(raw)
    service = reader.u8()
    if service & RESPONSE:
        return
    of = _class(reader.take(2 * reader.u8()))
    if nested < NESTED_LIMIT and (service, of) == (SEND, MANAGER):
        reader.skip(2)  # time-out
        yield from calls(reader.take(_u16(reader)), nested + 1)
    elif nested < NESTED_LIMIT and (service, of) == (SEVERAL, ROUTER):
        yield from _several(reader.rest(), nested + 1)
    elif (service, of) == (EXECUTE, PCCC):
        yield Call(service, of, _pccc(reader))
    else:
        tag = of in (0, TAG, TEMPLATE)
        name = (TAG_SERVICES.get(service) if tag else None) or SERVICES.get(service, "")
        yield Call(service, of, "reset object" if name == "reset" and of != IDENTITY else name)


def _several(raw: bytes, nested: int) -> Iterator[Call]:
    """Requests after a list of their offsets."""
    reader = Reader(raw)
    starts = [_u16(reader) for _ in range(min(_u16(reader), SEVERAL_LIMIT))]
    for start, stop in itertools.pairwise([*starts, len(raw)]):
        yield from calls(Reader(raw, start, max(stop, start)).rest(), nested)


def _class(path: bytes) -> int:
    """The class in a path, 0 for a tag (appendix C); earlier segments name ports of the route."""
    reader = Reader(path)
    for _ in range(PATH_LIMIT):
        if not reader.left:
            return 0
        kind = reader.u8()
        if kind == CLASS_8:
            return reader.u8()
        if kind == CLASS_16:
            reader.skip(1)
            return _u16(reader)
        if kind == SYMBOL or kind & 0xE0 != LINK:
            return 0
        reader.skip(1)
    return 0


def _pccc(reader: Reader) -> str:
    """The name of a function that changes something; the length of the requester's id includes itself."""
    reader.skip(max(reader.u8() - 1, 0))
    command = reader.u8()
    reader.skip(3)  # status and transaction
    return FUNCTIONS.get(reader.u8(), "") if command == EXTENDED else ""


def _u16(reader: Reader) -> int:
    return int.from_bytes(reader.take(2), "little")
