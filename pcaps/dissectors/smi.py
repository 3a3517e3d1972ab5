"""Cisco Smart Install: a probe, the response of a switch, a command to copy the configuration to a TFTP server."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, GATEWAY, Frames, conversation


def message(sender: int, version: int, kind: int, body: bytes) -> bytes:
    return struct.pack("!IIII", sender, version, kind, len(body)) + body


def frames() -> Frames:
    greeting = message(1, 1, 4, bytes.fromhex("0000000100000000"))
    answer = message(4, 0, 3, bytes.fromhex("0000000100000000"))
    command = message(1, 1, 8, bytes(392))
    parts = [(True, greeting), (False, answer), (True, command[:100]), (True, command[100:])]
    yield from conversation((DESKTOP, "10.20.30.14", 50000), (GATEWAY, "10.20.30.1", 4786), parts)
