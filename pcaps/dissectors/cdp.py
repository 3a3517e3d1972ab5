"""CDP: a switch, a VoIP phone that requests its voice VLAN and power, a core switch with its serial number in the
device id, another vendor in version 1.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import GATEWAY, PHONE, PHONE_LONG, PRINTER, Frames
from pcaps.dissectors._neighbour import addresses, field, snap, with_checksum

GROUP = "01:00:0c:cc:cc:cc"


def frames() -> Frames:
    def frame(src: str, version: int, *fields: bytes) -> bytes:
        return snap(src, GROUP, "00000c", 0x2000, with_checksum(bytes((version, 180)) + bytes(2) + b"".join(fields)))

    software = (
        b"Cisco IOS Software [Fuji], Catalyst L3 Switch Software (CAT9K_IOSXE), Version 16.9.5, RELEASE "
        b"SOFTWARE (fc1)\n"
        b"Technical Support: http://www.cisco.com/techsupport\nCopyright (c) 1986-2020 by Cisco Systems, Inc."
    )
    yield frame(
        GATEWAY,
        2,
        field(1, b"sw-3f-02.example.net"),
        field(2, addresses("10.20.0.3")),
        field(3, b"GigabitEthernet1/0/14"),
        field(4, struct.pack("!I", 0x29)),
        field(5, software),
        field(6, b"cisco C9300-48P"),
        field(9, b"FLOOR3"),
        field(10, struct.pack("!H", 20)),
        field(11, b"\x01"),
        field(14, b"\x01" + struct.pack("!H", 30)),
        field(18, b"\0"),
        field(22, addresses("10.20.0.3", "fd00:20::3")),
        field(26, struct.pack("!HHII", 0, 1, 0, 0xFFFFFFFF)),
    )
    yield frame(
        PHONE,
        2,
        field(1, b"SEP02005E005302"),
        field(2, addresses("10.20.30.12")),
        field(3, b"Port 1"),
        field(4, struct.pack("!I", 0x490)),
        field(5, b"sip8845_65.12-8-1-0001-455"),
        field(6, b"Cisco IP Phone 8845"),
        field(15, b"\x20" + struct.pack("!H", 30)),
        field(16, struct.pack("!H", 6300)),
        field(25, struct.pack("!HHI", 4711, 0, 12000)),
        field(11, b"\0"),
    )
    yield frame(
        PRINTER,
        2,
        field(1, b"core-1(FOX1234A5BC)"),
        field(20, b"core-1"),
        field(21, bytes.fromhex("060c2b0601040109 0c0301038731")),
        field(23, b"\0Rack 4"),
        field(3, b"Ethernet1/7"),
        field(4, struct.pack("!I", 0x229)),
        field(5, b"Cisco Nexus Operating System (NX-OS) Software, Version 9.3(8)"),
        field(6, b"N9K-C93180YC-EX"),
    )
    yield frame(
        PHONE_LONG,
        1,
        field(1, b"0015655e5302"),
        field(3, b"1"),
        field(4, bytes(4)),
        field(5, b"revision YA.16.10.0010"),
        field(6, b"HP J9773A 2530-24G"),
    )
