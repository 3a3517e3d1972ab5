"""DNS messages (RFC 1035): the common parser of DNS and multicast DNS.

Reads names with compression, addresses, pointers, services (RFC 2782) and texts; other records keep only their type and
size. Names have no final dot, and labels are joined by dots: a dot inside of a label is not escaped. Everything is
bounded: a name has at most 255 characters, pointers lead only backwards, and at most 256 records are read.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator

import msgspec

from sensor.core.addresses import NONE, V4, Address
from sensor.core.dns_codes import AAAA, CNAME, DNAME, HINFO, MX, NS, PTR, SRV, TXT, A
from sensor.core.reader import Malformed, clean

HEADER_SIZE = 12
NAME_LIMIT = 255
ENCODED_LIMIT = 255  # bytes of a name with its last zero, or with the pointer after it (RFC 1035, 2.3.4)
POINTERS_LIMIT = 64
RECORDS_LIMIT = 256
REMEMBERED_LIMIT = 1500  # bytes
NAME_AT = {NS: 0, CNAME: 0, PTR: 0, DNAME: 0, MX: 2, SRV: 6}  # offset of the name in the data of a record
_HEADER = struct.Struct("!HHHHHH")
_QUESTION = struct.Struct("!HH")
_RECORD = struct.Struct("!HHIH")
_U16 = struct.Struct("!H")


class Question(msgspec.Struct, frozen=True, gc=False):
    """A queried name and record type."""

    name: str
    type: int


class Record(msgspec.Struct, frozen=True, gc=False):
    """One answer. ``value``: the name in a record, or the text (unicast DNS); ``address``: of A and AAAA; ``size`` and
    ``data``: of the record's data in bytes, stored only for TXT, and for HINFO of multicast DNS.
    """

    name: str
    type: int
    ttl: int
    size: int
    address: Address = NONE
    value: str = ""
    port: int = 0
    data: bytes = b""


class Message(msgspec.Struct, frozen=True, gc=False):
    """The parsed part of a message without its id: ``flags`` are the 16 bits of the header, ``authority`` the declared
    number of authority records.
    """

    flags: int
    questions: tuple[Question, ...]
    records: tuple[Record, ...]
    authority: int

    @property
    def operation(self) -> int:
        return self.flags >> 11 & 15

    @property
    def response(self) -> bool:
        return self.flags >= 0x8000


def read(data: bytes, partial: bool, multicast: bool) -> Message | None:
    """Questions and, in a response, the answers; for multicast DNS also the authority and additional records.

    Names of unicast DNS are in lower case, since some clients randomize the case; those of multicast DNS are for
    display. ``partial``: the bytes may end early; the result is then what was read so far, None without a header.
    Raises Malformed otherwise.
    """
    if partial or len(data) > REMEMBERED_LIMIT:
        return _read(data, partial, multicast)
    return _cached(data if multicast else b"\0\0" + data[2:], False, multicast)


def _read(data: bytes, partial: bool, multicast: bool) -> Message | None:
    if len(data) < HEADER_SIZE:
        if partial:
            return None
        raise Malformed("message ends early")
    _, flags, question_count, answers, authority, additional = _HEADER.unpack_from(data)
    questions: list[Question] = []
    records: list[Record] = []
    wanted = 0 if flags < 0x8000 else answers + authority + additional if multicast else answers
    try:
        _fill(questions, records, data, question_count, wanted, not multicast)
    except (IndexError, struct.error):
        if not partial:
            raise Malformed("message ends early") from None
    return Message(flags, tuple(questions), tuple(records), authority)


# Hosts repeat the same message every minute or so, and devices of one model send equal queries; only the id of unicast
# messages differs.
_cached = functools.lru_cache(maxsize=1024)(_read)


def _fill(
    questions: list[Question], records: list[Record], data: bytes, question_count: int, wanted: int, fold: bool
) -> None:
    """Append questions and records to the lists. Raises IndexError or struct.error if the bytes end early."""
    names: dict[int, str] = {}
    offset, end = HEADER_SIZE, len(data)
    for _ in range(min(question_count, RECORDS_LIMIT)):
        name, offset = _name(data, offset, names, fold, 0)
        type_, _ = _QUESTION.unpack_from(data, offset)
        questions.append(Question(name, type_))
        offset += 4
    if question_count > RECORDS_LIMIT:
        return
    append = records.append
    for _ in range(min(wanted, RECORDS_LIMIT)):
        name, offset = _name(data, offset, names, fold, 0)
        type_, _, ttl, size = _RECORD.unpack_from(data, offset)
        offset += 10
        stop = offset + size
        if stop > end:
            if type_ == TXT:  # a truncated value is still a value
                raw = data[offset:]
                append(Record(name, type_, ttl, size, NONE, clean(raw[1:]) if fold else "", 0, raw))
            raise IndexError
        if type_ == A:
            append(Record(name, type_, ttl, size, V4 | int.from_bytes(data[offset:stop], "big") if size == 4 else NONE))
        elif type_ == AAAA:
            append(Record(name, type_, ttl, size, int.from_bytes(data[offset:stop], "big") if size == 16 else NONE))
        elif type_ in NAME_AT:
            value, after = _name(data, offset + NAME_AT[type_], names, fold, 0)
            if after > stop:
                raise Malformed("name longer than its record")
            port = _U16.unpack_from(data, offset + 4)[0] if type_ == SRV else 0
            append(Record(name, type_, ttl, size, NONE, value, port))
        elif type_ == TXT or (type_ == HINFO and not fold):
            raw = data[offset:stop]
            append(Record(name, type_, ttl, size, NONE, clean(b" ".join(texts(raw))) if fold else "", 0, raw))
        else:
            append(Record(name, type_, ttl, size))
        offset = stop


def added(data: bytes, partial: bool) -> tuple[str, ...]:
    """The names for which an update adds records (RFC 2136, 2.5.1). Raises Malformed if the message ends early."""
    found: dict[str, None] = {}
    try:
        found.update((name, None) for name in _additions(data))
    except (IndexError, struct.error):
        if not partial:
            raise Malformed("message ends early") from None
    return tuple(found)


def _additions(data: bytes) -> Iterator[str]:
    """The names of records with a TTL: prerequisites and deletions have none."""
    _, _, zones, prerequisites, updates, _ = _HEADER.unpack_from(data)
    names: dict[int, str] = {}
    offset = HEADER_SIZE
    for number in range(min(zones + prerequisites + updates, RECORDS_LIMIT)):
        name, offset = _name(data, offset, names, True, 0)
        if number < zones:
            offset += _QUESTION.size
            continue
        _, _, ttl, size = _RECORD.unpack_from(data, offset)
        offset += _RECORD.size + size
        if offset > len(data):
            raise IndexError
        if ttl:
            yield name


def _name(data: bytes, offset: int, names: dict[int, str], fold: bool, depth: int) -> tuple[str, int]:
    """The name at ``offset`` and the offset after it. ``names`` caches the names of this message by offset.

    A pointer must lead to before the start of its name (RFC 1035, 4.1.4: a prior occurrence), which prevents loops.
    """
    try:  # usually the first zero ends the name, or is the first byte after its pointer
        name, used, target = _labels(data[offset : data.find(b"\0", offset, offset + ENCODED_LIMIT) + 1], fold)
    except IndexError:
        name, used, target = _walk(data[offset : offset + ENCODED_LIMIT], fold)
    if target >= 0:
        tail = names.get(target)
        if tail is None:
            if target >= offset or depth == POINTERS_LIMIT:
                raise Malformed(
                    "name pointer that does not lead back" if target >= offset else "too many name pointers"
                )
            tail, _ = _name(data, target, names, fold, depth + 1)
        name = f"{name}.{tail}" if name and tail else name or tail
        if len(name) > NAME_LIMIT:
            raise Malformed("name too long")
    names[offset] = name
    return name, offset + used


def _walk(raw: bytes, fold: bool) -> tuple[str, int, int]:
    """(labels joined by dots, their size, target of the pointer after them or -1). Raises IndexError if the bytes end
    early.
    """
    labels, offset, target = [], 0, -1
    while size := raw[offset]:
        offset += 1
        if size < 64:
            labels.append(raw[offset : offset + size])
            offset += size
        elif size >= 0xC0:
            target = (size & 63) << 8 | raw[offset]
            break
        else:
            raise Malformed("label of an unknown kind")
        if offset >= ENCODED_LIMIT:
            raise Malformed("name too long")
    name = clean(b".".join(labels), NAME_LIMIT)
    return name.lower() if fold else name, offset + 1, target


# The same names repeat; the bytes are at most ENCODED_LIMIT long.
_labels = functools.lru_cache(maxsize=8192)(_walk)


def texts(data: bytes) -> list[bytes]:
    """The complete strings of a TXT or HINFO record (RFC 1035, 3.3.14 and 3.3.2)."""
    found, offset, end = [], 0, len(data)
    while offset < end:
        stop = offset + 1 + data[offset]
        if stop > end:
            break
        if stop > offset + 1:
            found.append(data[offset + 1 : stop])
        offset = stop
    return found
