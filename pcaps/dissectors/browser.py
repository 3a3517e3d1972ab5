"""Browser protocol: announcements of a Windows host, a Samba server, a master browser and a domain controller; an
election, requests, and another mailslot.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, CAMERA, DESKTOP, GATEWAY, PBX, PRINTER, Frames, ip, udp
from pcaps.dissectors._smb import mailslot, netbios_name

BROADCAST = "10.20.30.255"
BROWSE = "\\MAILSLOT\\BROWSE"


def datagram(source: str, address: str, to: bytes, data: bytes, kind: int = 0x11) -> bytes:
    ends = netbios_name(source, 0) + to
    return (
        struct.pack("!BBH", kind, 2, 0x8001)
        + ip(address)
        + struct.pack("!HHH", 138, len(ends) + len(data), 0)
        + ends
        + data
    )


def announcement(code: int, name: str, version: tuple[int, int], types: int, comment: str) -> bytes:
    head = struct.pack("<BBI16sBBIBBH", code, 0, 720000, name.encode(), *version, types, 15, 1, 0xAA55)
    return head + comment.encode() + b"\0"


def frames() -> Frames:
    def all_(payload: bytes, src: str = "10.20.30.14", src_mac: str = DESKTOP) -> bytes:
        return udp(src_mac, ALL, src, BROADCAST, 138, 138, payload, ttl=128)

    master, election = netbios_name("OFFICE", 0x1D), netbios_name("OFFICE", 0x1E)
    host = announcement(1, "DESK-04", (10, 0), 0x00001003, "Front desk")
    yield all_(datagram("DESK-04", "10.20.30.14", master, mailslot(BROWSE, host)))
    samba = announcement(1, "NAS-1", (6, 1), 0x00809A03, "Samba 4.17.12-Debian")
    yield all_(datagram("NAS-1", "10.20.30.16", master, mailslot(BROWSE, samba)), "10.20.30.16", CAMERA)
    controller = announcement(15, "DC-1", (10, 0), 0x0084102B, "")
    yield all_(datagram("DC-1", "10.20.30.5", election, mailslot(BROWSE, controller)), "10.20.30.5", PBX)
    queue = announcement(1, "PRINTHOST", (6, 3), 0x00009203, "")
    yield all_(datagram("PRINTHOST", "10.20.9.9", master, mailslot(BROWSE, queue)), "10.20.30.1", GATEWAY)
    domain = announcement(12, "OFFICE", (10, 0), 0x80001000, "DC-1")
    yield all_(
        datagram("DC-1", "10.20.30.5", netbios_name("\1\2__MSBROWSE__\2", 1), mailslot(BROWSE, domain)),
        "10.20.30.5",
        PBX,
    )
    backup_request = struct.pack("<BIII", 1, 0x14000F03, 90_000, 0) + b"DESK-04\0"
    yield all_(datagram("DESK-04", "10.20.30.14", election, mailslot(BROWSE, b"\x08" + backup_request)))
    yield all_(datagram("PRINTER", "10.20.30.13", master, mailslot(BROWSE, b"\x02\0PRINTER\0")), "10.20.30.13", PRINTER)
    yield all_(
        datagram("PRINTER", "10.20.30.13", master, mailslot(BROWSE, b"\x09\x08\1\0\0\0")), "10.20.30.13", PRINTER
    )
    logon = mailslot("\\MAILSLOT\\NET\\NETLOGON", b"\x12\0\0\0")
    yield all_(datagram("DESK-04", "10.20.30.14", netbios_name("OFFICE", 0x1C), logon))
    yield all_(datagram("DESK-04", "10.20.30.14", netbios_name("FRONT", 3), b"popup", 0x10))
    yield all_(struct.pack("!BBH", 0x13, 0, 1) + ip("10.20.30.14") + struct.pack("!HB", 138, 0x82))
