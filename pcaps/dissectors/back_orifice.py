"""Back Orifice: a ping of an operator and the response, encrypted with the key of a server without a password. Names
and addresses are fictitious.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, udp

KEY, PING = 31337, 1


def message(number: int, text: bytes = b"", key: int = KEY) -> bytes:
    """Mark, size, number, type and text, each byte combined with the next of a pseudorandom generator."""
    plain = b"*!*QWTY?" + struct.pack("<IIB", 18 + len(text), number, PING) + text + b"\0"
    encrypted = bytearray()
    for byte in plain:
        key = (key * 214013 + 2531011) & 0xFFFFFFFF
        encrypted.append(byte ^ key >> 16 & 0xFF)
    return bytes(encrypted)


def frames() -> Frames:
    yield udp(DESKTOP, PBX, "10.20.30.66", "10.20.30.5", 31338, 31337, message(1))
    yield udp(PBX, DESKTOP, "10.20.30.5", "10.20.30.66", 31337, 31338, message(1, b"!PONG!1.20!DESK!"))
