"""PJLink: a projector without a password that a control system queries twice, one that refuses a password, a search and
its response, a response that a bridge repeats.
"""

from __future__ import annotations

from pcaps.dissectors._frames import ALL, CAMERA, DESKTOP, PRINTER, Frames, conversation, udp

CLIENT, PROJECTOR, DISPLAY = (DESKTOP, "10.20.30.14"), (CAMERA, "10.20.30.16", 4352), (PRINTER, "10.20.30.13", 4352)
PRODUCT = (
    ("%1INF1", "EPSON"), ("%1INF2", "EPSON EB-L615U"), ("%1NAME", "Room 3"), ("%2SNUM", "X5TJ8900123"),
    ("%2SVER", "1.10"), ("%1LAMP", "340 1"), ("%1INST", "ERR1"),
)  # fmt: skip


def queried(*answers: tuple[str, str]) -> list[tuple[bool, bytes]]:
    return [
        part
        for name, value in answers
        for part in ((True, f"{name} ?\r".encode()), (False, f"{name}={value}\r".encode()))
    ]


def frames() -> Frames:
    polled = queried(*PRODUCT)
    yield from conversation((*CLIENT, 49560), PROJECTOR, [(False, b"PJLINK 0\r"), *polled, *polled])
    refused = [(False, b"PJLINK 1 498e4a67\r"), (True, b"0" * 32 + b"%1POWR ?\r"), (False, b"PJLINK ERRA\r")]
    yield from conversation((*CLIENT, 49561), DISPLAY, refused)
    yield udp(DESKTOP, ALL, "10.20.30.14", "10.20.30.255", 4352, 4352, b"%2SRCH\r")
    answer = f"%2ACKN={CAMERA}\r".encode()
    yield udp(CAMERA, DESKTOP, "10.20.30.16", "10.20.30.14", 4352, 4352, answer)
    yield udp(PRINTER, DESKTOP, "10.20.30.13", "10.20.30.14", 4352, 4352, answer)
