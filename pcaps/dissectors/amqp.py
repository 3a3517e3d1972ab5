"""AMQP: an accepted and a rejected login by PLAIN, and one by AMQPLAIN, to a broker that names its program."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation

CLIENT, SERVER = (DESKTOP, "10.20.30.66"), (PBX, "10.20.30.5", 5672)
HEADER = b"AMQP\0\0\x09\x01"
START, START_OK, TUNE, CLOSE = 10, 11, 30, 50
Parts = list[tuple[bool, bytes]]


def text(value: bytes) -> bytes:
    """A long string."""
    return struct.pack("!I", len(value)) + value


def short(value: bytes) -> bytes:
    return bytes((len(value),)) + value


def table(**values: bytes) -> bytes:
    return b"".join(short(name.encode()) + b"S" + text(value) for name, value in values.items())


def frame(method: int, arguments: bytes) -> bytes:
    payload = struct.pack("!HH", 10, method) + arguments
    return struct.pack("!BHI", 1, 0, len(payload)) + payload + b"\xce"


def start() -> tuple[bool, bytes]:
    able = short(b"capabilities") + b"F" + text(short(b"basic.nack") + b"t\x01")
    program = table(platform=b"Erlang/OTP 27.2.4", product=b"RabbitMQ", version=b"4.0.5")
    return False, frame(START, b"\0\x09" + text(able + program) + text(b"PLAIN AMQPLAIN") + text(b"en_US"))


def start_ok(mechanism: bytes, response: bytes) -> tuple[bool, bytes]:
    program = table(product=b"Pika Python Client Library", version=b"1.4.4")
    return True, frame(START_OK, text(program) + short(mechanism) + text(response) + short(b"en_US"))


TUNED = (False, frame(TUNE, struct.pack("!HIH", 2047, 131072, 60)))


def closed(code: int) -> tuple[bool, bytes]:
    return False, frame(CLOSE, struct.pack("!H", code) + short(b"ACCESS_REFUSED") + bytes(4))


def frames() -> Frames:
    pair = table(LOGIN=b"shop", PASSWORD=b"not to be kept")
    sessions: list[Parts] = [
        [start_ok(b"PLAIN", b"\0shop\0not to be kept"), TUNED],
        [start_ok(b"PLAIN", b"\0guest\0wrong-secret"), closed(403)],
        [start_ok(b"AMQPLAIN", pair), TUNED],
    ]
    for port, parts in enumerate(sessions, 49430):
        yield from conversation((*CLIENT, port), SERVER, [(True, HEADER), start(), *parts])
