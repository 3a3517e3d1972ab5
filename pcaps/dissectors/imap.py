"""IMAP: quoted strings, literals, a rejected password, SASL authentication, STARTTLS."""

from __future__ import annotations

import base64

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation

CLIENT, SERVER = (DESKTOP, "10.20.30.66"), (PBX, "10.20.30.5", 143)
GREETING = (False, b"* OK [CAPABILITY IMAP4rev1 LITERAL+] Dovecot (Debian) ready.\r\n")


def frames() -> Frames:
    parts = [
        GREETING,
        (True, b'a1 LOGIN anna "wrong \\"secret"\r\n'),
        (False, b"* BYE\r\na1 NO [AUTHENTICATIONFAILED] Authentication failed.\r\n"),
    ]
    parts += [
        (True, b"a2 login {4+}\r\nanna {14}\r\n"),
        (False, b"+ go on\r\n"),
        (True, b"not to be kept\r\n"),
        (False, b"a2 OK Logged in\r\n"),
    ]
    yield from conversation((*CLIENT, 49480), SERVER, parts)
    parts = [
        GREETING,
        (True, b"b1 AUTHENTICATE CRAM-MD5\r\n"),
        (False, b"+ PDE+\r\n"),
        (True, base64.b64encode(b"bob b913a602c7eda7a4") + b"\r\n"),
    ]
    parts += [(False, b"b1 OK in\r\n")]
    yield from conversation((*CLIENT, 49481), SERVER, parts)
    yield from conversation(
        (*CLIENT, 49482),
        SERVER,
        [GREETING, (True, b"c1 STARTTLS\r\n"), (False, b"c1 OK\r\n"), (True, b"\x16\x03\x01\0\5hello")],
    )
