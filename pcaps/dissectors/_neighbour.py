"""Bricks of announcements to neighbours: frames with a length and an 802.2 header, and fields."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import checksum, ethernet, ip


def snap(src: str, dst: str, company: str, protocol: int, payload: bytes, vlan: int = 0) -> bytes:
    """A frame with the protocol of a company (802.2 SNAP)."""
    content = b"\xaa\xaa\x03" + bytes.fromhex(company) + struct.pack("!H", protocol) + payload
    return ethernet(src, dst, len(content), content, vlan)


def sap(src: str, dst: str, point: int, payload: bytes, vlan: int = 0) -> bytes:
    """A frame to a service access point (802.2)."""
    content = bytes((point, point, 3)) + payload
    return ethernet(src, dst, len(content), content, vlan)


def field(kind: int, value: bytes) -> bytes:
    """As CDP and FDP write it: the length counts type and length."""
    return struct.pack("!HH", kind, 4 + len(value)) + value


def summed(message: bytes, at: int = 2) -> bytes:
    """With the checksum filled in. The last of an odd number of bytes counts as the low one: an old fault of Cisco's
    that all repeat.
    """
    even = message if len(message) % 2 == 0 else message[:-1] + b"\0" + message[-1:]
    return message[:at] + struct.pack("!H", checksum(even)) + message[at + 2 :]


def addresses(*texts: str) -> bytes:
    """A list of addresses as CDP and FDP write it."""
    found = [
        (b"\x02\x08\xaa\xaa\x03\x00\x00\x00\x86\xdd" if ":" in text else b"\x01\x01\xcc")
        + struct.pack("!H", len(ip(text)))
        + ip(text)
        for text in texts
    ]
    return struct.pack("!I", len(texts)) + b"".join(found)
