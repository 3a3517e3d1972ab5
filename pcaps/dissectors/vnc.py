"""VNC: a desktop without a password, a rejected and an accepted password (versions 3.8 and 3.3), and a connection that
continues encrypted.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import CAMERA, DESKTOP, PBX, Frames, conversation

VERSION_3_8, VERSION_3_3 = b"RFB 003.008\n", b"RFB 003.003\n"
CLIENT = (DESKTOP, "10.20.30.66")
CHALLENGE, RESPONSE = bytes(range(16)), bytes(range(16, 32))
INIT = struct.pack("!HH16xI", 1280, 800, 18) + b"panel's desktop :0"
REASON = b"Authentication failure"


def frames() -> Frames:
    server = (CAMERA, "10.20.30.44", 5900)
    parts = [
        (False, VERSION_3_8),
        (True, VERSION_3_8),
        (False, b"\2\1\2"),
        (True, b"\1"),
        (False, bytes(4)),
        (True, b"\1"),
        (False, INIT),
    ]
    yield from conversation((*CLIENT, 49400), server, parts)
    failure = struct.pack("!II", 1, len(REASON)) + REASON
    parts = [
        (False, VERSION_3_8),
        (True, VERSION_3_8),
        (False, b"\1\2"),
        (True, b"\2"),
        (False, CHALLENGE),
        (True, RESPONSE),
        (False, failure),
    ]
    yield from conversation((*CLIENT, 49401), (PBX, "10.20.30.5", 5900), parts)
    parts = [
        (False, VERSION_3_8),
        (True, VERSION_3_3),
        (False, b"\0\0\0\2" + CHALLENGE),
        (True, RESPONSE),
        (False, bytes(4)),
        (True, b"\1"),
        (False, INIT),
    ]
    yield from conversation((*CLIENT, 49402), (PBX, "10.20.30.5", 5900), parts)
    yield from conversation(
        (*CLIENT, 49403),
        (PBX, "10.20.30.5", 5900),
        [(False, VERSION_3_8), (True, VERSION_3_8), (False, b"\2\x13\2"), (True, b"\x13"), (False, b"\0\2")],
    )
