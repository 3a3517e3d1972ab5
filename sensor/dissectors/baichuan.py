"""Discovery of Reolink cameras (Baichuan): datagrams that begin with 3a cf 87 2a, on ports 2015 and 2018.

The XML document inside is obfuscated and not parsed: only searches and answers as such are reported.
"""

from __future__ import annotations

import struct

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.discovery import Discovery
from sensor.dissectors.shared.sender_facts import facts

PORTS = (2015, 2018)
MAGIC = b"\x3a\xcf\x87\x2a"
_HEADER = struct.Struct("<IIIII")  # magic, size of the rest, a constant, transaction, checksum


class BaichuanDiscovery(Event):
    """A search, or the response of a device (``device``: it comes from a port of cameras)."""

    device: bool


class Baichuan(Discovery):
    """Searches repeat; what is identical within a minute is dropped."""

    interest = Interest(udp=PORTS, starts=(MAGIC,), repeats_s=60)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if not data.startswith(MAGIC):
            return []
        if len(data) < _HEADER.size or _HEADER.unpack_from(data)[1] != len(data) - _HEADER.size:
            raise Malformed("size that does not fit the message")
        device = packet.sport in PORTS and packet.dport not in PORTS
        event = BaichuanDiscovery(packet, device)
        return [event, *facts(packet, (("baichuan.answer", "discovery"),))] if device else [event]
