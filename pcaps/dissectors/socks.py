"""SOCKS 5 with and without authentication, SOCKS 4 and 4a, a rejected request, a reverse connection of a proxy."""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation

CLIENT, SERVER = (DESKTOP, "10.20.30.66"), (PBX, "10.20.30.5", 1080)
TO_ADDRESS = b"\5\1\0\1\x0a\x14\x1e\x07\x01\xbd"  # 10.20.30.7, port 445
TO_NAME = b"\5\1\0\3\x0bwww.example\x01\xbb"
GRANTED, REFUSED = b"\5\0\0\1\0\0\0\0\0\0", b"\5\5\0\1\0\0\0\0\0\0"
SOCKS4 = b"\4\1\x00\x16\x0a\x14\x1e\x07user\0"
SOCKS4A = b"\4\1\x00\x50\0\0\0\1\0www.example\0"


def frames() -> Frames:
    plain = [(True, b"\5\1\0"), (False, b"\5\0"), (True, TO_ADDRESS), (False, GRANTED), (True, b"\0\0\0\x45\xfeSMB")]
    yield from conversation((*CLIENT, 49630), SERVER, plain)
    login = [(True, b"\5\2\0\2"), (False, b"\5\2"), (True, b"\1\4anna\6hidden"), (False, b"\1\0")]
    yield from conversation((*CLIENT, 49631), SERVER, [*login, (True, TO_NAME), (False, REFUSED)])
    yield from conversation((*CLIENT, 49632), SERVER, [(True, SOCKS4), (False, b"\0\x5a\0\0\0\0\0\0")])
    yield from conversation((*CLIENT, 49633), SERVER, [(True, SOCKS4A), (False, b"\0\x5b\0\0\0\0\0\0")])
    reverse = [(False, b"\5\1\0"), (True, b"\5\0"), (False, TO_ADDRESS), (True, GRANTED)]
    yield from conversation((*CLIENT, 49634), (PBX, "10.20.30.5", 4444), reverse)
