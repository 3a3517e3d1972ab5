"""Discovery of HDHomeRun tuners and recorders (SiliconDust's library libhdhomerun) on UDP port 65001.

Reads searches, and the kind and the id of a device in answers. Each message has a CRC; one with a wrong CRC is ignored.
"""

from __future__ import annotations

import zlib

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader
from sensor.dissectors.shared.discovery import Discovery
from sensor.dissectors.shared.sender_facts import facts

PORT = 65001
HEAD, CRC = 4, 4
SEARCH, ANSWER = 2, 3
KIND, DEVICE, TUNERS = 0x01, 0x02, 0x10  # tags
DEVICE_SIZE = 4
KINDS = {1: "tuner", 5: "recorder"}
LONG = 0x80  # a length of two bytes


class HdhomerunSearch(Event):
    """A player searches for devices."""


class HdhomerunAnswer(Event):
    """A device describes itself. ``device``: its id, in hexadecimal digits; ``tuners``: their number, 0 if not sent."""

    type: str
    device: str
    tuners: int


class Hdhomerun(Discovery):
    """Players search when they start; what is identical within a minute is dropped."""

    interest = Interest(udp=(PORT,), repeats_s=60, shares=True)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        end = len(data) - CRC
        if end < HEAD or zlib.crc32(data[:end]) != int.from_bytes(data[end:], "little"):
            return []
        reader = Reader(data, 0, end)
        kind = reader.u16()
        if reader.u16() != reader.left:
            raise Malformed("length contradicts the message")
        if kind == SEARCH:
            return [HdhomerunSearch(packet)]
        if kind != ANSWER:
            return []
        found = _tags(reader)
        type_ = KINDS.get(int.from_bytes(found.get(KIND, b""), "big"), "")
        device, tuners = found.get(DEVICE, b""), found.get(TUNERS, b"")
        if len(device) not in (0, DEVICE_SIZE) or len(tuners) > 1:
            raise Malformed("value of a wrong size")
        event = HdhomerunAnswer(packet, type_, device.hex(), int.from_bytes(tuners, "big"))
        return [event, *facts(packet, [("hdhomerun.type", type_), ("hdhomerun.device", event.device)])]


def _tags(reader: Reader) -> dict[int, bytes]:
    """Values by tag; the first of each counts."""
    found: dict[int, bytes] = {}
    while reader.left:
        tag, size = reader.u8(), reader.u8()
        if size & LONG:
            size = size & 0x7F | reader.u8() << 7
        found.setdefault(tag, reader.take(size))
    return found
