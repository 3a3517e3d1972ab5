"""IAX2: the registration of a modem (iaxmodem 1.2) with a challenge, one with a cleartext password that is rejected, a
call, media.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, udp

MODEM, SERVER = 0x233A, 0x004D
USER, ANSWER = (6, b"fax-office"), (16, b"4f5be9bf50cf4f4df4541e368bf89e76")


def frame(kind: int, *elements: tuple[int, bytes], source: int = MODEM, target: int = 0) -> bytes:
    head = struct.pack("!HHIBBBB", 0x8000 | source, target, 3, 0, 0, 6, kind)
    return head + b"".join(bytes((name, len(value))) + value for name, value in elements)


def frames() -> Frames:
    def client(payload: bytes, port: int = 4570) -> bytes:
        return udp(DESKTOP, PBX, "10.20.30.14", "10.20.30.5", port, 4569, payload)

    def server(payload: bytes, port: int = 4570) -> bytes:
        return udp(PBX, DESKTOP, "10.20.30.5", "10.20.30.14", 4569, port, payload)

    back = {"source": SERVER, "target": MODEM}
    yield client(frame(13, USER, (19, b"\0\x32")))
    yield server(frame(14, USER, (14, b"\0\2"), (15, b"123456789"), **back))
    yield client(frame(13, USER, ANSWER, (19, b"\0\x32"), target=SERVER))
    yield server(frame(15, USER, (18, struct.pack("!HHI", 2, 4570, 0)), (19, b"\0\x3c"), **back))
    yield client(frame(13, (6, b"100"), (7, b"100"), (19, b"\0\x32")), 4571)
    yield server(frame(16, (22, b"Registration Refused"), (42, b"\x1d"), **back), 4571)
    yield client(frame(1, (11, b"\0\2"), (1, b"0049301234"), (2, b"100"), USER))
