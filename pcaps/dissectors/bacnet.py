"""BACnet: Who-Is and I-Am, also from a routed network and through a BBMD; ReadProperty and ReadPropertyMultiple of
devices; writes and device control.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, DESKTOP, GATEWAY, PRINTER, Frames, udp

DEVICE = 8


def message(function: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x81, function, len(body) + 4) + body


def text(value: str, charset: str = "utf-8") -> bytes:
    raw = (b"\x04" if charset == "utf-16-be" else b"\0") + value.encode(charset)
    return bytes((0x75, len(raw))) + raw


def number(kind: int, instance: int) -> bytes:
    return struct.pack("!I", kind << 22 | instance)


def i_am(instance: int, vendor: int) -> bytes:
    return (
        b"\x10\x00\xc4"
        + number(DEVICE, instance)
        + b"\x22\x05\xc4\x91\x03"
        + (b"\x21" + bytes((vendor,)) if vendor < 256 else b"\x22" + struct.pack("!H", vendor))
    )


def frames() -> Frames:
    def response(body: bytes, function: int = 0x0B, src: str = "10.20.30.13", src_mac: str = PRINTER) -> bytes:
        dst, dst_mac = ("10.20.30.255", ALL) if function in (0x0B, 0x04) else ("10.20.30.20", DESKTOP)
        return udp(src_mac, dst_mac, src, dst, 47808, 47808, message(function, body))

    def request(body: bytes) -> bytes:
        return udp(DESKTOP, PRINTER, "10.20.30.20", "10.20.30.13", 47808, 47808, message(0x0A, b"\x01\x04" + body))

    yield response(b"\x01\x20\xff\xff\x00\xff\x10\x08", src="10.20.30.20", src_mac=DESKTOP)
    yield response(b"\x01\x20\xff\xff\x00\xff\x10\x08\x09\x64\x1a\x01\xf4", src="10.20.30.20", src_mac=DESKTOP)
    yield response(b"\x01\x20\xff\xff\x00\xff" + i_am(77001, 7))
    yield response(b"\x01\x28\xff\xff\x00\x07\xd1\x01\x0b\xff" + i_am(9, 5), src="10.20.30.1", src_mac=GATEWAY)
    yield response(
        bytes((10, 20, 40, 9)) + b"\xba\xc0\x01\x20\xff\xff\x00\xff" + i_am(12, 260), 0x04, "10.20.30.1", GATEWAY
    )
    yield request(b"\x02\x05\x01\x0c\x0c" + number(DEVICE, 77001) + b"\x19\x46")
    yield response(
        b"\x01\x00\x30\x01\x0c\x0c" + number(DEVICE, 77001) + b"\x19\x46\x3e" + text("PXC4.E16") + b"\x3f", 0x0A
    )
    yield request(b"\x02\x05\x02\x0e\x0c" + number(DEVICE, 77001) + b"\x1e\x09\x08\x1f")
    several = (
        b"\x0c"
        + number(0, 3)
        + b"\x1e\x29\x4d\x4e"
        + text("Supply air")
        + b"\x4f\x1f\x0c"
        + number(DEVICE, 77001)
        + b"\x1e"
    )
    several += (
        b"\x29\x79\x4e"
        + text("Siemens")
        + b"\x4f\x29\x4d\x4e"
        + text("AHU 3 Süd", "utf-16-be")
        + b"\x4f\x29\x2c\x4e"
        + text("V1.2.3")
        + b"\x4f"
    )
    several += (
        b"\x29\x61\x4e\x85\x03\x05\x80\x00\x4f\x2a\x01\x74\x5e\x91\x02\x91\x20\x5f\x29\x4c\x39\x01\x4e\xc4"
        + number(DEVICE, 77001)
        + b"\x4f\x1f"
    )
    yield response(b"\x01\x00\x30\x02\x0e" + several, 0x0A)
    yield request(b"\x02\x05\x03\x0f\x0c" + number(1, 101) + b"\x19\x55\x3e\x44\x42\xc8\x00\x00\x3f")
    yield response(b"\x01\x00\x20\x03\x0f", 0x0A)
    yield request(b"\x02\x05\x04\x14\x09\x00")
    yield response(b"\x01\x00\x50\x04\x14\x91\x04\x91\x00", 0x0A)
    yield response(b"\x01\x80\x00", src="10.20.30.1", src_mac=GATEWAY)
    yield request(b"\x02\x05\x05\x0f\x0c" + number(1, 101) + b"\x19\x55\x3e\x44\x42\xc8\x00\x00\x3f")
    yield udp(DESKTOP, PRINTER, "10.20.30.20", "10.20.30.13", 47808, 47808, message(0x05, b"\x00\x3c"))
