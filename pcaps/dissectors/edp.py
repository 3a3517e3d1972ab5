"""EDP: a switch of Extreme Networks with name, slot, port and version; its VLANs in a second message."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import GATEWAY, Frames, ip, mac
from pcaps.dissectors._neighbour import snap, with_checksum

GROUP = "00:e0:2b:00:00:00"


def frames() -> Frames:
    def tlv(kind: int, value: bytes) -> bytes:
        return struct.pack("!BBH", 0x99, kind, 4 + len(value)) + value

    def frame(number: int, *fields: bytes) -> bytes:
        body = b"".join(fields) + tlv(0, b"")
        head = struct.pack("!BxHHHH", 1, 16 + len(body), 0, number, 0) + mac(GATEWAY)
        return snap(GATEWAY, GROUP, "00e02b", 0x00BB, with_checksum(head + body, 4))

    yield frame(7, tlv(1, b"x440-west\0"), tlv(2, struct.pack("!HHH6xBBBB", 0, 23, 0, 31, 7, 1, 4) + bytes(16)))
    yield frame(
        8,
        tlv(1, b"x440-west\0"),
        tlv(5, struct.pack("!BxHI", 0x80, 20, 0) + ip("10.20.20.4") + b"office\0"),
        tlv(5, struct.pack("!BxHI", 0, 30, 0) + bytes(4) + b"phones\0"),
    )
