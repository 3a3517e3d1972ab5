"""WireGuard: the handshake of a tunnel (WireGuard: Next Generation Kernel Network Tunnel, 5.4), over UDP on any port.

Reads the indexes of both peers. Ignores cookies and data; keys and timestamps are encrypted or ephemeral.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet

INITIATION, RESPONSE = b"\x01\x00\x00\x00", b"\x02\x00\x00\x00"  # type, and three reserved bytes
INITIATION_SIZE, RESPONSE_SIZE = 148, 92
_INDEXES = struct.Struct("<II")  # of the sender, of the receiver


class WireguardInitiation(Event):
    """A peer begins a handshake. ``sender``: its index, by which the response names it."""

    sender: int


class WireguardResponse(Event):
    """The other peer accepts it. ``receiver``: the index of the peer that began."""

    receiver: int


class Wireguard(Dissector):
    """Peers repeat the handshake every two minutes."""

    interest = Interest(starts=(INITIATION, RESPONSE))

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        if len(data) == INITIATION_SIZE and data.startswith(INITIATION):
            yield WireguardInitiation(packet, _INDEXES.unpack_from(data, 4)[0])
        elif len(data) == RESPONSE_SIZE and data.startswith(RESPONSE):
            yield WireguardResponse(packet, _INDEXES.unpack_from(data, 4)[1])
