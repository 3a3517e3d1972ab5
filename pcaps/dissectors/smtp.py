"""SMTP: a rejected and an accepted login at a mail server, AUTH LOGIN line by line, STARTTLS, mail between servers."""

from __future__ import annotations

import base64

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation

CLIENT, SERVER = (DESKTOP, "10.20.30.66"), (PBX, "10.20.30.5", 587)
GREETING = (False, b"220 mail.office.example ESMTP Postfix (Debian/GNU)\r\n")
HELLO = [
    GREETING,
    (True, b"EHLO desk-04\r\n"),
    (False, b"250-mail.office.example\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n"),
]


def base64_line(text: bytes) -> bytes:
    return base64.b64encode(text) + b"\r\n"


def frames() -> Frames:
    parts = [
        *HELLO,
        (True, b"AUTH PLAIN " + base64_line(b"\0anna\0wrong-secret")),
        (False, b"535 5.7.8 Error: authentication failed\r\n"),
    ]
    parts += [
        (True, b"AUTH PLAIN " + base64_line(b"\0anna\0not to be kept")),
        (False, b"235 2.7.0 Authentication successful\r\n"),
    ]
    yield from conversation((*CLIENT, 49470), SERVER, parts)
    parts = [
        *HELLO,
        (True, b"auth login\r\n"),
        (False, b"334 VXNlcm5hbWU6\r\n"),
        (True, base64_line(b"bob")),
        (False, b"334 UGFzc3dvcmQ6\r\n"),
    ]
    parts += [(True, base64_line(b"not to be kept")), (False, b"235 ok\r\n")]
    yield from conversation((*CLIENT, 49471), SERVER, parts)
    yield from conversation(
        (*CLIENT, 49472),
        SERVER,
        [*HELLO, (True, b"STARTTLS\r\n"), (False, b"220 go\r\n"), (True, b"\x16\x03\x01\0\5hello")],
    )
    parts = [*HELLO, (True, b"MAIL FROM:<a@example.org>\r\n"), (False, b"250 ok\r\n")]
    yield from conversation((*CLIENT, 49473), (PBX, "10.20.30.5", 25), parts)
