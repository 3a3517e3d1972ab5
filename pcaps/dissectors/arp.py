"""ARP: a probe, an announcement, a request and its reply, a request with a VLAN tag."""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, CAMERA, GATEWAY, NO_MAC, PHONE, Frames, ethernet, ip, mac


def frames() -> Frames:
    def message(src: str, dst: str, operation: int, sender: str, target_mac: str, target: str, vlan: int = 0) -> bytes:
        body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + mac(src) + ip(sender) + mac(target_mac) + ip(target)
        return ethernet(src, dst, 0x0806, body, vlan)

    yield message(PHONE, ALL, 1, "0.0.0.0", NO_MAC, "10.20.30.12")
    yield message(PHONE, ALL, 1, "10.20.30.12", NO_MAC, "10.20.30.12")
    yield message(PHONE, ALL, 1, "10.20.30.12", NO_MAC, "10.20.30.1")
    yield message(GATEWAY, PHONE, 2, "10.20.30.1", PHONE, "10.20.30.12")
    yield message(CAMERA, ALL, 1, "10.20.40.16", NO_MAC, "10.20.40.1", vlan=40)
