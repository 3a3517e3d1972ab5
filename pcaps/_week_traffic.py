"""Frequent traffic of the week capture: DNS lookups and HTTPS with packed headers, SSH, SNMP, RDP, backups, RTSP
sessions.
"""

from __future__ import annotations

import struct

from pcaps import _office_traffic as office
from pcaps._capture import CLIENT, SERVER, Host, Payloads
from pcaps._frame_writer import PackedCapture, ip_bytes


def lookup(
    capture: PackedCapture,
    at: float,
    host: Host,
    resolver: Host,
    name: str,
    address: str | None,
    kind: int = 1,
    text: bytes = b"",
) -> float:
    """A DNS query and its response (RFC 1035): an A record, a TXT record, or NXDOMAIN."""
    number, port = host.rng.getrandbits(16), host.next_port()
    question = b"".join(bytes((len(part),)) + part.encode() for part in name.split(".")) + struct.pack(
        "!BHH", 0, kind, 1
    )
    data = ip_bytes(address) if address else bytes((len(text),)) + text
    record = struct.pack("!HHHIH", 0xC00C, kind, 1, 300, len(data)) + data if address or text else b""
    capture.udp(at, host, resolver, port, 53, struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + question)
    capture.udp(
        at + 0.0008,
        resolver,
        host,
        53,
        port,
        struct.pack("!HHHHHH", number, 0x8180 if record else 0x8183, 1, bool(record), 0, 0) + question + record,
    )
    return at + 0.002


def https(
    capture: PackedCapture, at: float, host: Host, resolver: Host, server: Host, *, up: int = 300, down: int = 1200
) -> float:
    """An HTTPS connection: lookup, handshake, one request and response, close."""
    at = lookup(capture, at, host, resolver, server.name, server.ip)
    payloads = [
        (CLIENT, office.client_hello(host, server.name)),
        (SERVER, office.server_hello(host) + office.tls_data(host, 900)),
        (CLIENT, office.tls_data(host, 53) + office.tls_data(host, up)),
        (SERVER, office.tls_data(host, down)),
    ]
    return capture.tcp(at, host, server, 443, payloads)


def ssh(capture: PackedCapture, at: float, client: Host, server: Host, rounds: int, size: int = 600) -> float:
    """An SSH session (RFC 4253): identification strings, key exchange packets of realistic sizes, then ``rounds`` of
    commands and output.
    """
    noise = client.rng.randbytes
    payloads: Payloads = [
        (SERVER, b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), (CLIENT, b"SSH-2.0-OpenSSH_9.6\r\n"),
        (CLIENT, struct.pack("!IBB", 1204, 6, 20) + noise(1202)),
        (SERVER, struct.pack("!IBB", 1100, 6, 20) + noise(1098)),
        (CLIENT, struct.pack("!IBB", 44, 6, 30) + noise(42)), (SERVER, struct.pack("!IBB", 460, 6, 31) + noise(458)),
        (CLIENT, noise(68)), (SERVER, noise(52)), (CLIENT, noise(148)), (SERVER, noise(36)), (CLIENT, noise(372)),
        (SERVER, noise(36)),
        *((who, noise(52 if who is CLIENT else size)) for _ in range(rounds) for who in (CLIENT, SERVER)),
    ]  # fmt: skip
    return capture.tcp(at, client, server, 22, payloads, pause=0.4)


def rdp(capture: PackedCapture, at: float, client: Host, server: Host) -> float:
    """RDP: connection request and confirm ([MS-RDPBCGR] 2.2.1.1), then TLS records of realistic sizes."""
    payloads = [
        (CLIENT, bytes.fromhex("030000130ee000000000000100080003000000")),
        (SERVER, bytes.fromhex("030000130ed000001234000200080002000000")),
        (CLIENT, office.client_hello(client, server.name)), (SERVER,
        office.server_hello(client) + office.tls_data(client, 900)),
        *((who, office.tls_data(client, 400 if who is CLIENT else 1200)) for _ in range(8) for who in (CLIENT, SERVER)),
    ]  # fmt: skip
    return capture.tcp(at, client, server, 3389, payloads, pause=1.6)


