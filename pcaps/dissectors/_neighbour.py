"""Builders of link-layer discovery messages: 802.3 frames with an 802.2 header, and TLVs."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import checksum, ethernet, ip


def snap(src: str, dst: str, oui: str, protocol: int, payload: bytes, vlan: int = 0) -> bytes:
    """A frame with an 802.2 SNAP header: OUI and protocol."""
    content = b"\xaa\xaa\x03" + bytes.fromhex(oui) + struct.pack("!H", protocol) + payload
    return ethernet(src, dst, len(content), content, vlan)


def sap(src: str, dst: str, sap_value: int, payload: bytes, vlan: int = 0) -> bytes:
    """A frame with an 802.2 LLC header: destination and source SAP."""
    content = bytes((sap_value, sap_value, 3)) + payload
    return ethernet(src, dst, len(content), content, vlan)


def field(kind: int, value: bytes) -> bytes:
    """A TLV of CDP or FDP. The length includes type and length."""
    return struct.pack("!HH", kind, 4 + len(value)) + value


def with_checksum(message: bytes, at: int = 2) -> bytes:
    """The message with its checksum. With an odd number of bytes, the last byte is the low byte of its word: an error
    of Cisco IOS that other implementations repeat.
    """
    even = message if len(message) % 2 == 0 else message[:-1] + b"\0" + message[-1:]
    return message[:at] + struct.pack("!H", checksum(even)) + message[at + 2 :]


def addresses(*texts: str) -> bytes:
    """The value of an Addresses TLV of CDP or FDP."""
    found = [
        (b"\x02\x08\xaa\xaa\x03\x00\x00\x00\x86\xdd" if ":" in text else b"\x01\x01\xcc")
        + struct.pack("!H", len(ip(text)))
        + ip(text)
        for text in texts
    ]
    return struct.pack("!I", len(texts)) + b"".join(found)
