"""iSCSI: a discovery session, volumes mounted without a login and with CHAP, a rejected response, and an initiator
without CHAP.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation

CLIENT, SERVER = (DESKTOP, "10.20.30.66"), (PBX, "10.20.30.5", 3260)
WINDOWS, LINUX = "iqn.1991-05.com.microsoft:pc-7.example.com", "iqn.1993-08.org.debian:01:afc684b9c4d"
OPEN = "iqn.2000-01.com.synology:DS920.Target-1.1a2b3c4d5e"
BACKUP = "iqn.2000-01.com.synology:DS920.backup.1a2b3c4d5e"
LOGIN, TEXT, LOGIN_ANSWER, TEXT_ANSWER = 0x43, 0x04, 0x23, 0x24
SECURITY, OPERATION, LAST = 0x81, 0x04, 0x87  # flags: the stage, and the one that follows
Parts = list[tuple[bool, bytes]]


def message(operation: int, flags: int, *pairs: str, status: int = 0) -> bytes:
    """A basic header segment (RFC 7143, 11.2) and the keys."""
    data = b"".join(pair.encode() + b"\0" for pair in pairs)
    head = struct.pack("!BBHI", operation, flags, 0, len(data)) + bytes(28) + struct.pack("!H", status) + bytes(10)
    return head + data.ljust((len(data) + 3) // 4 * 4, b"\0")


def login(initiator: str, target: str, flags: int, *pairs: str) -> tuple[bool, bytes]:
    session = (f"TargetName={target}", "SessionType=Normal") if target else ("SessionType=Discovery",)
    return True, message(LOGIN, flags, f"InitiatorName={initiator}", *session, *pairs)


def answer(flags: int, *pairs: str, status: int = 0) -> tuple[bool, bytes]:
    return False, message(LOGIN_ANSWER, flags, *pairs, status=status)


def chap(accepted: bool) -> Parts:
    """A login with CHAP (RFC 7143, 12.1.3)."""
    challenge = "CHAP_C=0x1226c8bfd42f979550ff1b716d9edf4c"
    parts = [
        login(LINUX, BACKUP, SECURITY, "InitiatorAlias=srv02", "AuthMethod=CHAP,None"),
        answer(0, "TargetPortalGroupTag=1", "AuthMethod=CHAP"),
        (True, message(LOGIN, 0, "CHAP_A=5")),
        answer(0, "CHAP_A=5", "CHAP_I=1", challenge),
        (True, message(LOGIN, SECURITY, "CHAP_N=backup", "CHAP_R=0x986FACB777FF7819E00B52B8F64EE271")),
    ]
    if not accepted:
        return [*parts, answer(0, status=0x0201)]
    return [
        *parts,
        answer(SECURITY),
        (True, message(LOGIN, LAST, "HeaderDigest=None")),
        answer(LAST, "HeaderDigest=None"),
    ]


def frames() -> Frames:
    address = "TargetAddress=10.20.30.5:3260,1"
    sessions: list[Parts] = [
        [
            login(WINDOWS, "", LAST),
            answer(LAST, "TargetPortalGroupTag=1"),
            (True, message(TEXT, 0x80, "SendTargets=All")),
            (False, message(TEXT_ANSWER, 0x80, f"TargetName={OPEN}", address, f"TargetName={BACKUP}", address)),
        ],
        [
            login(WINDOWS, OPEN, LAST, "HeaderDigest=None,CRC32C"),
            answer(LAST, "HeaderDigest=None"),
            (True, bytes((1,)) + bytes(47)),
        ],
        chap(True),
        chap(False),
        [login(WINDOWS, BACKUP, LAST), answer(0x04, status=0x0201)],
    ]
    for port, parts in enumerate(sessions, 49430):
        yield from conversation((*CLIENT, port), SERVER, parts)
