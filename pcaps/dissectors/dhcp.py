"""DHCP: the lease of a VoIP phone, a printer with option overload, a DHCPINFORM of Windows, a PXE boot, a relayed
lease, a NAK, an IoT device with a MUD URL.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, CAMERA, DESKTOP, GATEWAY, PBX, PHONE_LONG, PRINTER, Frames, ip, mac, udp


def option(code: int, value: bytes | str) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return bytes((code, len(raw))) + raw


def bootp(
    op: int,
    client: str,
    options: list[bytes],
    *,
    xid: int,
    ciaddr: str = "0.0.0.0",
    yiaddr: str = "0.0.0.0",
    giaddr: str = "0.0.0.0",
    file: bytes = b"",
) -> bytes:
    head = (
        struct.pack("!BBBBIHH", op, 1, 6, int(giaddr != "0.0.0.0"), xid, 0, 0)
        + ip(ciaddr)
        + ip(yiaddr)
        + bytes(4)
        + ip(giaddr)
    )
    return (
        head
        + mac(client).ljust(16, b"\0")
        + bytes(64)
        + file.ljust(128, b"\0")
        + b"\x63\x82\x53\x63"
        + b"".join(options)
        + b"\xff"
    ).ljust(300, b"\0")


def frames() -> Frames:
    def from_client(
        client: str,
        payload: bytes,
        src: str = "0.0.0.0",
        dst: str = "255.255.255.255",
        src_mac: str = "",
        dst_mac: str = ALL,
    ) -> bytes:
        return udp(src_mac or client, dst_mac, src, dst, 68, 67, payload)

    def from_server(payload: bytes, dst: str = "255.255.255.255", dst_mac: str = ALL) -> bytes:
        return udp(GATEWAY, dst_mac, "10.20.30.1", dst, 67, 68, payload)

    phone = [
        option(60, "yealink"),
        option(12, "SIP-T46S"),
        option(55, bytes((1, 3, 6, 12, 15, 28, 42, 66, 67, 43, 120))),
        option(61, b"\1" + mac(PHONE_LONG)),
    ]
    server = option(54, ip("10.20.30.1"))
    lease = [
        server, option(51, struct.pack("!I", 86400)), option(1, ip("255.255.255.0")), option(3, ip("10.20.30.1")),
        option(6, ip("10.20.30.1") + ip("10.20.1.53")), option(15, "office.example"),
        option(66, "http://10.20.30.5/provision"),
    ]  # fmt: skip
    yield from_client(PHONE_LONG, bootp(1, PHONE_LONG, [option(53, b"\1"), *phone], xid=0x1001))
    yield from_server(bootp(2, PHONE_LONG, [option(53, b"\2"), *lease], xid=0x1001, yiaddr="10.20.30.12"))
    yield from_client(
        PHONE_LONG, bootp(1, PHONE_LONG, [option(53, b"\3"), option(50, ip("10.20.30.12")), server, *phone], xid=0x1001)
    )
    yield from_server(bootp(2, PHONE_LONG, [option(53, b"\5"), *lease], xid=0x1001, yiaddr="10.20.30.12"))
    name = option(12, "BRN0080779A5303")  # option 52: the file field holds more options
    printer = [option(53, b"\3"), option(52, b"\1"), option(55, bytes((1, 3, 6, 15, 44, 47)))]
    yield from_client(
        PRINTER,
        bootp(1, PRINTER, printer, xid=0x1002, ciaddr="10.20.30.13", file=name + option(60, "Brother") + b"\xff"),
        "10.20.30.13",
        "10.20.30.1",
        dst_mac=GATEWAY,
    )
    fqdn = option(81, b"\0\0\0DESK-04.office.example")
    desktop = [
        option(53, b"\x08"),
        option(61, b"\1" + mac(DESKTOP)),
        option(12, "DESK-04"),
        fqdn,
        option(60, "MSFT 5.0"),
    ]
    parameters = option(55, bytes((1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252)))
    yield from_client(
        DESKTOP, bootp(1, DESKTOP, [*desktop, parameters], xid=0x1003, ciaddr="10.20.30.14"), "10.20.30.14"
    )
    boot = [
        option(53, b"\1"),
        option(97, b"\0" + bytes(range(16))),
        option(93, b"\0\7"),
        option(60, "PXEClient:Arch:00007:UNDI:003016"),
        option(77, b"\4iPXE"),
    ]
    yield from_client(DESKTOP, bootp(1, DESKTOP, boot, xid=0x1004))
    vendor_class = option(124, struct.pack("!IBB", 368, 9, 8) + b"AXIS,P14")
    relayed = bootp(
        1, CAMERA, [option(53, b"\3"), option(50, ip("10.20.40.16")), vendor_class], xid=0x1005, giaddr="10.20.40.1"
    )
    yield udp(GATEWAY, PBX, "10.20.40.1", "10.20.1.67", 67, 67, relayed)
    relayed_lease = [option(53, b"\5"), option(54, ip("10.20.1.67")), option(51, struct.pack("!I", 3600))]
    yield udp(
        GATEWAY,
        CAMERA,
        "10.20.40.1",
        "10.20.40.16",
        67,
        68,
        bootp(2, CAMERA, relayed_lease, xid=0x1005, yiaddr="10.20.40.16", giaddr="10.20.40.1"),
        vlan=40,
    )
    relay_information = option(82, b"\1\4Gi/7\2\6" + mac(GATEWAY))
    iot_device = [
        option(53, b"\1"),
        option(57, struct.pack("!H", 576)),
        option(161, "https://things.example/lamp"),
        relay_information,
    ]
    yield udp(
        GATEWAY, PBX, "10.20.40.1", "10.20.1.67", 67, 67, bootp(1, CAMERA, iot_device, xid=0x1007, giaddr="10.20.40.1")
    )
    booted = [option(53, b"\2"), server, option(150, ip("10.20.30.5") + ip("10.20.30.6"))]
    yield from_server(bootp(2, PHONE_LONG, booted, xid=0x1008, yiaddr="10.20.30.12"))
    yield from_server(bootp(2, PRINTER, [option(53, b"\6"), server, option(56, "wrong network")], xid=0x1006))
