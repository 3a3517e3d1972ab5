"""UNIStim: the discovery by a phone, the firmware and the type that it reports, its hardware ID, an acknowledgement of
the server.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import PBX, PHONE, Frames, mac, udp

NONE, TERMINAL = b"\xff" * 4, bytes.fromhex("00000013")


def message(sequence: int, terminal: bytes, *commands: tuple[int, int, bytes], direction: int = 2) -> bytes:
    body = b"".join(bytes((manager, 3 + len(value), code)) + value for manager, code, value in commands)
    return struct.pack("!HHBB", 0xFFFF if sequence == 0xFFFF else 0, sequence, 2, direction) + terminal + body


def frames() -> Frames:
    def phone(payload: bytes) -> bytes:
        return udp(PHONE, PBX, "10.20.30.12", "10.20.30.5", 5000, 4100, payload)

    yield phone(message(0xFFFF, NONE, (0x9E, 8, b"")))
    yield phone(message(1, TERMINAL, (0x9A, 2, b"0604DCG"), (0x9A, 3, b"\2")))
    yield phone(message(2, NONE, (0x9A, 7, b"\0\0" + mac(PHONE) + b"\0\0")))
