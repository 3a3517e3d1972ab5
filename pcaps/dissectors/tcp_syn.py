"""TCP: SYNs of two operating systems, one with data, one with an option of invalid length, a SYN-ACK, and scanner
probes: no flags, all flags, SYN with FIN.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import CAMERA, DESKTOP, PRINTER, Frames, ip_frame

CLIENT, SERVER = (DESKTOP, "10.20.30.14"), (PRINTER, "10.20.30.13")


def frames() -> Frames:
    def segment(
        flags: int, options: bytes = b"", window: int = 1024, data: bytes = b"", ttl: int = 64, sport: int = 40000
    ) -> bytes:
        head = struct.pack("!HHIIBBHHH", sport, 80, 1000, 0, (20 + len(options)) << 2, flags, window, 0, 0)
        return ip_frame(CLIENT[0], SERVER[0], CLIENT[1], SERVER[1], 6, head + options + data, 16, ttl=ttl)

    stamp = b"\x08\x0a" + struct.pack("!II", 5000, 0)
    yield segment(2, b"\x02\x04\x05\xb4\x04\x02" + stamp + b"\x01\x03\x03\x07", 29200)
    yield segment(2, b"\x02\x04\x05\xb4\x01\x03\x03\x08\x01\x01\x04\x02", 64240, ttl=128, sport=40001)
    yield segment(2, b"\x02\x04\x05\xb4", 65535, b"early data", sport=40002)
    yield segment(2, b"\x1d\x02\0\0", 8192, sport=40003)
    yield segment(0x12, b"\x02\x04\x05\xb4", 65535)
    yield segment(0, b"\x03\x03\x0a\x01\x02\x04\x01\x09" + stamp + b"\x04\x02", 128)
    yield segment(0x29, window=65535, sport=40004)
    yield segment(0x2B, window=256, sport=40005)
    yield ip_frame(
        CAMERA,
        PRINTER,
        "fd00::16",
        "fd00::13",
        6,
        struct.pack("!HHIIBBHHH", 40000, 554, 7, 0, 0x60, 2, 14400, 0, 0) + b"\x02\x04\x05\xa0",
        16,
    )
