"""Calls in a datagram, in a frame, and with a password."""

from __future__ import annotations

from pcaps.dissectors._frames import ALL, DESKTOP, PBX, Frames, ethernet, mac, udp


def frames() -> Frames:
    call = b"\xff" * 6 + mac(PBX) * 16
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 50000, 9, call)
    yield ethernet(DESKTOP, ALL, 0x0842, call)
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 50000, 40000, call + b"secret")
