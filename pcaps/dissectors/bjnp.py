"""BJNP (Canon): discovery of printers and scanners, responses with MAC and IP address, an identity, a print job."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, DESKTOP, PRINTER, Frames, ip, mac, udp


def message(device: int, code: int, body: bytes = b"", magic: bytes = b"BJNP") -> bytes:
    return struct.pack("!4sBBIHI", magic, device, code, 1, 0, len(body)) + body


def frames() -> Frames:
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 49000, 8611, message(1, 1))
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 49000, 8612, message(2, 1, magic=b"MFNP"))
    address_info = b"\0\1\x08\0\6\4" + mac(PRINTER) + ip("10.20.30.13")
    yield udp(PRINTER, DESKTOP, "10.20.30.13", "10.20.30.14", 8611, 49000, message(0x81, 1, address_info))
    yield udp(PRINTER, DESKTOP, "10.20.30.13", "10.20.30.14", 8612, 49000, message(0x82, 1, address_info))
    yield udp(
        PRINTER,
        DESKTOP,
        "10.20.30.13",
        "10.20.30.14",
        8611,
        49000,
        message(0x81, 1, b"\0\1\x08\0\6\4" + mac("00:1e:8f:5e:53:09") + ip("10.20.30.99")),
    )
    yield udp(DESKTOP, PRINTER, "10.20.30.14", "10.20.30.13", 49000, 8611, message(1, 0x30))
    named = (
        b"MFG:Canon;CMD:BJL,BJRaster3,BSCCe,NCCe,IVEC,IVECPLI;SOJ:CHMP;MDL:MG5300 "
        b"series;CLS:PRINTER;DES:Canon MG5300 series;VER:2.000;PSE:AAAA12345;"
    )
    yield udp(
        PRINTER,
        DESKTOP,
        "10.20.30.13",
        "10.20.30.14",
        8611,
        49000,
        message(0x81, 0x30, struct.pack("!H", len(named) + 2) + named),
    )
    yield udp(
        DESKTOP,
        PRINTER,
        "10.20.30.14",
        "10.20.30.13",
        49000,
        8611,
        message(1, 0x10, b"\0" * 8 + "desk".encode("utf-16-be")),
    )
