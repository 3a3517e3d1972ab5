"""RDP over TLS: the connection request, the ClientHello, keystrokes."""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, GATEWAY, Frames, conversation
from pcaps.dissectors._tls import CIPHERS, client_hello, handshake, record, server_name

SERVER = "10.20.30.40"
REQUEST = bytes.fromhex("030000130ee000000000000100080001000000")
CONFIRM = bytes.fromhex("030000130ed000001234000200080001000000")


def frames() -> Frames:
    hello = record(handshake(1, client_hello(CIPHERS, [server_name("ws7.example")])))
    parts = [(True, REQUEST), (False, CONFIRM), (True, hello), (False, record(bytes(1200), 23, 0x0303))]
    keys = [(True, record(bytes(22), 23, 0x0303))] * 24
    yield from conversation((DESKTOP, "10.20.30.14", 49320), (GATEWAY, SERVER, 3389), [*parts, *keys])
