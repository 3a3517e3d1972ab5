"""NFS: a mount with AUTH_SYS, of which the client's name is read, a call of a library, and one without credentials."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation

CLIENT, SERVER = (DESKTOP, "10.20.30.66"), (PBX, "10.20.30.5", 2049)
NULL, COMPOUND = 0, 1
Parts = list[tuple[bool, bytes]]


def record(body: bytes) -> bytes:
    """A record of one fragment (RFC 5531, 11)."""
    return struct.pack("!I", 1 << 31 | len(body)) + body


def credentials(name: bytes) -> bytes:
    """AUTH_SYS (RFC 5531, appendix A): stamp, name of the machine, user, group, further groups."""
    padded = name.ljust((len(name) + 3) // 4 * 4, b"\0")
    return struct.pack("!II", 0, len(name)) + padded + struct.pack("!IIII", 1000, 1000, 1, 1000)


def call(number: int, procedure: int, name: bytes = b"", *, program: int = 100003) -> bytes:
    """A call; without a name its flavor is AUTH_NONE."""
    proof = credentials(name) if name else b""
    head = struct.pack("!IIIIIIII", number, 0, 2, program, 4, procedure, bool(name), len(proof))
    return record(head + proof + bytes(8) + (bytes(12) if procedure else b""))


def reply(number: int, status: int = 0) -> bytes:
    return record(struct.pack("!III", number, 1, status) + bytes(12))


def exchange(number: int, procedure: int, name: bytes = b"") -> Parts:
    return [(True, call(number, procedure, name)), (False, reply(number))]


def frames() -> Frames:
    sessions = [[*exchange(1, NULL), *exchange(2, COMPOUND, b"web01")], exchange(3, COMPOUND, b"libnfs")]
    for port, parts in enumerate(sessions, 49430):
        yield from conversation((*CLIENT, port), SERVER, parts)
