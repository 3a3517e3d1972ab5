"""NetBIOS name service: a Windows host registers its names, is queried, and lists its names (node status); a domain
controller, responses of a name server, a name conflict, a release, a WACK.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, DESKTOP, GATEWAY, PBX, PRINTER, Frames, ip, mac, udp
from pcaps.dissectors._smb import netbios_name

BROADCAST = "10.20.30.255"
REGISTRATION, REFRESH, RELEASE, WAIT, MULTIHOMED = 0x2910, 0x4000, 0x3010, 0xBC00, 0x7900


def message(id_: int, flags: int, question_name: bytes, kind: int = 0x20, data: bytes = b"") -> bytes:
    """A question, with a record of the same name if data is given. Responses have no question."""
    if flags & 0x8000:
        return (
            struct.pack("!6H", id_, flags, 0, 1, 0, 0)
            + question_name
            + struct.pack("!HHIH", kind, 1, 300000, len(data))
            + data
        )
    head = struct.pack("!6H", id_, flags, 1, 0, 0, int(bool(data))) + question_name + struct.pack("!HH", kind, 1)
    return head + (b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 300000, len(data)) + data if data else b"")


def owner(address: str, *, group: bool = False) -> bytes:
    return struct.pack("!H", 0x8000 if group else 0) + ip(address)


def status(unit: str, *names: tuple[str, int, int]) -> bytes:
    listed = b"".join(name.encode().ljust(15) + struct.pack("!BH", suffix, flags) for name, suffix, flags in names)
    return bytes((len(names),)) + listed + mac(unit) + bytes(40)


def frames() -> Frames:
    def broadcast(payload: bytes, src: str = "10.20.30.14", src_mac: str = DESKTOP) -> bytes:
        return udp(src_mac, ALL, src, BROADCAST, 137, 137, payload, ttl=128)

    def unicast(
        payload: bytes,
        src: str = "10.20.30.14",
        src_mac: str = DESKTOP,
        dst: str = "10.20.30.13",
        dst_mac: str = PRINTER,
    ) -> bytes:
        return udp(src_mac, dst_mac, src, dst, 137, 137, payload, ttl=128)

    desk, group = netbios_name("DESK-04", 0), netbios_name("OFFICE", 0)
    yield broadcast(message(0x101, REGISTRATION, desk, data=owner("10.20.30.14")))
    yield broadcast(message(0x102, REGISTRATION, netbios_name("DESK-04", 0x20), data=owner("10.20.30.14")))
    yield broadcast(message(0x103, REGISTRATION, group, data=owner("10.20.30.14", group=True)))
    yield broadcast(message(0x104, 0x0110, desk), "10.20.30.13", PRINTER)
    yield unicast(message(0x104, 0x8500, desk, data=owner("10.20.30.14")))
    yield unicast(
        message(0x105, 0x0000, netbios_name("*", 0, b"\0"), 0x21), "10.20.30.13", PRINTER, "10.20.30.14", DESKTOP
    )
    names = (
        ("DESK-04", 0, 0x0400),
        ("OFFICE", 0, 0x8400),
        ("DESK-04", 0x20, 0x0400),
        ("OFFICE", 0x1E, 0x8400),
        ("\1\2__MSBROWSE__\2", 1, 0x8400),
    )
    yield unicast(message(0x105, 0x8400, netbios_name("*", 0, b"\0"), 0x21, status(DESKTOP, *names)))
    yield broadcast(message(0x106, 0x0110, netbios_name("OFFICE", 0x1C)), "10.20.30.13", PRINTER)
    yield unicast(
        message(0x106, 0x8500, netbios_name("OFFICE", 0x1C), data=owner("10.20.30.5", group=True)), "10.20.30.5", PBX
    )
    yield unicast(message(0x107, 0x0100, netbios_name("FILES", 0x20)), "10.20.30.13", PRINTER, "10.20.1.53", GATEWAY)
    yield unicast(message(0x107, 0x8580, netbios_name("FILES", 0x20), data=owner("10.20.9.9")), "10.20.1.53", GATEWAY)
    yield unicast(message(0x108, MULTIHOMED, desk, data=owner("10.20.30.14")), dst="10.20.1.53", dst_mac=GATEWAY)
    yield unicast(message(0x108, WAIT, desk, data=b"\x79\x00"), "10.20.1.53", GATEWAY, "10.20.30.14", DESKTOP)
    yield unicast(
        message(0x108, 0xAD80, desk, data=owner("10.20.30.14")), "10.20.1.53", GATEWAY, "10.20.30.14", DESKTOP
    )
    yield broadcast(message(0x109, REGISTRATION, desk, data=owner("10.20.30.13")), "10.20.30.13", PRINTER)
    yield unicast(message(0x109, 0xAD86, desk, data=owner("10.20.30.13")))
    yield unicast(message(0x10A, REFRESH, desk, data=owner("10.20.30.14")), dst="10.20.1.53", dst_mac=GATEWAY)
    yield broadcast(message(0x10B, RELEASE, desk, data=owner("10.20.30.14")))
    yield unicast(message(0x10C, 0x8583, netbios_name("NOBODY", 0), data=owner("0.0.0.0")), "10.20.1.53", GATEWAY)