def snmp(capture: PackedCapture, at: float, manager: Host, agent: Host, description: bytes) -> None:
    """An SNMP request for sysDescr and its response (RFC 3416)."""
    oid, number = bytes.fromhex("06082b06010201010100"), manager.rng.randbytes(4)

    def message(kind: int, value: bytes) -> bytes:
        bound = _tlv(0x30, _tlv(0x30, oid + value))
        pdu = _tlv(kind, _tlv(2, b"\x01" + number[1:]) + _tlv(2, b"\0") + _tlv(2, b"\0") + bound)
        return _tlv(0x30, _tlv(2, b"\x01") + _tlv(4, b"watch-only") + pdu)

    port = manager.next_port()
    capture.udp(at, manager, agent, port, 161, message(0xA0, b"\x05\0"))
    capture.udp(at + 0.001, agent, manager, 161, port, message(0xA2, _tlv(4, description)))


def _tlv(tag: int, body: bytes) -> bytes:
    return bytes((tag, len(body))) + body if len(body) < 128 else bytes((tag, 0x81, len(body))) + body


def backup_transfer(capture: PackedCapture, at: float, client: Host, server: Host, port: int, size: int) -> float:
    """An incremental backup: handshake, file list, data."""
    noise = client.rng.randbytes
    return capture.tcp(
        at,
        client,
        server,
        port,
        [(CLIENT, noise(120)), (SERVER, noise(400)), (CLIENT, noise(60)), (SERVER, noise(size)), (CLIENT, noise(40))],
        pause=0.5,
    )


def http_check(capture: PackedCapture, at: float, client: Host, server: Host, path: str = "/") -> float:
    """An HTTP check of a monitoring system."""
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {server.ip}\r\nUser-Agent: check_http/v2.4.0 (monitoring-plugins "
        "2.4.0)\r\nConnection: close\r\n\r\n"
    )
    response = (
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 42\r\n\r\n<html><title>it "
        "works</title>ok ok</html>\n"
    )
    return capture.tcp(at, client, server, 80, [(CLIENT, request.encode()), (SERVER, response.encode())])


def rtsp_session(capture: PackedCapture, at: float, recorder: Host, camera: Host, path: str, server: str) -> None:
    """A recorder logs in to a camera, plays its stream, and sends keepalives (RTSP, RFC 2326; digest, RFC 2617)."""
    url, payloads = f"rtsp://{camera.ip}:554/{path}", []
    nonce, answer = f"{camera.rng.getrandbits(128):032x}", f"{recorder.rng.getrandbits(128):032x}"
    credentials = (
        f'Authorization: Digest username="viewer", realm="streams", nonce="{nonce}", uri="{url}", '
        f'response="{answer}"\r\n'
    )
    transport = "Transport: RTP/AVP;unicast;client_port=50100-50101"
    sdp = "v=0\r\ns=stream\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    steps = (
        ("OPTIONS", "", "200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n"),
        ("DESCRIBE", "", "401 Unauthorized", f'WWW-Authenticate: Digest realm="streams", nonce="{nonce}"\r\n\r\n'),
        (
            "DESCRIBE",
            credentials,
            "200 OK",
            f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}",
        ),
        (
            "SETUP",
            f"{credentials}{transport}\r\n",
            "200 OK",
            f"{transport};server_port=50000-50001\r\nSession: 12345678\r\n\r\n",
        ),
        ("PLAY", f"{credentials}Session: 12345678\r\n", "200 OK", "Session: 12345678\r\n\r\n"),
        *(
            ("GET_PARAMETER", f"{credentials}Session: 12345678\r\n", "200 OK", "Session: 12345678\r\n\r\n")
            for _ in range(5)
        ),
    )
    for number, (method, more, status, reply) in enumerate(steps, 1):
        payloads.append(
            (CLIENT, f"{method} {url} RTSP/1.0\r\nCSeq: {number}\r\nUser-Agent: Recorder/7\r\n{more}\r\n".encode())
        )
        payloads.append((SERVER, f"RTSP/1.0 {status}\r\nCSeq: {number}\r\nServer: {server}\r\n{reply}".encode()))
    capture.tcp(at, recorder, camera, 554, payloads, pause=3.0, end="")
    office.rtp(capture, at + 20, camera, recorder, 50000, 50100, 12, kind=96, size=700, step=0.04)


def connectivity_check(capture: PackedCapture, at: float, host: Host, resolver: Host, server: Host) -> float:
    """The connectivity check of an operating system (Microsoft NCSI)."""
    at = lookup(capture, at, host, resolver, server.name, server.ip)
    request = (
        "GET /connecttest.txt HTTP/1.1\r\nConnection: Close\r\nUser-Agent: Microsoft NCSI\r\nHost: "
        f"{server.name}\r\n\r\n"
    )
    response = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 22\r\n\r\nMicrosoft Connect Test"
    return capture.tcp(at, host, server, 80, [(CLIENT, request.encode()), (SERVER, response.encode())])
