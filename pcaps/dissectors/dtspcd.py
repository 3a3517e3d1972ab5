"""dtspcd: a client that asks for the system of a host, and one that overflows a buffer. Names and addresses are
fictitious.
"""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation

QUERY = b"0000000204000d0001  4 \0root\0\0" + b"10\0"
OVERFLOW = b"0000000204103e0003  4 " + b"\x80\x1c\x40\x11" * 1000


def frames() -> Frames:
    answer = b"000000000400290001/.SPC_AAA\0hosta:SunOS:5.8:sun4u\0"
    for port, request in ((1023, QUERY), (1022, OVERFLOW)):
        yield from conversation(
            (DESKTOP, "10.20.30.66", port), (PBX, "10.20.30.5", 6112), [(True, request), (False, answer)]
        )
