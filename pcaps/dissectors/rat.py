"""Remote access trojans: text commands, njRAT, Gh0st, and a reverse shell. Addresses and texts are fictitious."""

from __future__ import annotations

import struct
import zlib

from pcaps.dissectors._frames import CAMERA, DESKTOP, GATEWAY, Frames, conversation


def frames() -> Frames:
    server = (GATEWAY, "198.51.100.7", 5552)
    hello = b"ll|'|'|SGFjS2VkXzEyMw==|'|'|DESK|'|'|user|'|'|24-01-01|'|'|"
    yield from conversation(
        (DESKTOP, "10.20.30.66", 50200), server, [(True, b"%d\0%b" % (len(hello), hello)), (False, b"0\0")]
    )
    packed = zlib.compress(b"\x66" + bytes(400))
    login = b"Gh0st" + struct.pack("<II", 13 + len(packed), 401) + packed
    yield from conversation((DESKTOP, "10.20.30.66", 50201), (GATEWAY, "198.51.100.7", 8000), [(True, login)])
    yield from conversation(
        (DESKTOP, "10.20.30.66", 50202),
        (GATEWAY, "198.51.100.7", 4444),
        [(True, b"Microsoft Windows [Version 10.0.19045.3803]\r\n"), (False, b"whoami\r\n")],
    )
    yield from conversation(
        (DESKTOP, "10.20.30.66", 50203),
        (GATEWAY, "198.51.100.7", 4433),
        [(False, b"ANABILGI|556\r\n"), (True, b"ANABILGI|192.0.2.1|x|NO|user"), (True, b"BAGLIMI?\n")],
    )
    yield from conversation(
        (CAMERA, "10.20.30.44", 50204), (GATEWAY, "198.51.100.7", 80), [(True, b"configuration=1\r\n")]
    )
