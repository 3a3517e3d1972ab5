"""Traffic of office devices: DHCP, DNS, mDNS, SSDP, NTP, LLDP, HTTPS, SMB, printing, RTSP."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Sequence

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dns import DNS, DNSQR, DNSRR, DNSRRSRV
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6NDOptPrefixInfo, ICMPv6NDOptSrcLLAddr
from scapy.packet import Raw

from pcaps._capture import BROADCAST, CLIENT, SERVER, Capture, Host

MDNS_GROUP, SSDP_GROUP = "224.0.0.251", "239.255.255.250"
WINDOWS = bytes.fromhex("0a00614a0000000f")  # 10.0, build 19041 ([MS-NLMP] 2.2.2.10)
DOMAIN = "office.example"


# DHCP (RFC 2131, 2132)


def dhcp_options(
    host: Host, *, parameters: Sequence[int], vendor: bytes, hostname: str, size: int, fqdn: bool
) -> list[tuple[int, bytes]]:
    """Options of DISCOVER and REQUEST, in the order of most DHCP clients."""
    client_options = [(61, b"\x01" + bytes.fromhex(host.hex))]
    if size:
        client_options.append((57, struct.pack("!H", size)))
    if hostname:
        client_options.append((12, hostname.encode()))
    if fqdn:
        client_options.append((81, b"\0\0\0" + f"{hostname}.{DOMAIN}".encode()))
    if vendor:
        client_options.append((60, vendor))
    return [*client_options, (55, bytes(parameters))]


def lease(capture: Capture, at: float, host: Host, server: Host, client_options: list[tuple[int, bytes]]) -> float:
    """DISCOVER, OFFER, REQUEST, ACK; then the host probes the address for a conflict (RFC 5227)."""
    xid, mac = host.rng.getrandbits(32), bytes.fromhex(host.hex)
    ip, gw = ipaddress.ip_address(host.ip).packed, ipaddress.ip_address(server.ip).packed
    offer = [(54, gw), (51, struct.pack("!I", 86400)), (1, b"\xff\xff\xff\0"), (3, gw), (6, gw), (15, DOMAIN.encode())]
    steps = (
        (0.0, host, 1, client_options, "0.0.0.0"),
        (0.0021, server, 2, offer, host.ip),
        (0.004, host, 3, [(50, ip), (54, gw), *client_options], "0.0.0.0"),
        (0.0055, server, 5, offer, host.ip),
    )
    for delay, sender, kind, options, yiaddr in steps:
        up = sender is host
        head = IP(
            src="0.0.0.0" if up else server.ip,
            dst="255.255.255.255" if up else host.ip,
            ttl=sender.ttl,
            id=sender.next_ident(),
        )
        ports = UDP(sport=68, dport=67) if up else UDP(sport=67, dport=68)
        bootp = BOOTP(
            op=1 if up else 2, xid=xid, chaddr=mac + bytes(10), yiaddr=yiaddr, siaddr="0.0.0.0" if up else server.ip
        )
        message = bytes(bootp / DHCP(options=[(53, bytes((kind,))), *options, "end"]))
        link = capture.link(sender, BROADCAST if up else host.mac, host.vlan)
        capture.put(at + delay, link / head / ports / Raw(message + bytes(max(0, 300 - len(message)))))
    for i in range(2):
        capture.arp(at + 0.02 + i * 0.4, host, host.ip, answer=False)
    capture.arp(at + 0.9, host, server)
    return at + 1.0


def renew(capture: Capture, at: float, host: Host, server: Host, client_options: list[tuple[int, bytes]]) -> None:
    """REQUEST and ACK, unicast."""
    xid, mac = host.rng.getrandbits(32), bytes.fromhex(host.hex)
    gw = ipaddress.ip_address(server.ip).packed
    offer = [(54, gw), (51, struct.pack("!I", 86400)), (1, b"\xff\xff\xff\0"), (3, gw), (6, gw), (15, DOMAIN.encode())]
    for delay, src, dst, kind, options in ((0.0, host, server, 3, client_options), (0.0012, server, host, 5, offer)):
        up = src is host
        bootp = BOOTP(
            op=1 if up else 2, xid=xid, chaddr=mac + bytes(10), ciaddr=host.ip, yiaddr="0.0.0.0" if up else host.ip
        )
        message = bytes(bootp / DHCP(options=[(53, bytes((kind,))), *options, "end"]))
        capture.udp(
            at + delay, src, dst, 68 if up else 67, 67 if up else 68, message + bytes(max(0, 300 - len(message)))
        )


# DNS, mDNS, SSDP, neighbor discovery


def lookup(capture: Capture, at: float, host: Host, resolver: Host, name: str, address: str | None) -> float:
    """A DNS query and its response; NXDOMAIN without an address."""
    number, port = host.rng.getrandbits(16), host.next_port()
    question = DNSQR(qname=name, qtype="A")
    answers = [DNSRR(rrname=name, type="A", ttl=300, rdata=address)] if address else []
    capture.udp(at, host, resolver, port, 53, DNS(id=number, rd=1, qd=[question], an=[], ns=[], ar=[]))
    reply = DNS(id=number, qr=1, rd=1, ra=1, rcode=0 if address else 3, qd=[question], an=answers, ns=[], ar=[])
    capture.udp(at + 0.0008, resolver, host, 53, port, reply)
    return at + 0.002


Service = tuple[str, str, int, dict[str, str]]  # type, instance, port, TXT


def announce(capture: Capture, at: float, host: Host, name: str, services: Iterable[Service]) -> None:
    """An unsolicited mDNS response: each service with its host and address (RFC 6762, 8.3; RFC 6763)."""
    target = f"{name}.local."
    records = []
    for kind, instance, port, txt in services:
        full = f"{instance}.{kind}.local."
        records += [
            DNSRR(rrname="_services._dns-sd._udp.local.", type="PTR", ttl=4500, rdata=f"{kind}.local."),
            DNSRR(rrname=f"{kind}.local.", type="PTR", ttl=4500, rdata=full),
            DNSRRSRV(rrname=full, ttl=120, rclass=0x8001, priority=0, weight=0, port=port, target=target),
            DNSRR(
                rrname=full,
                type="TXT",
                ttl=4500,
                rclass=0x8001,
                rdata=[f"{key}={value}".encode() for key, value in txt.items()] or [b""],
            ),
        ]
    records.append(DNSRR(rrname=target, type="A", ttl=120, rclass=0x8001, rdata=host.ip))
    capture.group(at, host, MDNS_GROUP, 5353, DNS(id=0, qr=1, aa=1, rd=0, qd=[], an=records, ns=[], ar=[]).compress())


def mdns_query(capture: Capture, at: float, host: Host, *kinds: str) -> None:
    """An mDNS query for service types."""
    questions = [DNSQR(qname=f"{kind}.local.", qtype="PTR") for kind in kinds]
    capture.group(at, host, MDNS_GROUP, 5353, DNS(id=0, qr=0, rd=0, qd=questions, an=[], ns=[], ar=[]).compress())


def notify(capture: Capture, at: float, host: Host, target: str, location: str, server: str) -> None:
    """An SSDP announcement (ssdp:alive)."""
    lines = (
        "NOTIFY * HTTP/1.1", f"HOST: {SSDP_GROUP}:1900", "CACHE-CONTROL: max-age=1800", f"LOCATION: {location}",
        f"NT: {target}", "NTS: ssdp:alive",
        f"SERVER: {server}", f"USN: uuid:2f402f80-da50-11e1-9b23-{host.hex}::{target}", "", "",
    )  # fmt: skip
    capture.group(at, host, SSDP_GROUP, 1900, "\r\n".join(lines).encode(), ttl=4, sport=host.port)


def neighbor_discovery(capture: Capture, at: float, host: Host) -> None:
    """IPv6 at start: duplicate address detection and a router solicitation (RFC 4861, 4862)."""
    tail = ipaddress.ip_address(host.link_local).packed[-3:]
    group = str(ipaddress.IPv6Address(b"\xff\x02" + bytes(9) + b"\x01\xff" + tail))
    capture.ip6(at, host, group, ICMPv6ND_NS(tgt=host.link_local), source="::")
    capture.ip6(at + 1.0, host, "ff02::2", ICMPv6ND_RS() / ICMPv6NDOptSrcLLAddr(lladdr=host.mac))


def router_advertisement(capture: Capture, at: float, router: Host) -> None:
    prefix = ICMPv6NDOptPrefixInfo(
        prefixlen=64, prefix="fd10:20:10::", L=1, A=1, validlifetime=86400, preferredlifetime=14400
    )
    capture.ip6(
        at,
        router,
        "ff02::1",
        ICMPv6ND_RA(chlim=64, routerlifetime=1800) / ICMPv6NDOptSrcLLAddr(lladdr=router.mac) / prefix,
    )


def lldp(capture: Capture, at: float, host: Host, port: str, name: str, description: str, capability: int) -> None:
    """IEEE 802.1AB: chassis id, port id, time to live, system name, description, capabilities."""
    tlvs = (
        (1, b"\x04" + bytes.fromhex(host.hex)), (2, b"\x07" + port.encode()), (3, struct.pack("!H", 120)),
        (5, name.encode()), (6, description.encode()),
        (7, struct.pack("!HH", capability, capability)), (0, b""),
    )  # fmt: skip
    body = b"".join(struct.pack("!H", kind << 9 | len(value)) + value for kind, value in tlvs)
    capture.put(at, bytes.fromhex("0180c200000e" + host.hex + "88cc") + body)


# NTP, TLS, printing, SMB, RTSP


def ntp(capture: Capture, at: float, host: Host, server: Host) -> None:
    port, stamp = host.next_port(), struct.pack("!Q", int((capture.start + 2208988800 + at) * 2**32) & 2**64 - 1)
    capture.udp(at, host, server, port, 123, b"\x23\0\x06\xec" + bytes(36) + stamp)
    capture.udp(
        at + 0.009, server, host, 123, port, b"\x24\x02\x06\xec" + bytes(8) + b"GPS\0" + stamp + stamp + stamp + stamp
    )


def client_hello(host: Host, name: str) -> bytes:
    """A ClientHello of TLS 1.3, as browsers and devices send it (RFC 8446, 4.1.2)."""
    sni = name.encode()
    extensions = (
        (0, struct.pack("!HBH", len(sni) + 3, 0, len(sni)) + sni),
        (10, bytes.fromhex("0006001d00170018")), (11, b"\x01\0"), (13, bytes.fromhex("000c040308040401050308050501")),
        (16, b"\0\x0c\x02h2\x08http/1.1"),
        (43, bytes.fromhex("0403040303")), (45, b"\x01\x01"),
        (51, bytes.fromhex("0024001d0020") + host.rng.randbytes(32)),
    )  # fmt: skip
    packed = b"".join(struct.pack("!HH", kind, len(value)) + value for kind, value in extensions)
    suites = bytes.fromhex("130113021303c02bc02fc02cc030")
    head = b"\x03\x03" + host.rng.randbytes(32) + b"\x20" + host.rng.randbytes(32)
    body = head + struct.pack("!H", len(suites)) + suites + b"\x01\0" + struct.pack("!H", len(packed)) + packed
    return b"\x16\x03\x01" + struct.pack("!H", len(body) + 4) + b"\x01" + len(body).to_bytes(3, "big") + body


def server_hello(host: Host) -> bytes:
    extensions = bytes.fromhex("002b0002030400330024001d0020") + host.rng.randbytes(32)
    body = (
        b"\x03\x03"
        + host.rng.randbytes(32)
        + b"\x20"
        + host.rng.randbytes(32)
        + b"\x13\x01\0"
        + struct.pack("!H", len(extensions))
        + extensions
    )
    return (
        b"\x16\x03\x03"
        + struct.pack("!H", len(body) + 4)
        + b"\x02"
        + len(body).to_bytes(3, "big")
        + body
        + b"\x14\x03\x03\0\x01\x01"
    )


def tls_data(host: Host, size: int) -> bytes:
    """An application data record with random content."""
    return b"\x17\x03\x03" + struct.pack("!H", size) + host.rng.randbytes(size)


def https(
    capture: Capture,
    at: float,
    host: Host,
    resolver: Host,
    server: Host,
    name: str,
    *,
    up: int = 300,
    down: int = 1200,
) -> float:
    """An HTTPS connection: lookup, handshake, one request and response, close."""
    at = lookup(capture, at, host, resolver, name, server.ip)
    payloads = [
        (CLIENT, client_hello(host, name)),
        (SERVER, server_hello(host) + tls_data(host, 900)),
        (CLIENT, tls_data(host, 53) + tls_data(host, up)),
        (SERVER, tls_data(host, down)),
    ]
    return capture.tcp(at, host, server, 443, payloads)


def print_job(capture: Capture, at: float, host: Host, printer: Host) -> float:
    """A print job of one page to port 9100: PJL and random raster data."""
    head = b"\x1b%-12345X@PJL JOB\r\n@PJL SET RESOLUTION=600\r\n@PJL ENTER LANGUAGE=PCLXL\r\n"
    return capture.tcp(
        at,
        host,
        printer,
        9100,
        [(CLIENT, head), (CLIENT, host.rng.randbytes(9000)), (CLIENT, b"\x1b%-12345X@PJL EOJ\r\n\x1b%-12345X")],
    )


def smb2(
    command: int, body: bytes, message: int, *, reply: bool = False, session: int = 0, tree: int = 0, status: int = 0
) -> bytes:
    """An SMB2 message with its NetBIOS length ([MS-SMB2] 2.2.1.2)."""
    head = (
        b"\xfeSMB"
        + struct.pack("<HHIHHIIQIIQ", 64, 1, status, command, 31, int(reply), 0, message, 0xFEFF, tree, session)
        + bytes(16)
    )
    return struct.pack("!I", len(head) + len(body)) + head + body


def ntlm_authenticate(client: Host, user: str, windows: bool) -> bytes:
    """An AUTHENTICATE_MESSAGE ([MS-NLMP] 2.2.1.3) with NTLMv2: of Windows, with version and workstation name, or of
    another client, without.
    """
    flags, version = (0xE2888215, WINDOWS) if windows else (0xE0888215, b"")
    texts = [text.encode("utf-16le") for text in ("OFFICE", user, client.name.upper() if windows else "")]
    fields = (client.rng.randbytes(24), client.rng.randbytes(60), *texts, client.rng.randbytes(16))
    place, table = 64 + len(version), b""
    for field in fields:
        table += struct.pack("<HHI", len(field), len(field), place)
        place += len(field)
    return b"NTLMSSP\0" + struct.pack("<I", 3) + table + struct.pack("<I", flags) + version + b"".join(fields)


def smb_session(
    capture: Capture,
    at: float,
    client: Host,
    server: Host,
    share: str,
    size: int,
    *,
    user: str = "",
    windows: bool = True,
) -> float:
    """An SMB session: negotiate, NTLM login, tree connect, read of ``size`` bytes, logoff. ``windows``: the client runs
    Windows.
    """
    guid, session, tree = client.rng.randbytes(16), 0x400000000041, 5
    path = rf"\\{server.ip}\{share}".encode("utf-16le")
    ntlm = b"NTLMSSP\0"
    negotiate_token = (
        ntlm + struct.pack("<II", 1, 0xE2088297 if windows else 0xE0088297) + bytes(16) + (WINDOWS if windows else b"")
    )
    challenge = (
        ntlm
        + struct.pack("<IHHIIQQ", 2, 0, 0, 56, 0xE2898215, server.rng.getrandbits(64), 0)
        + bytes(8)
        + bytes.fromhex("060100000000000f")
    )
    answer = ntlm_authenticate(client, user or client.name, windows)

    negotiated = (
        struct.pack("<HHHH", 65, 1, 0x0300, 0)
        + server.rng.randbytes(16)
        + struct.pack("<IIIIQQHHI", 0x2F, 1 << 20, 1 << 20, 1 << 20, 0, 0, 128, 0, 0)
    )

    def setup(token: bytes) -> bytes:
        return struct.pack("<HBBIIHHQ", 25, 0, 1, 1, 0, 88, len(token), 0) + token

    def setup_reply(token: bytes) -> bytes:
        return struct.pack("<HHHH", 9, 0, 72, len(token)) + token

    payloads = [
        (CLIENT, smb2(0, struct.pack("<HHHHI", 36, 3, 1, 0, 0x7F) + guid + bytes(8) + struct.pack("<HHH", 0x0202,
        0x0210, 0x0300), 0)),
        (SERVER, smb2(0, negotiated, 0, reply=True)),
        (CLIENT, smb2(1, setup(negotiate_token), 1)),
        (SERVER, smb2(1, setup_reply(challenge), 1, reply=True, session=session, status=0xC0000016)),
        (CLIENT, smb2(1, setup(answer), 2, session=session)),
        (SERVER, smb2(1, setup_reply(b""), 2, reply=True, session=session)),
        (CLIENT, smb2(3, struct.pack("<HHHH", 9, 0, 72, len(path)) + path, 3, session=session)),
        (SERVER, smb2(3, struct.pack("<HBBIII", 16, 1, 0, 0x30, 0, 0x1F01FF), 3, reply=True, session=session,
        tree=tree)),
        (CLIENT, smb2(8, struct.pack("<HBBIQ", 49, 80, 0, size, 0) + bytes(33), 4, session=session, tree=tree)),
        (SERVER, smb2(8, struct.pack("<HBBIII", 17, 80, 0, size, 0, 0) + server.rng.randbytes(size), 4, reply=True,
        session=session, tree=tree)),
        (CLIENT, smb2(2, struct.pack("<HH", 4, 0), 5, session=session)),
        (SERVER, smb2(2, struct.pack("<HH", 4, 0), 5, reply=True, session=session)),
    ]  # fmt: skip
    return capture.tcp(at, client, server, 445, payloads, pause=0.004)


def video(capture: Capture, at: float, recorder: Host, camera: Host, path: str, server: str, packets: int) -> None:
    """A recorder plays the stream of a camera (RTSP, RFC 2326), which sends RTP over UDP."""
    url, agent = f"rtsp://{camera.ip}:554/{path}", "User-Agent: Surveillance Station\r\n"
    payloads = []
    sdp = (
        f"v=0\r\no=- 1 1 IN IP4 {camera.ip}\r\ns=stream\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    )
    transport = "Transport: RTP/AVP;unicast;client_port=50100-50101"
    for number, (method, more, reply) in enumerate((
        ("OPTIONS", "", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n"),
        ("DESCRIBE", "Accept: application/sdp\r\n", (
            "Content-Type: application/sdp\r\nContent-Length: "
            f"{len(sdp)}\r\n\r\n{sdp}"
        )),
        ("SETUP", f"{transport}\r\n", f"{transport};server_port=50000-50001\r\nSession: 12345678\r\n\r\n"),
        ("PLAY", "Session: 12345678\r\n", "Session: 12345678\r\n\r\n"),
    ), 1):  # fmt: skip
        payloads.append((CLIENT, f"{method} {url} RTSP/1.0\r\nCSeq: {number}\r\n{agent}{more}\r\n".encode()))
        payloads.append((SERVER, f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\nServer: {server}\r\n{reply}".encode()))
    at = capture.tcp(at, recorder, camera, 554, payloads, end="") + 0.05
    rtp(capture, at, camera, recorder, 50000, 50100, packets, kind=96, size=700, step=0.04)


def rtp(
    capture: Capture,
    at: float,
    src: Host,
    dst: Host,
    sport: int,
    dport: int,
    packets: int,
    *,
    kind: int,
    size: int,
    step: float,
) -> None:
    """RTP packets with valid sequence numbers and timestamps, and random payload (RFC 3550)."""
    ssrc, sequence = src.rng.getrandbits(32), src.rng.getrandbits(15)
    for i in range(packets):
        head = struct.pack(
            "!BBHII", 0x80, kind | (0x80 if i == 0 else 0), sequence + i & 0xFFFF, i * round(step * 8000), ssrc
        )
        capture.udp(at + i * step, src, dst, sport, dport, head + src.rng.randbytes(size))
