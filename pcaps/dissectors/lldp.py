"""LLDP: a VoIP phone with LLDP-MED inventory, a switch, an access point with an interface name as chassis id, a camera,
a computer without a name, a shutdown frame.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import CAMERA, DESKTOP, GATEWAY, PHONE_LONG, Frames, ethernet, ip, mac

NEAREST = "01:80:c2:00:00:0e"
DOT1, DOT3, MED = b"\x00\x80\xc2", b"\x00\x12\x0f", b"\x00\x12\xbb"
ACCESS_POINT = "02:00:5e:00:53:21"


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!H", kind << 9 | len(value)) + value


def organization_specific(company: bytes, subtype: int, value: bytes) -> bytes:
    return tlv(127, company + bytes((subtype,)) + value)


def management_address(address: str) -> bytes:
    raw = ip(address)
    return tlv(8, bytes((1 + len(raw), 1 if len(raw) == 4 else 2)) + raw + b"\x02" + struct.pack("!I", 1) + b"\0")


def frames() -> Frames:
    def frame(src: str, *fields: bytes, vlan: int = 0) -> bytes:
        return ethernet(src, NEAREST, 0x88CC, b"".join(fields) + bytes(2), vlan)

    yield frame(
        PHONE_LONG,
        tlv(1, b"\x05\x01" + ip("10.20.30.12")),
        tlv(2, b"\x03" + mac(PHONE_LONG)),
        tlv(3, struct.pack("!H", 180)),
        tlv(5, b"SIP-T46S"),
        tlv(6, b"66.85.0.5"),
        tlv(7, struct.pack("!HH", 0x24, 0x24)),
        management_address("10.20.30.12"),
        organization_specific(MED, 1, struct.pack("!HB", 0x33, 3)),
        organization_specific(MED, 2, struct.pack("!I", 1 << 24 | 1 << 22 | 30 << 9 | 5 << 6 | 46)),
        organization_specific(MED, 4, struct.pack("!BH", 0x53, 59)),
        organization_specific(MED, 5, b"66.0.0.128.0.0.0.0"),
        organization_specific(MED, 6, b"66.85.0.5"),
        organization_specific(MED, 7, b"66.85.0.5"),
        organization_specific(MED, 8, b"805ec0000001"),
        organization_specific(MED, 9, b"YEALINK"),
        organization_specific(MED, 10, b"SIP-T46S"),
        organization_specific(MED, 11, b"n/a"),
        organization_specific(DOT3, 1, b"\x03\x6c\x03\x00\x1e"),
    )
    yield frame(
        GATEWAY,
        tlv(1, b"\x04" + mac(GATEWAY)),
        tlv(2, b"\x05ge-0/0/7"),
        tlv(3, struct.pack("!H", 120)),
        tlv(4, b"Floor 3, desk 14"),
        tlv(5, b"sw-3f-01.example.net"),
        tlv(6, b"Aruba JL675A 6100 48G CL4 4SFP+ Swch, PL.10.08.1010"),
        tlv(7, struct.pack("!HH", 0x14, 0x04)),
        management_address("10.20.0.2"),
        management_address("fd00:20::2"),
        organization_specific(DOT1, 1, struct.pack("!H", 30)),
        organization_specific(DOT1, 3, struct.pack("!HB", 30, 5) + b"voice"),
        organization_specific(DOT3, 2, b"\x07\x01\x05\x52\x00\x3b\x00\x3b"),
        organization_specific(MED, 1, struct.pack("!HB", 0x0F, 4)),
        organization_specific(MED, 2, struct.pack("!I", 1 << 24 | 1 << 22 | 30 << 9 | 5 << 6 | 46)),
    )
    yield frame(
        ACCESS_POINT,
        tlv(1, b"\x06br0"),
        tlv(2, b"\x07eth0"),
        tlv(3, struct.pack("!H", 120)),
        tlv(5, b"ap-lobby"),
        tlv(6, b"U6-Pro, 6.5.62.14788"),
        tlv(7, struct.pack("!HH", 0x8C, 0x08)),
        vlan=40,
    )
    yield frame(
        CAMERA,
        tlv(1, b"\x04" + mac(CAMERA)),
        tlv(2, b"\x03" + mac(CAMERA)),
        tlv(3, struct.pack("!H", 120)),
        tlv(5, b"axis-accc8e5e5306"),
        tlv(6, b"AXIS P3245-LV Network Camera, 10.12.130"),
        tlv(7, struct.pack("!HH", 0x80, 0x80)),
        organization_specific(DOT3, 2, b"\x01\x00\x04\x01\x00\x41\x00\x41"),
    )
    yield frame(
        DESKTOP,
        tlv(1, b"\x04" + mac(DESKTOP)),
        tlv(2, b"\x03" + mac(DESKTOP)),
        tlv(3, struct.pack("!H", 3601)),
        organization_specific(MED, 1, struct.pack("!HB", 1, 1)),
    )
    yield frame(DESKTOP, tlv(1, b"\x04" + mac(DESKTOP)), tlv(2, b"\x03" + mac(DESKTOP)), tlv(3, bytes(2)))
