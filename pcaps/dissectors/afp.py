"""AFP: the status of Netatalk 4.2.3 and of a Mac, a successful login by DHX2, a guest, a wrong cleartext password."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PBX, PRINTER, Frames, conversation

CLIENT, STORAGE, MAC = (DESKTOP, "10.20.30.14"), (PBX, "10.20.30.5", 548), (PRINTER, "10.20.30.13", 548)
VERSIONS = ("AFP2.2", "AFPX03", "AFP3.1", "AFP3.2", "AFP3.3", "AFP3.4")


def dsi(reply: int, command: int, number: int, payload: bytes = b"", code: int = 0) -> tuple[bool, bytes]:
    return not reply, struct.pack("!BBHiI4x", reply, command, number, code, len(payload)) + payload


def text(value: str) -> bytes:
    return bytes((len(value),)) + value.encode()


def status(name: str, machine: str, methods: tuple[str, ...]) -> bytes:
    """FPGetSrvrInfo, as Netatalk orders its parts."""
    head = text(name).ljust(12, b"\0")
    parts = [text(machine), *(bytes((len(found),)) + b"".join(map(text, found)) for found in (VERSIONS, methods))]
    at = [10 + len(head) + sum(map(len, parts[:n])) for n in range(3)]
    return struct.pack("!HHHHH", *at, 0, 0x8F79) + head + b"".join(parts)


def login(method: str, user: bytes = b"") -> bytes:
    return bytes((18,)) + text("AFP3.4") + text(method) + user


def frames() -> Frames:
    request = dsi(0, 3, 1)
    yield from conversation(
        (*CLIENT, 49550), STORAGE, [request, dsi(1, 3, 1, status("vm", "Netatalk4.2.3", ("No User Authent", "DHX2")))]
    )
    yield from conversation((*CLIENT, 49551), MAC, [request, dsi(1, 3, 1, status("Anna", "MacBookPro14,2", ("DHX2",)))])
    opened = [dsi(0, 4, 0, b"\1\4\0\0\4\0"), dsi(1, 4, 0, b"\0\4\0\x10\0\0")]
    yield from conversation(
        (*CLIENT, 49552), STORAGE,
        [
            *opened, dsi(0, 2, 1, login("DHX2", text("anna"))), dsi(1, 2, 1, bytes(20), -5001),
            dsi(0, 2, 2, b"\x13\0" + bytes(20)), dsi(1, 2, 2, bytes(20), -5001),
            dsi(0, 2, 3, b"\x13\0" + bytes(20)), dsi(1, 2, 3), dsi(0, 2, 4, b"\x0f\0"),
        ],
    )  # fmt: skip
    yield from conversation((*CLIENT, 49553), STORAGE, [*opened, dsi(0, 2, 1, login("No User Authent")), dsi(1, 2, 1)])
    refused = login("Cleartxt Passwrd", text("admin"))
    refused += b"\0" * (len(refused) % 2) + b"letmein\0"
    yield from conversation((*CLIENT, 49554), MAC, [*opened, dsi(0, 2, 1, refused), dsi(1, 2, 1, b"", -5023)])
