"""HL7 in MLLP: an admission and its acknowledgement, in two segments."""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, PRINTER, Frames, conversation

HEAD = rb"MSH|^~\&|%s|%s|%s|HOSP|20260105083000||%s|%s|P|2.5"


def message(application: bytes, facility: bytes, receiver: bytes, kind: bytes, rest: bytes = b"") -> bytes:
    return b"\x0b" + HEAD % (application, facility, receiver, kind, b"17") + b"\r" + rest + b"\r\x1c\r"


ADMISSION = message(b"ADT1", b"ICU", b"LAB", b"ADT^A01", b"PID|1||555^^^H||DOE^JANE")
ANSWER = message(b"LAB", b"HOSP", b"ADT1", b"ACK^A01", b"MSA|AA|17")


def frames() -> Frames:
    parts = [(True, ADMISSION[:20]), (True, ADMISSION[20:]), (False, ANSWER), (True, ADMISSION), (False, ANSWER)]
    yield from conversation((DESKTOP, "10.20.30.20", 50257), (PRINTER, "10.20.30.13", 2575), parts)
