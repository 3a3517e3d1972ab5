"""Files over TFTP (RFC 1350; blksize of RFC 2348): blocks, the last of which is shorter than the others."""

from __future__ import annotations

import struct

from sensor.core.packet import Packet
from sensor.records.files.body import Body, Budget, ends_of
from sensor.records.files.seen import FileSeen, State

SERVICE = "tftp"
WRITE, DATA, ACKNOWLEDGED = 2, 3, 6
BLOCK, BLOCK_MOST = 512, 65464


class TftpFile:
    """One transfer. ``over``: its last block came."""

    def __init__(self, request: Packet, budget: Budget) -> None:
        self.over = False
        self._name = request.payload[2:].partition(b"\0")[0]
        self._upload = request.payload[1] == WRITE
        self._client = request.src
        self._budget, self._block, self._size = budget, 0, BLOCK
        self._body: Body | None = None

    def take(self, packet: Packet) -> FileSeen | None:
        """Process a packet of the transfer; returns the file after its last block."""
        if packet.payload[1] == ACKNOWLEDGED:
            self._size = _block_size(packet.payload)
            return None
        from_client = packet.src == self._client
        if from_client != self._upload or packet.truncated:
            return None
        number, data = struct.unpack_from(">H", packet.payload, 2)[0], packet.payload[4:]
        if self._body is None:
            self._body = Body(packet, self._budget, self._name)
        if number == self._block & 0xFFFF and self._block:  # retransmitted
            return None
        if number != (self._block + 1) & 0xFFFF:
            self._body.lost()
        self._block += 1
        self._body.take(data)
        return self.ended() if len(data) < self._size else None

    def ended(self, *, whole: bool = True) -> FileSeen | None:
        """End the transfer; None if there was no block."""
        body, self._body, self.over = self._body, None, True
        if body is None:
            return None
        if not whole:
            body.lost(State.CUT_OFF)
        return body.ended(SERVICE, self._upload, ends_of(body.packet, self._upload))


def _block_size(payload: bytes) -> int:
    """The block size that client and server negotiated (RFC 2347: pairs of name and value)."""
    words = payload[2:].split(b"\0")
    for name, value in zip(words[::2], words[1::2], strict=False):
        if name.lower() == b"blksize" and value.isdigit() and 8 <= int(value[:6]) <= BLOCK_MOST:
            return int(value[:6])
    return BLOCK
