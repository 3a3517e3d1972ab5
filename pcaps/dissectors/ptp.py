"""PTP: the grandmaster of version 2 with its description as linuxptp sends it, one of 802.1AS over Ethernet, a slave
and a boundary clock of ST 2059-2, Dante's version 1 with a leader and a follower.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import CAMERA, DESKTOP, GATEWAY, PHONE, PRINTER, Frames, ethernet, ip, mac, udp

GROUP, GROUP_MAC = "224.0.1.129", "01:00:5e:00:01:81"
NEAREST = "01:80:c2:00:00:0e"
SOURCE = {"sync": 0, "delay_req": 1, "announce": 0xB, "management": 0xD}


def clock(address: str) -> bytes:
    """The identity that a MAC gives (IEEE 1588-2008, 7.5.2.2.2)."""
    return mac(address)[:3] + b"\xff\xfe" + mac(address)[3:]


def message(kind: str, src: str, body: bytes, *, domain: int = 0, sdo: int = 0) -> bytes:
    head = struct.pack("!BBHBBH8x4x", sdo << 4 | SOURCE[kind], 0x12, 34 + len(body), domain, 0, 0)
    return head + clock(src) + struct.pack("!HHBb", 1, 7, 5, 1) + body


def announce(grandmaster: str, *, quality: int = 248, source: int = 0xA0, steps: int = 0) -> bytes:
    return (
        struct.pack("!10xHxBBBHB", 37, 128, quality, 0xFE, 0xFFFF, 128)
        + clock(grandmaster)
        + struct.pack("!HB", steps, source)
    )


def text(value: str) -> bytes:
    return bytes((len(value),)) + value.encode()


def description(src: str, address: str, product: str, revision: str, user: str) -> bytes:
    """A response to CLOCK_DESCRIPTION."""
    data = struct.pack("!H", 0x8000) + text("IEEE 802.3") + struct.pack("!H", 6) + mac(src)
    data += struct.pack("!HH", 1, 4) + ip(address) + bytes.fromhex("001dc100")
    data += text(product) + text(revision) + text(user) + bytes.fromhex("001b19000100")
    data += b"\0" * (len(data) % 2)
    return clock(DESKTOP) + struct.pack("!HBBBxHHH", 1, 1, 1, 2, 1, 2 + len(data), 1) + data


def version_1(src: str, control: int, grandmaster: str, *, identifier: bytes = b"DFLT", steps: int = 0) -> bytes:
    """Sync or Delay_Req of version 1."""
    head = struct.pack("!HH16sBB", 1, 1, b"_DFLT", 1, 1) + mac(src) + struct.pack("!HHB7x", 1, 9, control)
    body = struct.pack("!IIHhxB", 1000, 2000, 0, 0, 1) + mac(grandmaster) + struct.pack("!HH3xB", 1, 1, 4)
    return (head + body + identifier + struct.pack("!18xH", steps)).ljust(124, b"\0")


def frames() -> Frames:
    def sent(src_mac: str, src: str, port: int, payload: bytes) -> bytes:
        return udp(src_mac, GROUP_MAC, src, GROUP, port, port, payload, ttl=1)

    yield sent(GATEWAY, "10.20.30.1", 320, message("announce", GATEWAY, announce(GATEWAY, quality=6, source=0x20)))
    yield sent(
        GATEWAY, "10.20.30.1", 320,
        message("management", GATEWAY, description(
            GATEWAY, "10.20.30.1", "Meinberg;LANTIME M300;030112345", "1.0;7.06.004;2024", "Studio clock;rack 3"
        )),
    )  # fmt: skip
    yield sent(
        GATEWAY, "10.20.30.1", 320,
        message("management", PRINTER, description(PRINTER, "10.20.30.99", "Other", "", "forwarded")),
    )  # fmt: skip
    yield ethernet(CAMERA, NEAREST, 0x88F7, message("announce", CAMERA, announce(CAMERA), sdo=1))
    yield sent(PHONE, "10.20.30.12", 319, message("delay_req", PHONE, bytes(10), domain=127))
    yield sent(PHONE, "10.20.30.12", 320, message("announce", PHONE, announce(GATEWAY, steps=1), domain=127))
    yield sent(DESKTOP, "10.20.30.14", 319, version_1(DESKTOP, 0, DESKTOP))
    yield sent(PRINTER, "10.20.30.16", 319, version_1(PRINTER, 1, DESKTOP))
