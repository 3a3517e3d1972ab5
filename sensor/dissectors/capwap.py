"""CAPWAP control channel (RFC 5415): wireless access points and their controller.

A message or DTLS record to the port of controllers comes from an access point, one from that port from a controller.
Discovery and join messages without DTLS contain names and, of access points, model and serial number; Cisco's put the
name into a separate field. Ignores versions, whose encoding depends on the vendor, and the data channel, whose
frames the decode pass decapsulates.
"""

from __future__ import annotations

import struct

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.discovery import Discovery, field
from sensor.dissectors.shared.sender_facts import facts

PORT = 5246
DTLS = b"\1\0\0\0"
RECORDS = range(20, 26)  # content types (RFC 9147, 4)
RECORD_VERSIONS = (b"\xfe\xff", b"\xfe\xfd", b"\1\0")
HEADER, CONTROL = 8, 8  # bytes of the shortest header, and of the one of a control message
CONTROLLER_NAME, VENDOR_SPECIFIC, BOARD, POINT_NAME = 4, 37, 38, 45
CISCO_NAME = bytes.fromhex("004096000005")
MODEL, SERIAL = 0, 1
KINDS = ("capwap.hostname", "capwap.model", "capwap.serial")
FIELDS_LIMIT = 64
_FIELD = struct.Struct("!HH")


class CapwapMessage(Event):
    """A message between an access point and its controller. ``controller``: the sender is the controller;
    ``encrypted``: it is inside of DTLS. ``name``, ``model`` and ``serial``: of the sender, empty if not sent.
    """

    controller: bool
    encrypted: bool
    name: str = ""
    model: str = ""
    serial: str = ""


class Capwap(Discovery):
    """Of each sender one message of each size a minute is read: most of them are encrypted."""

    interest = Interest(udp=(PORT,), repeats_s=60, volatile=(1, 65535))
    reads_truncated = True

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if data[:4] == DTLS:
            known = len(data) >= 7 and data[4] in RECORDS and data[5:7] in RECORD_VERSIONS
            return _parsed(packet, {}, encrypted=True) if known else []
        at = (data[1] >> 3) * 4 if len(data) > 1 else 0
        if data[0] or at < HEADER or len(data) < at + CONTROL or data[at : at + 3] != bytes(3):
            return []
        return _parsed(packet, _names(data, at + CONTROL, bool(packet.truncated)), encrypted=False)


def _parsed(packet: Packet, names: dict[str, str], *, encrypted: bool) -> list[Parsed]:
    """The event and the facts about the sender."""
    controller = packet.sport == PORT
    role = "wireless_controller" if controller else "access_point"
    event = CapwapMessage(packet, controller, encrypted, *[names.get(kind, "") for kind in KINDS])
    return [event, *facts(packet, [("capwap.role", role), *names.items()])]


def _names(data: bytes, at: int, truncated: bool) -> dict[str, str]:
    """The fields of a control message (RFC 5415, 4.6) that name its sender, by kind of observation."""
    found: dict[str, str] = {}
    for kind, value in _fields(data, at, truncated):
        if kind in (CONTROLLER_NAME, POINT_NAME):
            found["capwap.hostname"] = clean(value)
        elif kind == VENDOR_SPECIFIC and value.startswith(CISCO_NAME):
            found["capwap.hostname"] = field(value[len(CISCO_NAME) :])
        elif kind == BOARD:
            parts = dict(_fields(value, 4, truncated))
            found["capwap.model"], found["capwap.serial"] = (field(parts.get(part, b"")) for part in (MODEL, SERIAL))
    return found


def _fields(data: bytes, at: int, truncated: bool) -> list[tuple[int, bytes]]:
    """(type, value) of fields with type and length of 16 bits each."""
    found: list[tuple[int, bytes]] = []
    while at + 4 <= len(data) and len(found) < FIELDS_LIMIT:
        kind, size = _FIELD.unpack_from(data, at)
        at += 4 + size
        if at > len(data):
            if truncated:
                break
            raise Malformed("field longer than the message")
        found.append((kind, data[at - size : at]))
    return found
