"""Cisco Smart Install on TCP port 4786, with which a director provisions new switches with settings and software; it
needs no authentication, so attackers use it as well.

Reads the type of each message; its content is not read. The header is that of published analyses.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.sender_facts import fact

PORT = 4786
SENDERS, VERSIONS, KINDS_LIMIT, SIZE_LIMIT = range(1, 16), (0, 1), 64, 1 << 20
_HEADER = struct.Struct("!IIII")  # sender's role, version, type, size of the rest


class SmiMessage(Event):
    """A Smart Install message: ``type`` 4 is a greeting, 7 and 8 send settings and commands. ``from_client``: sent by
    the side that opened the connection.
    """

    type: int
    size: int
    from_client: bool


class Smi(Dissector):
    """Whole connections, which are short."""

    interest = Interest(tcp=(PORT,), stream=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return SmiStream()


class SmiStream(FramedStream):
    """One connection. The server is a switch."""

    head = _HEADER.size
    keep = _HEADER.size

    def __init__(self) -> None:
        super().__init__()
        self._answered = False

    def size(self, data: bytes, at: int) -> int:
        size = _size(data, at)
        if not size:
            raise Malformed("no Smart Install header")
        return size

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        _, _, kind, size = _HEADER.unpack_from(data)
        yield SmiMessage(packet, kind, size, from_client)
        if not from_client and not self._answered:
            self._answered = True
            yield fact(packet, "smi.answer", "Smart Install")


def _size(data: bytes, at: int) -> int:
    """Size in bytes of the message at ``at``; 0 if none begins there."""
    sender, version, kind, size = _HEADER.unpack_from(data, at)
    return (
        _HEADER.size + size
        if sender in SENDERS and version in VERSIONS and kind <= KINDS_LIMIT and size <= SIZE_LIMIT
        else 0
    )
