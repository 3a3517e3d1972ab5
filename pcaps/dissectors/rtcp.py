"""RTCP: sender and receiver reports with CNAMEs, a report of a mixer about another source, a source description alone,
an encrypted report.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import PBX, PHONE, Frames, udp


def part(count: int, kind: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def chunk(source: int, *items: tuple[int, str]) -> bytes:
    raw = struct.pack("!I", source) + b"".join(bytes((kind, len(text))) + text.encode() for kind, text in items) + b"\0"
    return raw.ljust(-(-len(raw) // 4) * 4, b"\0")


def frames() -> Frames:
    def up(payload: bytes) -> bytes:
        return udp(PHONE, PBX, "10.20.30.12", "10.20.30.5", 11801, 16001, payload)

    def down(payload: bytes) -> bytes:
        return udp(PBX, PHONE, "10.20.30.5", "10.20.30.12", 16001, 11801, payload)

    block = struct.pack("!IIIIII", 0xB0B, 64 << 24 | 7, 1200, 33, 0, 0)
    sender = struct.pack("!IQIII", 0xA11CE, 1 << 40, 160, 250, 40000)
    yield up(
        part(1, 200, sender + block) + part(1, 202, chunk(0xA11CE, (1, "212@10.20.30.12"), (6, "Yealink SIP-T46S")))
    )
    yield up(part(0, 200, sender))
    yield down(part(1, 201, struct.pack("!I", 0xB0B) + block) + part(1, 202, chunk(0xB0B, (1, "pbx@10.20.30.5"))))
    others = chunk(0xC0DE, (6, "another program")) + chunk(0xB0B, (1, "pbx@10.20.30.5"), (6, "Asterisk"))
    yield down(part(0, 201, struct.pack("!I", 0xB0B)) + part(2, 202, others) + part(1, 203, struct.pack("!I", 0xB0B)))
    yield up(part(1, 202, chunk(0xA11CE, (1, "212@10.20.30.12"))))
    yield up(
        part(1, 201, struct.pack("!I", 0xA11CE) + bytes(range(24)))
        + bytes.fromhex("5a6b7c8d9eafb0c1d2e3f405162738498000000112345678901234567890")
    )
