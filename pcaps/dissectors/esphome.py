"""ESPHome: a client of aioesphomeapi 2026 that logs in with a password and reads the device, one without a password, a
refused password, an encrypted connection.
"""

from __future__ import annotations

from pcaps.dissectors._frames import CAMERA, DESKTOP, Frames, conversation
from pcaps.dissectors.steam import field, varint

CLIENT, DEVICE = (DESKTOP, "10.20.30.14"), (CAMERA, "10.20.30.16", 6053)


def frame(kind: int, *members: tuple[int, int | bytes]) -> bytes:
    body = b"".join(field(*one) for one in members)
    return b"\0" + varint(len(body)) + varint(kind) + body


HELLO = frame(1, (1, b"aioesphomeapi"), (2, 1), (3, 19))
GREETING = frame(2, (1, 1), (2, 9), (3, b"heater (esphome v2024.6.4)"), (4, b"heater"))
DESCRIPTION = frame(
    10, (1, 1), (2, b"heater"), (3, b"02:00:5E:00:53:06"), (4, b"2024.6.4"), (5, b"Jun 20 2024, 10:00:00"),
    (6, b"esp32dev"), (8, b"athom.smart-plug-v2"), (9, b"2.0.1"), (12, b"Espressif"), (13, b"Heater"),
)  # fmt: skip


def frames() -> Frames:
    first = [(True, HELLO + frame(3, (1, b"secret1"))), (False, GREETING), (True, frame(9)), (False, frame(4))]
    yield from conversation((*CLIENT, 49570), DEVICE, [*first, (False, DESCRIPTION), (True, frame(5))])
    open_parts = [(True, HELLO + frame(3)), (False, GREETING + frame(4)), (True, frame(20)), (False, frame(33, (2, 1)))]
    yield from conversation((*CLIENT, 49571), DEVICE, open_parts)
    refused = [(True, HELLO + frame(3, (1, b"admin"))), (False, GREETING + frame(4, (1, 1)))]
    yield from conversation((*CLIENT, 49572), DEVICE, refused)
    greeting = b"\1heater\x0002005e005306\0"
    encrypted = [(True, b"\1\0\0"), (False, b"\1" + len(greeting).to_bytes(2, "big") + greeting)]
    yield from conversation((*CLIENT, 49573), DEVICE, encrypted)
