"""POP3: a rejected and an accepted password at one server; SASL and APOP; STLS."""

from __future__ import annotations

import base64

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation

CLIENT, SERVER = (DESKTOP, "10.20.30.66"), (PBX, "10.20.30.5", 110)
GREETING = (False, b"+OK Dovecot (Debian) ready.\r\n")


def frames() -> Frames:
    parts = [
        GREETING,
        (True, b"CAPA\r\n"),
        (False, b"+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n"),
        (True, b"USER anna\r\n"),
        (False, b"+OK\r\n"),
    ]
    parts += [
        (True, b"PASS wrong-secret\r\n"),
        (False, b"-ERR [AUTH] Authentication failed.\r\n"),
        (True, b"USER anna\r\nPASS not to be kept\r\n"),
    ]
    parts += [(False, b"+OK\r\n+OK Logged in.\r\n"), (True, b"RETR 1\r\n"), (False, b"+OK\r\nSubject: x\r\n.\r\n")]
    yield from conversation((*CLIENT, 49460), SERVER, parts)
    plain = base64.b64encode(b"\0bob\0not to be kept")
    parts = [
        GREETING,
        (True, b"AUTH PLAIN\r\n"),
        (False, b"+ \r\n"),
        (True, plain + b"\r\n"),
        (False, b"+OK Logged in.\r\n"),
    ]
    yield from conversation((*CLIENT, 49461), SERVER, parts)
    digest = b"APOP carl c4c9334bac560ecc979e58001b3e22fb\r\n"
    yield from conversation(
        (*CLIENT, 49462),
        SERVER,
        [GREETING, (True, digest), (False, b"-ERR [IN-USE] wait\r\n"), (True, digest), (False, b"+OK\r\n")],
    )
    yield from conversation(
        (*CLIENT, 49463),
        SERVER,
        [GREETING, (True, b"STLS\r\n"), (False, b"+OK begin\r\n"), (True, b"\x16\x03\x01\0\5hello")],
    )
