"""EAPOL: EAP identity and success of a computer, PEAP of a user, a rejected user, a SIM card and a MAC address as
identities, a 4-way handshake, a logoff.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, GATEWAY, PHONE, PRINTER, Frames, ethernet

GROUP = "01:80:c2:00:00:03"


def frames() -> Frames:
    def frame(src: str, dst: str, kind: int, body: bytes = b"", version: int = 2) -> bytes:
        return ethernet(src, dst, 0x888E, struct.pack("!BBH", version, kind, len(body)) + body)

    def eap(code: int, kind: int | None = None, content: bytes = b"") -> bytes:
        body = content if kind is None else bytes((kind,)) + content
        return struct.pack("!BBH", code, 7, 4 + len(body)) + body

    yield frame(DESKTOP, GROUP, 1)
    yield frame(GATEWAY, DESKTOP, 0, eap(1, 1))
    yield frame(DESKTOP, GATEWAY, 0, eap(2, 1, b"host/PC-0417.corp.example.net"))
    yield frame(GATEWAY, DESKTOP, 0, eap(1, 13, b"\x20"))
    yield frame(DESKTOP, GATEWAY, 0, eap(2, 3, b"\x19"))
    yield frame(GATEWAY, DESKTOP, 0, eap(3))
    yield frame(DESKTOP, GATEWAY, 0, eap(2, 1, b"CORP\\m.meyer"))
    yield frame(PHONE, GATEWAY, 0, eap(2, 1, b"001010123456789@wlan.mnc001.mcc001.3gppnetwork.org"))
    yield frame(PRINTER, GATEWAY, 0, eap(2, 1, b"02005e005303"))
    yield frame(GATEWAY, PRINTER, 0, eap(4))

    def key(info: int, nonce: bytes, data: bytes = b"") -> bytes:
        return b"\x02" + struct.pack("!HHQ", info, 16, 1) + nonce + bytes(48) + struct.pack("!H", len(data)) + data

    yield frame(GATEWAY, PHONE, 3, key(0x008A, b"\x11" * 32))
    yield frame(PHONE, GATEWAY, 3, key(0x010A, b"\x22" * 32, b"\x30\x14" + bytes(20)))
    yield frame(GATEWAY, PHONE, 3, key(0x13CA, b"\x11" * 32, bytes(56)))
    yield frame(PHONE, GATEWAY, 3, key(0x030A, bytes(32)))
    yield frame(GATEWAY, PHONE, 3, key(0x1382, b"\x33" * 32, bytes(40)))
    yield frame(DESKTOP, GROUP, 2)
