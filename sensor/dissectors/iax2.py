"""IAX2 (RFC 5456): registrations of telephones, modems and phone systems, and their results.

Reads registrations, challenges, acknowledgements and rejections, and who calls whom; a cleartext password is stored as
a seal. Ignores media, trunks, and all other frames.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.login_events import CLEAR
from sensor.dissectors.shared.seal import seal
from sensor.dissectors.shared.sender_facts import fact

PORT = 4569
FULL = 0x80  # the first bit of full frames; media has short ones
CONTROL = 6  # type of frame (8.2)
NEW, REGISTER, CHALLENGE, ACKNOWLEDGED, REJECTED = 1, 13, 14, 15, 16
# Information elements (8.6).
CALLED, CALLING, USER, PASSWORD, MD5, RSA, CAUSE = 1, 2, 6, 7, 16, 17, 22
TEXT_LIMIT = 80
_HEAD = struct.Struct("!HHIBBBB")  # calls of both sides, time, sequence numbers, type, subclass


class Iax2Call(Event):
    """A call begins."""

    caller: str
    called: str
    user: str


class Iax2Register(Event):
    """A registration. ``method``: empty before the challenge, else ``clear``, ``md5`` or ``rsa``."""

    user: str
    method: str
    seal: str = ""


class Iax2Challenge(Event):
    """A registrar requests a proof of the password."""

    user: str


class Iax2Result(Event):
    """A registrar accepts or rejects a registration."""

    accepted: bool
    user: str
    cause: str


class Iax2(Dissector):
    """Retransmissions of a frame are dropped for some seconds."""

    interest = Interest(udp=(PORT,), repeats_s=5)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        if len(data) < _HEAD.size or not data[0] & FULL or data[10] != CONTROL or packet.truncated:
            return iter(())
        kind = data[11]
        if kind not in (NEW, REGISTER, CHALLENGE, ACKNOWLEDGED, REJECTED):
            return iter(())
        elements = _elements(data)
        text = {name: clean(elements.get(name, b""), TEXT_LIMIT) for name in (CALLED, CALLING, USER, CAUSE)}
        if kind == NEW:
            return iter((Iax2Call(packet, text[CALLING], text[CALLED], text[USER]),))
        if kind == REGISTER:
            return iter((_registration(packet, text[USER], elements),))
        role = fact(packet, "iax2.role", "IAX2 registrar")
        if kind == CHALLENGE:
            return iter((Iax2Challenge(packet, text[USER]), role))
        return iter((Iax2Result(packet, kind == ACKNOWLEDGED, text[USER], text[CAUSE]), role))


def _elements(data: bytes) -> dict[int, bytes]:
    """The first element of each type: type, length, value."""
    found: dict[int, bytes] = {}
    at, end = _HEAD.size, len(data)
    while at < end:
        stop = at + 2 + data[at + 1] if at + 1 < end else end + 1
        if stop > end:
            raise Malformed("element longer than the message")
        found.setdefault(data[at], data[at + 2 : stop])
        at = stop
    return found


def _registration(packet: Packet, user: str, elements: dict[int, bytes]) -> Iax2Register:
    if PASSWORD in elements:
        return Iax2Register(packet, user, CLEAR, seal(user, elements[PASSWORD]))
    return Iax2Register(packet, user, "md5" if MD5 in elements else "rsa" if RSA in elements else "")
