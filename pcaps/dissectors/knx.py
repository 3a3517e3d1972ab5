"""KNXnet/IP: a search and the responses of a gateway and of another one behind it, a description, a tunnel in which a
group telegram is sent and a device restarted, over UDP and over TCP (the formats are those of knxd and xknx).
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PRINTER, Frames, conversation, ip, mac, udp

NAME, SERIAL = b"KNX IP Router 752", bytes.fromhex("00c501020304")
CLIENT = b"\x08\x01" + ip("10.20.30.20") + struct.pack("!H", 50671)


def message(service: int, body: bytes) -> bytes:
    return struct.pack("!2sHH", b"\x06\x10", service, 6 + len(body)) + body


def description(address: str, serial: bytes = SERIAL, name: bytes = NAME) -> bytes:
    """The block of the device, and that of its services."""
    device = struct.pack("!BBHH", 2, 0, 0x1180, 0) + serial + ip("224.0.23.12") + mac(address) + name.ljust(30, b"\0")
    return bytes((2 + len(device), 1)) + device + b"\x08\x02\x02\x01\x04\x01\x05\x01"


def tunnel(service: int, *, group: bool = False, code: int = 0x11) -> bytes:
    """A telegram of the client in the tunnel, or its confirmation."""
    data = struct.pack("!BBBBHHBH", code, 0, 0xBC, 0xE0 if group else 0x60, 0x1183, 0x1107, 1, service)
    return message(0x0420, b"\x04\x01\0\0" + data)


def endpoint(address: str) -> bytes:
    return b"\x08\x01" + ip(address) + struct.pack("!H", 3671)


def frames() -> Frames:
    other = message(0x0202, endpoint("192.168.7.9") + description("02:00:5e:00:53:99", name=b"Annex"))
    yield udp(DESKTOP, "01:00:5e:00:17:0c", "10.20.30.20", "224.0.23.12", 50671, 3671, message(0x0201, CLIENT))
    story = [
        (False, message(0x0202, endpoint("10.20.30.13") + description(PRINTER))), (False, other),
        (False, message(0x0204, description(PRINTER))), (True, message(0x0205, CLIENT * 2 + b"\x04\x04\x02\0")),
        (False, message(0x0206, b"\x01\0" + endpoint("10.20.30.13") + b"\x04\x04\x11\x83")),
        (False, message(0x0206, b"\0\x24")), (True, tunnel(0x0081, group=True)), (True, tunnel(0x0380)),
        (True, tunnel(0x0283)), (False, tunnel(0x0380, code=0x2E)), (True, message(0x0209, b"\x01\0" + CLIENT)),
    ]  # fmt: skip
    for sent, payload in story:
        if sent:
            yield udp(DESKTOP, PRINTER, "10.20.30.20", "10.20.30.13", 50671, 3671, payload)
        else:
            yield udp(PRINTER, DESKTOP, "10.20.30.13", "10.20.30.20", 3671, 50671, payload)
    parts = [
        (True, message(0x0205, b"\x08\x02" + bytes(6) + b"\x08\x02" + bytes(6) + b"\x04\x04\x02\0")),
        (False, message(0x0206, b"\x01\0\x08\x02" + bytes(6) + b"\x04\x04\x11\x83")),
        (True, tunnel(0x0081, group=True) * 2),
        (True, tunnel(0x0380) + tunnel(0x0381)),
    ]
    yield from conversation((DESKTOP, "10.20.30.20", 50672), (PRINTER, "10.20.30.13", 3671), parts)
