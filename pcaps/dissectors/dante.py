"""Dante: the module and the product of an audio adapter, a product without a version, a change of channels."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import CAMERA, PHONE, Frames, mac, udp

GROUP, GROUP_MAC = "224.0.0.231", "01:00:5e:00:00:e7"


def message(src: str, kind: int, content: bytes, *, start: int = 0xFFFF, vendor: bytes = b"Audinate") -> bytes:
    device = mac(src)[:3] + b"\xff\xfe" + mac(src)[3:]
    head = struct.pack("!HHHH", start, 32 + len(content), 7, 0) + device + vendor
    return head + struct.pack("!HHI", 0x0731, kind, 0) + content


def module(name: str, code: str) -> bytes:
    content = bytes((4, 1, 0, 9, 4, 1, 0, 9, 1, 0, 0, 0)) + code.encode().ljust(8, b"\0")
    return (content.ljust(56, b"\0") + name.encode()).ljust(204, b"\0")


def product(vendor: str, name: str, version: bytes) -> bytes:
    content = vendor.encode()[:8].ljust(44, b"\0") + vendor.encode().ljust(128, b"\0") + name.encode().ljust(128, b"\0")
    return content + version


def frames() -> Frames:
    def sent(src_mac: str, src: str, payload: bytes) -> bytes:
        return udp(src_mac, GROUP_MAC, src, GROUP, 8700, 8702, payload, ttl=1)

    yield sent(PHONE, "10.20.30.12", message(PHONE, 0x60, module("DAO2", "DAO2")))
    yield sent(
        PHONE, "10.20.30.12", message(PHONE, 0xC0, product("Ferrofish GmbH", "A32 Dante AD/DA Converter", b"\1\2\0\3"))
    )
    yield sent(CAMERA, "10.20.30.16", message(CAMERA, 0xC0, product("Shure Incorporated", "MXA910", bytes(4))))
    yield sent(PHONE, "10.20.30.12", message(PHONE, 0x0102, b"\0\1\2"))
