"""Records of ONC RPC over TCP (RFC 5531, 11): each begins with its size, and bytes from the middle of one are skipped
up to a segment that begins one. A message in several fragments is read as far as the first one holds it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.dissector import Parsed
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.framing import FramedStream

CALL, REPLY, RPC_VERSION = 0, 1, 2
LAST = 0x80000000  # of the fragments of a record
SIZE_LIMIT = 1 << 22
MARK = 4  # bytes before the message
HEAD = struct.Struct("!III")  # record mark, transaction, kind of message


class RecordStream(FramedStream):
    """One client and its server; ``message`` gets a record with its mark."""

    head = HEAD.size

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        try:
            yield from super().feed(packet, data, from_client)
        except Malformed:
            yield from self.gap(packet, SIZE_LIMIT, from_client)

    def size(self, data: bytes, at: int) -> int:
        mark, _, kind = HEAD.unpack_from(data, at)
        if kind not in (CALL, REPLY) or not HEAD.size <= mark & ~LAST < SIZE_LIMIT:
            raise Malformed("no record")
        return MARK + int(mark & ~LAST)
