"""MQTT: a smart plug connects with a will message and publishes; a version 5 hub subscribes to all topics and receives
a message of another device; a rejected connection.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import CAMERA, DESKTOP, PBX, PHONE, Frames, conversation


def text(value: str) -> bytes:
    return struct.pack("!H", len(value)) + value.encode()


def packet(kind: int, body: bytes) -> bytes:
    length, head = len(body), bytearray((kind,))
    while True:
        length, low = divmod(length, 128)
        head.append(low | (128 if length else 0))
        if not length:
            return bytes(head) + body


def frames() -> Frames:
    broker = (PBX, "10.20.30.5", 1883)
    will = text("tele/tasmota_5E5302/LWT") + text("Offline")
    connect = packet(
        0x10,
        text("MQTT")
        + b"\x04\xee"
        + struct.pack("!H", 30)
        + text("DVES_5E5302")
        + will
        + text("plug")
        + text("not to be kept"),
    )
    topics = packet(
        0x82, struct.pack("!H", 7) + text("cmnd/tasmota_5E5302/#") + b"\0" + text("cmnd/tasmotas/#") + b"\0"
    )
    online = packet(0x31, text("tele/tasmota_5E5302/LWT") + b"Online")
    long = packet(0x30, text("tele/tasmota_5E5302/STATE") + b"{" + b" " * 6000 + b"}")
    parts = [
        (True, connect),
        (False, packet(0x20, b"\0\0")),
        (True, online + topics),
        (False, packet(0x90, b"\0\7\0\0")),
        (True, long + packet(0xC0, b"")),
    ]
    yield from conversation((PHONE, "10.20.30.12", 50201), broker, parts)
    connect_5 = packet(0x10, text("MQTT") + b"\x05\x02" + struct.pack("!H", 60) + b"\x05\x11\0\0\0\x0a" + text("hub-1"))
    subscribe_all = packet(0x82, struct.pack("!H", 1) + b"\0" + text("#") + b"\0")
    other_message = packet(0x30, text("shellies/shelly1-5E5306/relay/0") + b"\0on")
    yield from conversation(
        (DESKTOP, "10.20.30.20", 50202),
        broker,
        [(True, connect_5), (False, packet(0x20, b"\0\0\0")), (True, subscribe_all), (False, other_message)],
    )
    old = packet(
        0x10,
        text("MQIsdp") + b"\x03\xc2" + struct.pack("!H", 60) + text("camera") + text("admin") + text("not to be kept"),
    )
    yield from conversation((CAMERA, "10.20.30.16", 50203), broker, [(True, old), (False, packet(0x20, b"\0\5"))])
