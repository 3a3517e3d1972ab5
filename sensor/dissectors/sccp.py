"""SCCP over TCP, the Skinny Client Control Protocol of Cisco: phones that register with a call manager, and their
calls. Not published by any standards body; parsed as Cisco's phones and managers send it (header of length, version and
message, all little-endian).

Reads a station's description of itself when it registers, its calls as the manager displays them, and the digits it
dials. Ignores keys, lamps, tones, media channels and statistics. Facts are about the registering station, never about
the manager or the parties of its calls.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.sender_facts import fact

PORT = 2000
HEAD = 12  # length, version, message; the length includes the message and all that follows it
LENGTH_LIMIT = 8192
VERSION_LIMIT = 32
MESSAGE_LIMIT = 0x400
KEEP_ALIVE, REGISTER, KEYPAD, REGISTER_TOKEN, UNREGISTER = 0x00, 0x01, 0x03, 0x29, 0x27
REGISTERED, REJECTED, CALL_INFO = 0x81, 0x9D, 0x8F
NAME = 16
PARTY_NAME, PARTY_NUMBER = 40, 24
_HEADER = struct.Struct("<III")
_STATION = struct.Struct("<16sIIIII")  # name, reserved, instance, IPv4 address, type, streams
_LOAD_AT = 92  # offset of the firmware in a long registration
_LOAD = 32


class SccpRegister(Event):
    """A station registers: its name (``SEP`` and its MAC on phones), type number and, if sent, firmware. ``token``: it
    only requests permission.
    """

    name: str
    type: int
    firmware: str
    token: bool


class SccpRegistered(Event):
    """The manager accepts a station."""


class SccpRejected(Event):
    """The manager rejects a station, with the text for its display."""

    text: str


class SccpUnregister(Event):
    """A station unregisters."""


class SccpDigit(Event):
    """A key of the keypad: ``0``–``9``, ``*`` or ``#``."""

    key: str


class SccpCall(Event):
    """The manager informs a station of the parties of a call; names first, then numbers."""

    caller_name: str
    caller: str
    callee_name: str
    callee: str


class Sccp(Dissector):
    """Small messages on one long connection, which is read completely, because registrations are repeated after every
    restart.
    """

    interest = Interest(tcp=(PORT,), stream=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return SccpStream()


class SccpStream(FramedStream):
    """Messages of one station and its manager. A station is reported once by any message, because its registration may
    have been missed.
    """

    head = HEAD

    def __init__(self) -> None:
        super().__init__()
        self._recognized = False

    def size(self, data: bytes, at: int) -> int:
        length, version, message = _HEADER.unpack_from(data, at)
        if not 4 <= length <= LENGTH_LIMIT or version > VERSION_LIMIT or message >= MESSAGE_LIMIT:
            raise Malformed("no SCCP header")
        return int(length) + 8

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        kind = int.from_bytes(data[8:12], "little")
        if from_client:
            if not self._recognized and kind in (KEEP_ALIVE, REGISTER, REGISTER_TOKEN):
                self._recognized = True
                yield fact(packet, "sccp.side", "station")
            yield from _of_station(packet, kind, data)
        else:
            yield from _of_manager(packet, kind, data)


def _of_station(packet: Packet, kind: int, data: bytes) -> Iterator[Parsed]:
    if kind in (REGISTER, REGISTER_TOKEN):
        yield from _registration(packet, data, kind == REGISTER_TOKEN)
    elif kind == KEYPAD:
        if len(data) < HEAD + 4:
            raise Malformed("message too short")
        number = int.from_bytes(data[12:16], "little")
        key = "0123456789"[number] if number < 10 else {14: "*", 15: "#"}.get(number, "")
        if key:
            yield SccpDigit(packet, key)
    elif kind == UNREGISTER:
        yield SccpUnregister(packet)


def _registration(packet: Packet, data: bytes, token: bool) -> Iterator[Parsed]:
    """The station's name, type and firmware. A permission request has the same first fields."""
    if len(data) < HEAD + _STATION.size:
        raise Malformed("message too short")
    raw, _, _, _, number, _ = _STATION.unpack_from(data, HEAD)
    name = clean(raw.partition(b"\0")[0])
    at = HEAD + _LOAD_AT
    firmware = "" if token else clean(data[at : at + _LOAD].partition(b"\0")[0])
    yield SccpRegister(packet, name, number, firmware, token)
    if name:
        yield fact(packet, "sccp.hostname", name)
    yield fact(packet, "sccp.device_type", str(number))
    if firmware:
        yield fact(packet, "sccp.firmware", firmware)


def _of_manager(packet: Packet, kind: int, data: bytes) -> Iterator[Parsed]:
    if kind == REGISTERED:
        yield SccpRegistered(packet)
        yield fact(packet, "sccp.role", "call manager")
    elif kind == REJECTED:
        yield SccpRejected(packet, clean(data[HEAD : HEAD + 33].partition(b"\0")[0]))
    elif kind == CALL_INFO:
        yield _call(packet, data)


def _call(packet: Packet, data: bytes) -> SccpCall:
    """Names and numbers in fields of fixed size: the layout of protocol versions up to 16."""
    texts: list[str] = []
    at = HEAD
    for size in (PARTY_NAME, PARTY_NUMBER, PARTY_NAME, PARTY_NUMBER):
        texts.append(clean(data[at : at + size].partition(b"\0")[0]))
        at += size
    return SccpCall(packet, *texts)
