"""DICOM: a modality requests the worklist, an archive accepts; an association with a wrong title is rejected (the
formats are those of DCMTK).
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PRINTER, Frames, conversation

ROOT = b"1.2.840.10008."
WORKLIST, CT_STORAGE, VERIFICATION = b"5.1.4.31", b"5.1.4.1.1.2", b"1.1"
GE = b"1.2.840.113619.6.281"


def pdu(kind: int, body: bytes) -> bytes:
    return struct.pack("!BBI", kind, 0, len(body)) + body


def item(kind: int, value: bytes) -> bytes:
    return struct.pack("!BBH", kind, 0, len(value)) + value


def associate(
    kind: int, called: bytes, calling: bytes, *services: bytes, program: bytes = b"CT_16_4", root: bytes = GE
) -> bytes:
    """A request (1) or an acceptance (2) of an association."""
    contexts = [
        item(0x20, bytes((2 * n + 1, 0, 0, 0)) + item(0x30, ROOT + name) + item(0x40, ROOT + b"1.2"))
        for n, name in enumerate(services)
    ]
    user = item(0x51, struct.pack("!I", 16384)) + item(0x52, root) + item(0x55, program)
    items = item(0x10, ROOT + b"3.1.1.1") + b"".join(contexts) + item(0x50, user)
    return pdu(kind, b"\0\1\0\0" + called.ljust(16) + calling.ljust(16) + bytes(32) + items)


REQUEST = associate(1, b"PACS1", b"CT01", VERIFICATION, WORKLIST, CT_STORAGE)
ACCEPT = associate(2, b"PACS1", b"CT01", program=b"OFFIS_DCMTK_369", root=b"1.2.276.0.7230010.3.0.3.6.9")
REJECT = pdu(3, b"\0\1\1\7")


def frames() -> Frames:
    sessions = [
        [(True, REQUEST), (False, ACCEPT), (True, pdu(4, bytes(60))), (True, pdu(5, bytes(4)))],
        [(True, associate(1, b"ANY", b"NMAP", VERIFICATION)), (False, REJECT)],
    ]
    for number, parts in enumerate(sessions):
        yield from conversation((DESKTOP, "10.20.30.20", 50104 + number), (PRINTER, "10.20.30.13", 11112), parts)
