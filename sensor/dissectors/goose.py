"""GOOSE (IEC 61850-8-1, annex A), frames of type 0x88b8: events that protection relays and other devices of substations
publish, each to a group of subscribers.

Reads the names and counters of a message. Ignores its data set, the signature behind it (IEC 62351-6), GOOSE over UDP
(R-GOOSE) and sampled values (0x88ba), of which a device sends thousands in a second.
"""

from __future__ import annotations

import struct

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared import der
from sensor.dissectors.shared.discovery import Discovery
from sensor.dissectors.shared.sender_facts import facts

ETHERTYPE = 0x88B8
MESSAGE = 0x61
# Fields by their tag: control block, data set, identifier, counters of states and of repetitions, test, configuration.
REFERENCE, DATA_SET, IDENTIFIER, STATE, SEQUENCE, TEST, REVISION = 0x80, 0x82, 0x83, 0x85, 0x86, 0x87, 0x88
FIELDS_LIMIT, NAME_LIMIT, NUMBER_SIZE = 16, 129, 5
_HEAD = struct.Struct("!HHHH")  # identifier of the application, length with this head, two reserved fields


class GooseMessage(Event):
    """A state is published, or repeated. ``reference``: of the control block, with the device in front; ``state``:
    number of the state, ``sequence``: of its repetition; ``test``: subscribers must not act on it.
    """

    reference: str
    data_set: str
    identifier: str
    state: int
    sequence: int
    revision: int
    test: bool


class Goose(Discovery):
    """Publishers repeat each state for as long as it holds, and count the repetitions."""

    interest = Interest(ethertypes=(ETHERTYPE,))

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if len(data) < _HEAD.size + 2 or data[_HEAD.size] != MESSAGE:
            return []
        length = _HEAD.unpack_from(data)[1]
        _, at, end = der.element(data, _HEAD.size, min(length, len(data)))
        fields = _fields(data, at, end)
        reference = _name(fields, REFERENCE)
        if not reference:
            raise Malformed("message without a control block")
        event = GooseMessage(
            packet,
            reference,
            _name(fields, DATA_SET),
            _name(fields, IDENTIFIER),
            _number(fields, STATE),
            _number(fields, SEQUENCE),
            _number(fields, REVISION),
            bool(_number(fields, TEST)),
        )
        return [event, *facts(packet, [("goose.role", "publisher"), ("goose.reference", reference)])]


def _fields(data: bytes, at: int, end: int) -> dict[int, bytes]:
    """The first field of each tag, up to a limit."""
    fields: dict[int, bytes] = {}
    while at < end and len(fields) < FIELDS_LIMIT:
        tag, first, at = der.element(data, at, end)
        fields.setdefault(tag, data[first:at])
    return fields


def _name(fields: dict[int, bytes], tag: int) -> str:
    return clean(fields.get(tag, b""), NAME_LIMIT)


def _number(fields: dict[int, bytes], tag: int) -> int:
    raw = fields.get(tag, b"")
    if len(raw) > NUMBER_SIZE:
        raise Malformed("number too long")
    return int.from_bytes(raw, "big")
