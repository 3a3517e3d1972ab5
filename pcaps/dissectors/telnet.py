"""A switch is logged in to at the second try; its prompt ends the story."""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, GATEWAY, Frames, conversation


def frames() -> Frames:
    parts = [
        (False, b"\xff\xfb\x01\xff\xfb\x03\xff\xfd\x18\xff\xfd\x1f"),
        (True, b"\xff\xfd\x01\xff\xfd\x03\xff\xfb\x18\xff\xfa\x18\x00xterm\xff\xf0"),
        (False, b"\r\nSG350-28 28-Port Gigabit Managed Switch\r\n\r\nUser Access Verification\r\n\r\nUsername: "),
        (True, b"admim\x7fn\r\n"),
        (False, b"admin\r\nPassword: "),
        (True, b"wrong-secret\r\n"),
        (False, b"\r\n% Login invalid\r\n\r\nUsername: "),
        (True, b"netops\r\0"),
        (False, b"netops\r\nPassword: "),
        (True, b"right-secret\r\0"),
        (False, b"\r\nswitch#"),
        (True, b"show version\r\0"),
    ]
    yield from conversation((DESKTOP, "10.20.30.66", 49180), (GATEWAY, "10.20.30.1", 23), parts)
