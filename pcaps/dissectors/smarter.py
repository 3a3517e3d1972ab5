"""Smarter: an app requests the identity of a kettle and of a coffee machine, and receives their status."""

from __future__ import annotations

from pcaps.dissectors._frames import CAMERA, DESKTOP, PBX, Frames, conversation

CLIENT = (DESKTOP, "10.20.30.66")
KETTLE, COFFEE = (CAMERA, "10.20.30.44", 2081), (PBX, "10.20.30.45", 2081)


def frames() -> Frames:
    kettle = [(True, b"\x64\x7e"), (False, b"\x03\x00\x7e"), (False, b"\x65\x01\x13\x7e")]
    yield from conversation((*CLIENT, 49510), KETTLE, kettle)
    coffee = [(True, b"\x64\x7e"), (False, b"\x32\x05\x12\x4b\x01\x04\x7e" * 2)]
    yield from conversation((*CLIENT, 49511), COFFEE, coffee)
