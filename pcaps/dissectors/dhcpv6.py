"""DHCPv6: Solicit to Reply of a Windows host, an Information-request of a Linux host, a network boot, Renew and
Release; a client behind a relay; an error status; a Reconfigure.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import CAMERA, DESKTOP, GATEWAY, PBX, PRINTER, Frames, ip, mac, udp

AGENTS = ("ff02::1:2", "33:33:00:01:00:02")
DESK, SERVER, LINUX = "fe80::5eff:fe00:5304", "fe80::5eff:fe00:5301", "fe80::5eff:fe00:5303"
SOLICIT, ADVERTISE, REQUEST, RENEW, REPLY, RELEASE, INFORMATION = 1, 2, 3, 5, 7, 8, 11


def option(code: int, value: bytes) -> bytes:
    return struct.pack("!HH", code, len(value)) + value


def codes(*numbers: int) -> bytes:
    return option(6, struct.pack(f"!{len(numbers)}H", *numbers))


def counted(*texts: str) -> bytes:
    return b"".join(struct.pack("!H", len(text)) + text.encode() for text in texts)


def labels(name: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))


def address(text: str, lifetime: int = 3600) -> bytes:
    return option(5, ip(text) + struct.pack("!II", lifetime, lifetime))


def interface(id_: int, *addresses: bytes) -> bytes:
    return option(3, struct.pack("!III", id_, 1800, 2880) + b"".join(addresses))


def message(type_: int, xid: int, *options: bytes) -> bytes:
    return struct.pack("!I", type_ << 24 | xid) + b"".join(options)


def relayed(type_: int, link: str, peer: str, *options: bytes) -> bytes:
    return bytes((type_, 0)) + ip(link) + ip(peer) + b"".join(options)


def frames() -> Frames:
    def from_client(payload: bytes, src: str = DESK, src_mac: str = DESKTOP) -> bytes:
        return udp(src_mac, AGENTS[1], src, AGENTS[0], 546, 547, payload, ttl=1)

    def from_server(payload: bytes, dst: str = DESK, dst_mac: str = DESKTOP) -> bytes:
        return udp(GATEWAY, dst_mac, SERVER, dst, 547, 546, payload, ttl=1)

    desk = option(1, b"\0\1\0\1\x2a\0\0\0" + mac(DESKTOP))
    windows = option(16, struct.pack("!I", 311) + counted("MSFT 5.0"))
    name, requested = option(39, b"\0" + labels("DESK-04.office.example") + b"\0"), codes(17, 23, 24, 32)
    server = option(2, b"\0\3\0\1" + mac(GATEWAY))
    lease = [desk, server, option(23, ip("2001:db8::53")), option(24, labels("office.example") + b"\0")]
    yield from_client(message(SOLICIT, 0x1001, option(8, b"\0\0"), desk, interface(7), name, windows, requested))
    yield from_server(message(ADVERTISE, 0x1001, *lease, interface(7, address("2001:db8::14"))))
    yield from_client(
        message(REQUEST, 0x1002, desk, server, interface(7, address("2001:db8::14", 0)), name, windows, requested)
    )
    yield from_server(
        message(
            REPLY,
            0x1002,
            *lease,
            interface(7, address("2001:db8::14")),
            interface(8, address("2001:db8::15"), address("2001:db8::16", 0)),
        )
    )
    networkd = option(1, struct.pack("!HI", 2, 43793) + bytes(range(8)))
    mud = option(112, b"https://things.example/lamp")
    yield from_client(
        message(
            INFORMATION,
            0x1003,
            networkd,
            codes(23, 24, 39, 82),
            option(17, struct.pack("!I", 4491) + option(1, b"x")),
            mud,
        ),
        LINUX,
        PRINTER,
    )
    boot = [
        option(1, b"\0\4" + bytes(range(16))),
        option(61, b"\0\7"),
        option(15, counted("iPXE")),
        option(16, struct.pack("!I", 343) + counted("PXEClient")),
    ]
    yield from_client(message(SOLICIT, 0x1004, *boot, codes(59, 60)), LINUX, PRINTER)
    yield from_server(
        message(REPLY, 0x1004, boot[0], server, option(59, b"tftp://[2001:db8::5]/boot.efi")), LINUX, PRINTER
    )
    yield from_client(message(RENEW, 0x1005, desk, server, interface(7, address("2001:db8::14"))))
    yield from_client(message(RELEASE, 0x1006, desk, server, interface(7, address("2001:db8::14"))))
    solicit = message(SOLICIT, 0x1007, option(1, b"\0\3\0\1" + mac(CAMERA)), codes(23))
    relay_forward = relayed(
        12,
        "::",
        "fe80::5eff:fe00:5306",
        option(18, b"Gi1/0/7\0"),
        option(79, b"\0\1" + mac(CAMERA)),
        option(9, solicit),
    )
    second_relay_forward = relayed(
        12, "2001:db8:40::1", "fe80::99", option(37, struct.pack("!I", 9) + b"\1\2"), option(9, relay_forward)
    )
    yield udp(GATEWAY, PBX, "2001:db8:40::1", "2001:db8:1::67", 547, 547, relay_forward)
    yield udp(GATEWAY, PBX, "2001:db8:40::1", "2001:db8:1::67", 547, 547, second_relay_forward)
    relay_reply = relayed(
        13, "::", "fe80::5eff:fe00:5306", option(18, b"Gi1/0/7\0"), option(9, message(ADVERTISE, 0x1007, server))
    )
    yield udp(PBX, GATEWAY, "2001:db8:1::67", "2001:db8:40::1", 547, 547, relay_reply)
    yield from_server(message(REPLY, 0x1008, desk, server, option(13, b"\0\2full")))
    yield from_server(message(10, 0, desk, server))
