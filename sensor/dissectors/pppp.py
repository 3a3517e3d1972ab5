"""PPPP, the peer-to-peer protocol of low-cost cameras and other devices (CS2, iLnkP2P): messages that begin with f1 on
port 32108.

Reads searches on the LAN and answers with the identity of a device. Sessions, and the messages with the vendors'
servers, are reported by number only. The format is that of published analyses.
"""

from __future__ import annotations

import struct

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.discovery import Discovery, field
from sensor.dissectors.shared.sender_facts import facts

PORT = 32108
MAGIC = 0xF1
LAN_SEARCH, LAN_SEARCH_MORE, PUNCH, PUNCH_READY = 0x30, 0x32, 0x41, 0x42
IDENTITY_SIZE = 20
_IDENTITY = struct.Struct("!8sI8s")  # prefix, serial, check letters


class PpppSearch(Event):
    """A search for devices on the LAN."""


class PpppIdentity(Event):
    """A message names a device: ``identity`` as printed on its label (``VSTD-123456-ABCDE``). ``device``: the device
    itself sent it.
    """

    identity: str
    device: bool


class PpppMessage(Event):
    """Any other message, by its number."""

    type: int


class Pppp(Discovery):
    """Answers repeat; what is identical within a minute is dropped."""

    interest = Interest(udp=(PORT,), repeats_s=60, shares=True)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if len(data) < 4 or data[0] != MAGIC or int.from_bytes(data[2:4], "big") != len(data) - 4:
            return []
        kind = data[1]
        if kind in (LAN_SEARCH, LAN_SEARCH_MORE):
            return [PpppSearch(packet)]
        if kind not in (PUNCH, PUNCH_READY):
            return [PpppMessage(packet, kind)]
        if len(data) < 4 + IDENTITY_SIZE:
            raise Malformed("message ends early")
        prefix, serial, check = _IDENTITY.unpack_from(data, 4)
        if not field(prefix).isalnum() or not field(check).isalnum():
            raise Malformed("invalid identity")
        identity, device = f"{field(prefix)}-{serial:06d}-{field(check)}", packet.sport == PORT
        event = PpppIdentity(packet, identity, device)
        return [event, *facts(packet, (("pppp.identity", identity),))] if device else [event]
