"""Builders of DCE/RPC PDUs (C706, 12.6; [MS-RPCE]) and of NDR arguments."""

from __future__ import annotations

import struct
import uuid
from typing import Any

NDR = uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860").bytes_le + struct.pack("<I", 2)
NDR64 = uuid.UUID("71710533-beba-4937-8319-b5dbef9ccc36").bytes_le + struct.pack("<I", 1)
FIRST_LAST = 3


def message(
    kind: int, body: bytes, *, call: int = 1, flags: int = FIRST_LAST, verifier: bytes = b"", level: int = 0
) -> bytes:
    """A PDU; with an auth verifier of an authentication level, if one is given."""
    if verifier:
        body += bytes(-len(body) % 4) + struct.pack("<BBBBI", 10, level, -len(body) % 4, 0, 1) + verifier
    return struct.pack("<BBBB4sHHI", 5, 0, kind, flags, b"\x10\0\0\0", 16 + len(body), len(verifier), call) + body


def bind(contexts: list[tuple[int, str, int]], *, kind: int = 11, transfer: bytes = NDR, **more: Any) -> bytes:
    """A bind PDU. Contexts are (number, interface id, major version)."""
    body = struct.pack("<HHIBxxx", 5840, 5840, 0, len(contexts))
    for number, interface, major in contexts:
        body += struct.pack("<HBx16sHH", number, 1, uuid.UUID(interface).bytes_le, major, 0) + transfer
    return message(kind, body, **more)


def bind_ack(results: int = 1, kind: int = 12) -> bytes:
    return message(
        kind,
        struct.pack("<HHIHBB", 5840, 5840, 1, 1, 0, 0) + struct.pack("<Bxxx", results) + (bytes(4) + NDR) * results,
    )


def request(number: int, stub: bytes = b"", *, context: int = 0, object_id: bytes = b"", **more: Any) -> bytes:
    flags = FIRST_LAST | (0x80 if object_id else 0)
    return message(0, struct.pack("<IHH", len(stub), context, number) + object_id + stub, **({"flags": flags} | more))


def response(stub: bytes = bytes(4), **more: Any) -> bytes:
    return message(2, struct.pack("<IHH", len(stub), 0, 0) + stub, **more)


def fault(status: int, call: int = 1) -> bytes:
    return message(3, struct.pack("<IHHI4x", 0, 0, 0, status), call=call)


def text(value: str) -> bytes:
    """A conformant varying string of UTF-16 characters, aligned to 4 bytes."""
    raw = (value + "\0").encode("utf-16-le")
    return struct.pack("<III", len(value) + 1, 0, len(value) + 1) + raw + bytes(-len(raw) % 4)


def text64(value: str) -> bytes:
    """The same in NDR64."""
    raw = (value + "\0").encode("utf-16-le")
    return struct.pack("<QQQ", len(value) + 1, 0, len(value) + 1) + raw + bytes(-len(raw) % 8)


def narrow(value: str) -> bytes:
    raw = value.encode() + b"\0"
    return struct.pack("<III", len(raw), 0, len(raw)) + raw + bytes(-len(raw) % 4)


def bstr(value: str) -> bytes:
    raw = value.encode("utf-16-le")
    return struct.pack("<III", len(value), len(raw), len(value)) + raw + bytes(-len(raw) % 4)


def tower(interface: str, major: int, port: int) -> bytes:
    """A protocol tower: floors of interface, transfer syntax, protocol, port, address."""
    floors = [
        b"\x13\0\x0d" + uuid.UUID(interface).bytes_le + struct.pack("<HHH", major, 2, 0),
        b"\x13\0\x0d" + NDR[:18] + b"\2\0\0\0", b"\1\0\x0b\2\0\0\0",
        b"\1\0\x07\2\0" + struct.pack("!H", port), b"\1\0\x09\4\0" + bytes((10, 20, 30, 5)),
    ]  # fmt: skip
    return struct.pack("<H", len(floors)) + b"".join(floors)


def activation(class_id: str) -> bytes:
    """The arguments of RemoteCreateInstance ([MS-DCOM] 3.1.2.5.2.3.2), including the class id."""
    serialized = b"\1\x10\x08\0\xcc\xcc\xcc\xcc"
    special = serialized + struct.pack("<Q", 16) + bytes(16)
    class_info = serialized + struct.pack("<Q", 72) + uuid.UUID(class_id).bytes_le + bytes(56)
    kinds = [uuid.UUID(f"{number:08x}-0000-0000-c000-000000000046").bytes_le for number in (0x1B9, 0x1AB)]
    arrays = struct.pack("<I", 2) + b"".join(kinds) + struct.pack("<III", 2, len(special), len(class_info))
    head_size = 16 + 48 + len(arrays)
    total = head_size + len(special) + len(class_info)
    head = (
        serialized
        + struct.pack("<Q", head_size - 16)
        + struct.pack("<IIIII", total, head_size, 0, 2, 2)
        + bytes(16)
        + bytes(12)
        + arrays
    )
    properties = struct.pack("<II", total, 0) + head + special + class_info
    reference = b"MEOW" + struct.pack("<I", 4) + uuid.UUID("000001a2-0000-0000-c000-000000000046").bytes_le
    reference += (
        uuid.UUID("00000338-0000-0000-c000-000000000046").bytes_le + struct.pack("<II", 0, len(properties)) + properties
    )
    return (
        struct.pack("<HHII16sI", 5, 7, 1, 0, bytes(16), 0)
        + struct.pack("<IIII", 0, 0x20000, len(reference), len(reference))
        + reference
    )
