"""Wake-on-LAN: magic packets in a UDP datagram, in an Ethernet frame, and with a password."""

from __future__ import annotations

from pcaps.dissectors._frames import ALL, DESKTOP, PBX, Frames, ethernet, mac, udp


def frames() -> Frames:
    magic_packet = b"\xff" * 6 + mac(PBX) * 16
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 50000, 9, magic_packet)
    yield ethernet(DESKTOP, ALL, 0x0842, magic_packet)
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 50000, 40000, magic_packet + b"secret")
