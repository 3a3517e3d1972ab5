"""Makes one small capture for each dissector, byte for byte the same on every run: ``python pcaps/dissectors.py [FOLDER]``.

Addresses, names and serial numbers are made up; the shapes of the messages are those of common devices. All are Ethernet with microsecond times.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

START = 1_767_601_800  # 2026-01-05 08:30:00 UTC
GATEWAY, PHONE, PRINTER, DESKTOP, PBX, CAMERA = (f"02:00:5e:00:53:{n:02x}" for n in range(1, 7))
PHONE_LONG = "00:15:65:5e:53:02"
ALL, NOBODY = "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"
Frames = Iterator[bytes]


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def ip(text: str) -> bytes:
    return ip_address(text).packed


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    total = sum(struct.unpack(f"!{len(data) // 2 + len(data) % 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(src: str, dst: str, kind: int, payload: bytes, vlan: int = 0) -> bytes:
    tag = struct.pack("!HH", 0x8100, vlan) if vlan else b""
    return (mac(dst) + mac(src) + tag + struct.pack("!H", kind) + payload).ljust(60, b"\0")


def over_ip(src_mac: str, dst_mac: str, src: str, dst: str, proto: int, segment: bytes, checksum_at: int, *, ttl: int = 64, vlan: int = 0) -> bytes:
    """A frame with IPv4 or IPv6, as the addresses say, and the transport checksum filled in at its offset."""
    ends = ip(src) + ip(dst)
    total = checksum(ends + struct.pack("!II", len(segment), proto) + segment)
    segment = segment[:checksum_at] + struct.pack("!H", total or 0xFFFF) + segment[checksum_at + 2 :]
    if ":" in src:
        return ethernet(src_mac, dst_mac, 0x86DD, struct.pack("!IHBB", 6 << 28, len(segment), proto, ttl) + ends + segment, vlan)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 1, 0x4000, ttl, proto, 0) + ends
    return ethernet(src_mac, dst_mac, 0x0800, head[:10] + struct.pack("!H", checksum(head)) + head[12:] + segment, vlan)


def udp(src_mac: str, dst_mac: str, src: str, dst: str, sport: int, dport: int, payload: bytes, *, ttl: int = 64, vlan: int = 0) -> bytes:
    return over_ip(src_mac, dst_mac, src, dst, 17, struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload, 6, ttl=ttl, vlan=vlan)


def conversation(client: tuple[str, str, int], server: tuple[str, str, int], parts: list[tuple[bool, bytes]]) -> Frames:
    """A TCP connection: handshake, the parts (from the client or not) and the end. Ends are (MAC, address, port)."""
    sent = {True: 1000, False: 5000}

    def segment(from_client: bool, flags: int, payload: bytes = b"") -> bytes:
        near, far = (client, server) if from_client else (server, client)
        ack = sent[not from_client] if flags & 16 else 0
        head = struct.pack("!HHIIBBHHH", near[2], far[2], sent[from_client], ack, 0x50, flags, 64240, 0, 0)
        sent[from_client] += len(payload) + bool(flags & 3)
        return over_ip(near[0], far[0], near[1], far[1], 6, head + payload, 16)

    yield segment(True, 2)
    yield segment(False, 18)
    yield segment(True, 16)
    for from_client, payload in parts:
        yield segment(from_client, 24, payload)
    yield segment(True, 17)
    yield segment(False, 17)
    yield segment(True, 16)


def arp() -> Frames:
    def message(src: str, dst: str, operation: int, sender: str, target_mac: str, target: str, vlan: int = 0) -> bytes:
        body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + mac(src) + ip(sender) + mac(target_mac) + ip(target)
        return ethernet(src, dst, 0x0806, body, vlan)

    yield message(PHONE, ALL, 1, "0.0.0.0", NOBODY, "10.20.30.12")
    yield message(PHONE, ALL, 1, "10.20.30.12", NOBODY, "10.20.30.12")
    yield message(PHONE, ALL, 1, "10.20.30.12", NOBODY, "10.20.30.1")
    yield message(GATEWAY, PHONE, 2, "10.20.30.1", PHONE, "10.20.30.12")
    yield message(CAMERA, ALL, 1, "10.20.40.16", NOBODY, "10.20.40.1", vlan=40)


def ndp() -> Frames:
    def message(src_mac: str, dst_mac: str, src: str, dst: str, body: bytes) -> bytes:
        return over_ip(src_mac, dst_mac, src, dst, 58, body, 2, ttl=255)

    own, router = "fe80::5eff:fe00:5302", "fe80::5eff:fe00:5301"
    yield message(PHONE, "33:33:ff:00:53:02", "::", "ff02::1:ff00:5302", struct.pack("!BBHI", 135, 0, 0, 0) + ip(own))
    yield message(PHONE, "33:33:00:00:00:02", own, "ff02::2", struct.pack("!BBHI", 133, 0, 0, 0) + b"\1\1" + mac(PHONE))
    prefix = b"\3\4" + struct.pack("!BBIII", 64, 0xC0, 86400, 14400, 0) + ip("2001:db8:30::")
    options = b"\1\1" + mac(GATEWAY) + b"\5\1" + struct.pack("!HI", 0, 1492) + prefix + b"\x19\3" + struct.pack("!HI", 0, 1800) + ip("2001:db8:30::53")
    yield message(GATEWAY, "33:33:00:00:00:01", router, "ff02::1", struct.pack("!BBHBBHII", 134, 0, 0, 64, 0x40, 1800, 0, 0) + options)
    yield message(PHONE, "33:33:ff:00:53:01", own, "ff02::1:ff00:5301", struct.pack("!BBHI", 135, 0, 0, 0) + ip(router) + b"\1\1" + mac(PHONE))
    yield message(GATEWAY, PHONE, router, own, struct.pack("!BBHI", 136, 0, 0, 0xE0000000) + ip(router) + b"\2\1" + mac(GATEWAY))
    body = struct.pack("!BBHI", 137, 0, 0, 0) + ip("fe80::5eff:fe00:5305") + ip("2001:db8:30::5060") + b"\2\1" + mac(PBX)
    yield message(GATEWAY, PHONE, router, own, body)


def option(code: int, value: bytes | str) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return bytes((code, len(raw))) + raw


def bootp(
    op: int, client: str, options: list[bytes], *, xid: int, ciaddr: str = "0.0.0.0", yiaddr: str = "0.0.0.0", giaddr: str = "0.0.0.0", file: bytes = b""
) -> bytes:
    head = struct.pack("!BBBBIHH", op, 1, 6, int(giaddr != "0.0.0.0"), xid, 0, 0) + ip(ciaddr) + ip(yiaddr) + bytes(4) + ip(giaddr)
    return (head + mac(client).ljust(16, b"\0") + bytes(64) + file.ljust(128, b"\0") + b"\x63\x82\x53\x63" + b"".join(options) + b"\xff").ljust(300, b"\0")


def dhcp() -> Frames:
    def ask(client: str, payload: bytes, src: str = "0.0.0.0", dst: str = "255.255.255.255", src_mac: str = "", dst_mac: str = ALL) -> bytes:
        return udp(src_mac or client, dst_mac, src, dst, 68, 67, payload)

    def answer(payload: bytes, dst: str = "255.255.255.255", dst_mac: str = ALL) -> bytes:
        return udp(GATEWAY, dst_mac, "10.20.30.1", dst, 67, 68, payload)

    phone = [option(60, "yealink"), option(12, "SIP-T46S"), option(55, bytes((1, 3, 6, 12, 15, 28, 42, 66, 67, 43, 120))), option(61, b"\1" + mac(PHONE_LONG))]
    server = option(54, ip("10.20.30.1"))
    given = [
        server, option(51, struct.pack("!I", 86400)), option(1, ip("255.255.255.0")), option(3, ip("10.20.30.1")),
        option(6, ip("10.20.30.1") + ip("10.20.1.53")), option(15, "office.example"), option(66, "http://10.20.30.5/provision"),
    ]  # fmt: skip
    yield ask(PHONE_LONG, bootp(1, PHONE_LONG, [option(53, b"\1"), *phone], xid=0x1001))
    yield answer(bootp(2, PHONE_LONG, [option(53, b"\2"), *given], xid=0x1001, yiaddr="10.20.30.12"))
    yield ask(PHONE_LONG, bootp(1, PHONE_LONG, [option(53, b"\3"), option(50, ip("10.20.30.12")), server, *phone], xid=0x1001))
    yield answer(bootp(2, PHONE_LONG, [option(53, b"\5"), *given], xid=0x1001, yiaddr="10.20.30.12"))
    name = option(12, "BRN0080779A5303")  # option 52: the file field holds more options
    printer = [option(53, b"\3"), option(52, b"\1"), option(55, bytes((1, 3, 6, 15, 44, 47)))]
    yield ask(
        PRINTER,
        bootp(1, PRINTER, printer, xid=0x1002, ciaddr="10.20.30.13", file=name + option(60, "Brother") + b"\xff"),
        "10.20.30.13",
        "10.20.30.1",
        dst_mac=GATEWAY,
    )
    fqdn = option(81, b"\0\0\0DESK-04.office.example")
    desktop = [option(53, b"\x08"), option(61, b"\1" + mac(DESKTOP)), option(12, "DESK-04"), fqdn, option(60, "MSFT 5.0")]
    wanted = option(55, bytes((1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252)))
    yield ask(DESKTOP, bootp(1, DESKTOP, [*desktop, wanted], xid=0x1003, ciaddr="10.20.30.14"), "10.20.30.14")
    boot = [option(53, b"\1"), option(97, b"\0" + bytes(range(16))), option(93, b"\0\7"), option(60, "PXEClient:Arch:00007:UNDI:003016"), option(77, b"\4iPXE")]
    yield ask(DESKTOP, bootp(1, DESKTOP, boot, xid=0x1004))
    named = option(124, struct.pack("!IBB", 368, 9, 8) + b"AXIS,P14")
    relayed = bootp(1, CAMERA, [option(53, b"\3"), option(50, ip("10.20.40.16")), named], xid=0x1005, giaddr="10.20.40.1")
    yield udp(GATEWAY, PBX, "10.20.40.1", "10.20.1.67", 67, 67, relayed)
    given_far = [option(53, b"\5"), option(54, ip("10.20.1.67")), option(51, struct.pack("!I", 3600))]
    yield udp(GATEWAY, CAMERA, "10.20.40.1", "10.20.40.16", 67, 68, bootp(2, CAMERA, given_far, xid=0x1005, yiaddr="10.20.40.16", giaddr="10.20.40.1"), vlan=40)
    yield answer(bootp(2, PRINTER, [option(53, b"\6"), server, option(56, "wrong network")], xid=0x1006))


def dns_name(text: str) -> bytes:
    return strings(*text.split(".")) + b"\0"


def dns_message(id_: int, flags: int, questions: list[tuple[bytes, int]], *sections: list[bytes]) -> bytes:
    counts = [len(section) for section in sections] + [0] * (3 - len(sections))
    asked = b"".join(name + struct.pack("!HH", kind, 1) for name, kind in questions)
    return struct.pack("!HHHHHH", id_, flags, len(questions), *counts) + asked + b"".join(b"".join(section) for section in sections)


def record(name: bytes, kind: int, data: bytes, ttl: int = 120, flush: bool = False) -> bytes:
    return name + struct.pack("!HHIH", kind, 0x8001 if flush else 1, ttl, len(data)) + data


def strings(*values: str) -> bytes:
    return b"".join(bytes((len(value.encode()),)) + value.encode() for value in values)


def dns() -> Frames:
    def ask(payload: bytes, sport: int) -> bytes:
        return udp(DESKTOP, GATEWAY, "10.20.30.14", "10.20.30.1", sport, 53, payload)

    def answer(payload: bytes, dport: int) -> bytes:
        return udp(GATEWAY, DESKTOP, "10.20.30.1", "10.20.30.14", 53, dport, payload)

    start = b"\xc0\x0c"
    asked = (dns_name("WWW.example.com"), 1)
    yield ask(dns_message(0x1A01, 0x0100, [asked]), 50001)
    alias = record(start, 5, b"\4edge" + b"\xc0\x10", 300)
    yield answer(dns_message(0x1A01, 0x8180, [asked], [alias, record(b"\xc0\x2d", 1, ip("198.51.100.7"), 60)]), 50001)
    asked = (dns_name("nowhere.example.com"), 28)
    yield ask(dns_message(0x1A02, 0x0100, [asked]), 50002)
    yield answer(dns_message(0x1A02, 0x8183, [asked]), 50002)
    asked = (dns_name("example.com"), 16)
    yield answer(dns_message(0x1A03, 0x8180, [asked], [record(start, 16, strings("v=spf1 -all", "second"))]), 50003)
    asked = (dns_name("office.example"), 252)
    question = dns_message(0x1A04, 0x0000, [asked])
    zone = dns_message(
        0x1A04,
        0x8400,
        [asked],
        [record(b"\4mail" + start, 1, ip("10.20.1.25")), record(start, 15, b"\0\12" + b"\xc0\x20"), record(start, 28, ip("2001:db8::25"))],
    )
    size = struct.pack("!H", len(zone))
    parts = [(True, struct.pack("!H", len(question))), (True, question), (False, size + zone[:40]), (False, zone[40:] + size + zone)]
    yield from conversation((DESKTOP, "10.20.30.14", 50004), (GATEWAY, "10.20.30.1", 53), parts)


def mdns() -> Frames:
    def say(src_mac: str, src: str, payload: bytes) -> bytes:
        six = ":" in src
        return udp(src_mac, "33:33:00:00:00:fb" if six else "01:00:5e:00:00:fb", src, "ff02::fb" if six else "224.0.0.251", 5353, 5353, payload, ttl=255)

    yield say(DESKTOP, "10.20.30.14", dns_message(0, 0, [(dns_name("_ipp._tcp.local"), 12), (b"\x0b_googlecast" + b"\xc0\x11", 12)]))
    service = dns_name("_ipp._tcp.local")
    instance = b"Kyocera ECOSYS M3655idn @ 3F"
    # Offsets: the service type at 12, its _tcp at 17 and local at 22; the instance is the data of the first record.
    pointed = record(service, 12, bytes((len(instance),)) + instance + b"\xc0\x0c", 4500)
    whole = struct.pack("!H", 0xC000 | 12 + len(service) + 10)
    ready = strings(
        "txtvers=1",
        "ty=Kyocera ECOSYS M3655idn",
        "product=(ECOSYS M3655idn)",
        "rp=ipp/print",
        "note=3rd floor",
        "UUID=4509a320-00e0-0056-00a8-0017c81a2b3c",
        "Color=F",
    )
    reach = record(whole, 33, struct.pack("!HHH", 0, 0, 631) + b"\x0bKM1A2B3C-3F" + b"\xc0\x16", flush=True)
    host = struct.pack("!H", 0xC000 | 12 + len(pointed) + len(record(whole, 16, ready)) + 2 + 10 + 6)
    yield say(
        PRINTER,
        "10.20.30.13",
        dns_message(0, 0x8400, [], [pointed], [], [record(whole, 16, ready, 4500, True), reach, record(host, 1, ip("10.20.30.13"), flush=True)]),
    )
    away = [record(dns_name("_http._tcp.local"), 12, b"\x06Webcam" + b"\xc0\x0c", 0)]
    yield say(CAMERA, "10.20.30.16", dns_message(0, 0x8400, [], away))
    other = [record(dns_name("tv-kitchen.local"), 1, ip("10.20.99.9")), record(dns_name("_airplay._tcp.local"), 12, b"\2TV" + b"\xc0\x2c")]
    yield say(GATEWAY, "10.20.30.1", dns_message(0, 0x8400, [], other))
    wish = dns_name("bureau-caf\xe9.local")
    yield say(DESKTOP, "fe80::5eff:fe00:5304", dns_message(0, 0, [(wish, 255)], [], [record(b"\xc0\x0c", 28, ip("fe80::5eff:fe00:5304"))]))
    yield say(DESKTOP, "fe80::5eff:fe00:5304", dns_message(0, 0x8400, [], [record(wish, 28, ip("fe80::5eff:fe00:5304"), flush=True)]))


def sip_message(start: str, *headers: str, body: str = "") -> bytes:
    return "\r\n".join((start, *headers, f"Content-Length: {len(body)}", "", body)).encode()


def sip() -> Frames:
    def up(payload: bytes, src: str = "10.20.30.12", src_mac: str = PHONE, sport: int = 5060) -> bytes:
        return udp(src_mac, PBX, src, "10.20.30.5", sport, 5060, payload)

    def down(payload: bytes) -> bytes:
        return udp(PBX, PHONE, "10.20.30.5", "10.20.30.12", 5060, 5060, payload)

    via, ends = "Via: SIP/2.0/UDP 10.20.30.12:5060;branch=z9hG4bK77", ('From: "Front desk" <sip:212@10.20.30.5>;tag=a1', "To: <sip:212@10.20.30.5>")
    program = "User-Agent: Yealink SIP-T46S 66.86.0.15"
    profile = 'Event: ua-profile;profile-type="device";vendor="Yealink";model="SIP-T46S";version="66.86.0.15"'
    yield udp(
        PHONE, "01:00:5e:00:01:4b", "10.20.30.12", "224.0.1.75", 5060, 5060,
        sip_message("SUBSCRIBE sip:MAC%3a0015655e5302@224.0.1.75 SIP/2.0", via, "From: <sip:MAC%3a0015655e5302@224.0.1.75>;tag=b2",
                    "To: <sip:MAC%3a0015655e5302@224.0.1.75>", "Call-ID: 1@10.20.30.12", "CSeq: 1 SUBSCRIBE",
                    "Contact: <sip:10.20.30.12:5060>", program, profile),
    )  # fmt: skip
    contact = "Contact: <sip:212@10.20.30.12:5060>"
    yield up(sip_message("REGISTER sip:10.20.30.5:5060 SIP/2.0", via, *ends, "Call-ID: 2@10.20.30.12", "CSeq: 1 REGISTER", contact, program))
    challenge = 'WWW-Authenticate: Digest realm="pbx", nonce="5f"'
    yield down(sip_message("SIP/2.0 401 Unauthorized", via, *ends, "Call-ID: 2@10.20.30.12", "CSeq: 1 REGISTER", "Server: FPBX-16.0.40.7(18.15.0)", challenge))
    proof = 'Authorization: Digest username="212", realm="pbx", nonce="5f", uri="sip:10.20.30.5", response="0"'
    yield up(
        sip_message(
            "REGISTER sip:10.20.30.5:5060 SIP/2.0",
            via,
            *ends,
            "Call-ID: 2@10.20.30.12",
            "CSeq: 2 REGISTER",
            contact,
            proof,
            program,
            "X-Serialnumber: 0015655E5302",
        )
    )
    yield down(sip_message("SIP/2.0 200 OK", via, *ends, "Call-ID: 2@10.20.30.12", "CSeq: 2 REGISTER", contact, "Server: FPBX-16.0.40.7(18.15.0)"))
    scan = ("Via: SIP/2.0/UDP 10.20.30.66:5099;branch=z9hG4bK-1;rport", 'From: "sipvicious"<sip:100@1.1.1.1>;tag=6461', 'To: "sipvicious"<sip:100@1.1.1.1>')
    yield up(
        sip_message("OPTIONS sip:100@10.20.30.5 SIP/2.0", *scan, "Call-ID: 3", "CSeq: 1 OPTIONS", "User-Agent: friendly-scanner"), "10.20.30.66", DESKTOP, 5099
    )
    call = sip_message(
        "INVITE sip:213@10.20.30.5 SIP/2.0", "v: SIP/2.0/TCP 10.20.30.12", 'f: "Front\r\n desk"\r\n\t<sip:212@10.20.30.5>;tag=c3',
        "t: <sip:213@10.20.30.5>", "i: 4@10.20.30.12",
        "CSeq: 7 INVITE", "m: <sip:212@10.20.30.12;transport=tcp>", program, "c: application/sdp", body="v=0\r\ns=-\r\n\r\nINVITE in the body is none",
    )  # fmt: skip
    trying = sip_message("SIP/2.0 100 Trying", "v: SIP/2.0/TCP 10.20.30.12", *ends, "i: 4@10.20.30.12", "CSeq: 7 INVITE")
    busy = sip_message("SIP/2.0 486 Busy Here", "v: SIP/2.0/TCP 10.20.30.12", *ends, "i: 4@10.20.30.12", "CSeq: 7 INVITE", "Server: FPBX-16.0.40.7(18.15.0)")
    parts = [(True, call[:100]), (True, call[100:-5]), (True, call[-5:] + b"\r\n\r\n"), (False, b"\r\n" + trying + busy), (True, call)]
    yield from conversation((PHONE, "10.20.30.12", 5062), (PBX, "10.20.30.5", 5060), parts)


CAPTURES: dict[str, Callable[[], Frames]] = {"arp": arp, "ndp": ndp, "dhcp": dhcp, "dns": dns, "mdns": mdns, "sip": sip}


def capture(frames: Frames) -> bytes:
    """A pcap file (little-endian, microseconds, Ethernet) with frames 40 ms apart."""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for number, frame in enumerate(frames):
        millis = number * 40
        parts += [struct.pack("<IIII", START + millis // 1000, millis % 1000 * 1000, len(frame), len(frame)), frame]
    return b"".join(parts)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, frames in CAPTURES.items():
        (folder / f"{name}.pcap").write_bytes(capture(frames()))


if __name__ == "__main__":
    main()
