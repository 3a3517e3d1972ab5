"""Builders of DNS messages (RFC 1035, 4)."""

from __future__ import annotations

import struct


def dns_name(text: str) -> bytes:
    return strings(*text.split(".")) + b"\0"


def dns_message(id_: int, flags: int, questions: list[tuple[bytes, int]], *sections: list[bytes]) -> bytes:
    counts = [len(section) for section in sections] + [0] * (3 - len(sections))
    queries = b"".join(name + struct.pack("!HH", kind, 1) for name, kind in questions)
    return (
        struct.pack("!HHHHHH", id_, flags, len(questions), *counts)
        + queries
        + b"".join(b"".join(section) for section in sections)
    )


def record(name: bytes, kind: int, data: bytes, ttl: int = 120, flush: bool = False) -> bytes:
    return name + struct.pack("!HHIH", kind, 0x8001 if flush else 1, ttl, len(data)) + data


def strings(*values: str) -> bytes:
    return b"".join(bytes((len(value.encode()),)) + value.encode() for value in values)
