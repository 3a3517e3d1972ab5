"""What is said over and over in a week: look-ups and HTTPS without building each message anew, SSH, SNMP, RDP, backups,
a recorder's glance.
"""

from __future__ import annotations

import struct

from pcaps import _office_speech as speech
from pcaps._craft import CLIENT, SERVER, Machine, Talk
from pcaps._week_press import Press, packed


def lookup(
    press: Press,
    at: float,
    host: Machine,
    resolver: Machine,
    name: str,
    address: str | None,
    kind: int = 1,
    text: bytes = b"",
) -> float:
    """A question and its answer (RFC 1035): an address, a text, or that there is no such name."""
    number, port = host.rng.getrandbits(16), host.next_port()
    question = b"".join(bytes((len(part),)) + part.encode() for part in name.split(".")) + struct.pack(
        "!BHH", 0, kind, 1
    )
    data = packed(address) if address else bytes((len(text),)) + text
    record = struct.pack("!HHHIH", 0xC00C, kind, 1, 300, len(data)) + data if address or text else b""
    press.udp(at, host, resolver, port, 53, struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + question)
    press.udp(
        at + 0.0008,
        resolver,
        host,
        53,
        port,
        struct.pack("!HHHHHH", number, 0x8180 if record else 0x8183, 1, bool(record), 0, 0) + question + record,
    )
    return at + 0.002


def https(
    press: Press, at: float, host: Machine, resolver: Machine, server: Machine, *, up: int = 300, down: int = 1200
) -> float:
    """Look up, open, say hello, exchange a little, close."""
    at = lookup(press, at, host, resolver, server.name, server.ip)
    talk = [
        (CLIENT, speech.client_hello(host, server.name)),
        (SERVER, speech.server_hello(host) + speech.sealed(host, 900)),
        (CLIENT, speech.sealed(host, 53) + speech.sealed(host, up)),
        (SERVER, speech.sealed(host, down)),
    ]
    return press.tcp(at, host, server, 443, talk)


def ssh(press: Press, at: float, client: Machine, server: Machine, rounds: int, size: int = 600) -> float:
    """Banners, key exchange by shape, then ``rounds`` of commands and their output (RFC 4253)."""
    noise = client.rng.randbytes
    talk: Talk = [
        (SERVER, b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), (CLIENT, b"SSH-2.0-OpenSSH_9.6\r\n"),
        (CLIENT, struct.pack("!IBB", 1204, 6, 20) + noise(1202)),
        (SERVER, struct.pack("!IBB", 1100, 6, 20) + noise(1098)),
        (CLIENT, struct.pack("!IBB", 44, 6, 30) + noise(42)), (SERVER, struct.pack("!IBB", 460, 6, 31) + noise(458)),
        (CLIENT, noise(68)), (SERVER, noise(52)), (CLIENT, noise(148)), (SERVER, noise(36)), (CLIENT, noise(372)),
        (SERVER, noise(36)),
        *((who, noise(52 if who is CLIENT else size)) for _ in range(rounds) for who in (CLIENT, SERVER)),
    ]  # fmt: skip
    return press.tcp(at, client, server, 22, talk, pause=0.4)


def rdp(press: Press, at: float, client: Machine, server: Machine) -> float:
    """The connection request and its confirmation ([MS-RDPBCGR] 2.2.1.1), then TLS by shape."""
    talk = [
        (CLIENT, bytes.fromhex("030000130ee000000000000100080003000000")),
        (SERVER, bytes.fromhex("030000130ed000001234000200080002000000")),
        (CLIENT, speech.client_hello(client, server.name)), (SERVER,
        speech.server_hello(client) + speech.sealed(client, 900)),
        *((who, speech.sealed(client, 400 if who is CLIENT else 1200)) for _ in range(8) for who in (CLIENT, SERVER)),
    ]  # fmt: skip
    return press.tcp(at, client, server, 3389, talk, pause=1.6)


def snmp(press: Press, at: float, manager: Machine, agent: Machine, told: bytes) -> None:
    """sysDescr, asked and told (RFC 3416)."""
    oid, number = bytes.fromhex("06082b06010201010100"), manager.rng.randbytes(4)

    def message(kind: int, value: bytes) -> bytes:
        bound = _tlv(0x30, _tlv(0x30, oid + value))
        pdu = _tlv(kind, _tlv(2, b"\x01" + number[1:]) + _tlv(2, b"\0") + _tlv(2, b"\0") + bound)
        return _tlv(0x30, _tlv(2, b"\x01") + _tlv(4, b"watch-only") + pdu)

    port = manager.next_port()
    press.udp(at, manager, agent, port, 161, message(0xA0, b"\x05\0"))
    press.udp(at + 0.001, agent, manager, 161, port, message(0xA2, _tlv(4, told)))


def _tlv(tag: int, body: bytes) -> bytes:
    return bytes((tag, len(body))) + body if len(body) < 128 else bytes((tag, 0x81, len(body))) + body


def copy(press: Press, at: float, client: Machine, server: Machine, port: int, size: int) -> float:
    """A backup agent takes what changed: a greeting, a list, and then bytes."""
    noise = client.rng.randbytes
    return press.tcp(
        at,
        client,
        server,
        port,
        [(CLIENT, noise(120)), (SERVER, noise(400)), (CLIENT, noise(60)), (SERVER, noise(size)), (CLIENT, noise(40))],
        pause=0.5,
    )


def knock(press: Press, at: float, client: Machine, server: Machine, path: str = "/") -> float:
    """A check of a web page by a monitoring system."""
    asked = (
        f"GET {path} HTTP/1.1\r\nHost: {server.ip}\r\nUser-Agent: check_http/v2.4.0 (monitoring-plugins "
        "2.4.0)\r\nConnection: close\r\n\r\n"
    )
    said = (
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 42\r\n\r\n<html><title>it "
        "works</title>ok ok</html>\n"
    )
    return press.tcp(at, client, server, 80, [(CLIENT, asked.encode()), (SERVER, said.encode())])


def watch(press: Press, at: float, recorder: Machine, camera: Machine, path: str, server: str) -> None:
    """The recorder logs in to a camera, takes its stream, and says every half minute that it is still there (RTSP, RFC
    2326; digest, RFC 2617).
    """
    url, talk = f"rtsp://{camera.ip}:554/{path}", []
    nonce, answer = f"{camera.rng.getrandbits(128):032x}", f"{recorder.rng.getrandbits(128):032x}"
    proof = (
        f'Authorization: Digest username="viewer", realm="streams", nonce="{nonce}", uri="{url}", '
        f'response="{answer}"\r\n'
    )
    transport, sdp = (
        "Transport: RTP/AVP;unicast;client_port=50100-50101",
        "v=0\r\ns=stream\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
    )
    steps = (
        ("OPTIONS", "", "200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n"),
        ("DESCRIBE", "", "401 Unauthorized", f'WWW-Authenticate: Digest realm="streams", nonce="{nonce}"\r\n\r\n'),
        ("DESCRIBE", proof, "200 OK", f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}"),
        (
            "SETUP",
            f"{proof}{transport}\r\n",
            "200 OK",
            f"{transport};server_port=50000-50001\r\nSession: 12345678\r\n\r\n",
        ),
        ("PLAY", f"{proof}Session: 12345678\r\n", "200 OK", "Session: 12345678\r\n\r\n"),
        *(("GET_PARAMETER", f"{proof}Session: 12345678\r\n", "200 OK", "Session: 12345678\r\n\r\n") for _ in range(5)),
    )
    for number, (method, more, status, reply) in enumerate(steps, 1):
        talk.append(
            (CLIENT, f"{method} {url} RTSP/1.0\r\nCSeq: {number}\r\nUser-Agent: Recorder/7\r\n{more}\r\n".encode())
        )
        talk.append((SERVER, f"RTSP/1.0 {status}\r\nCSeq: {number}\r\nServer: {server}\r\n{reply}".encode()))
    press.tcp(at, recorder, camera, 554, talk, pause=3.0, end="")
    speech.rtp(press, at + 20, camera, recorder, 50000, 50100, 12, kind=96, size=700, step=0.04)


def check(press: Press, at: float, host: Machine, resolver: Machine, server: Machine) -> float:
    """A system looks whether the way to the internet is open."""
    at = lookup(press, at, host, resolver, server.name, server.ip)
    asked = (
        "GET /connecttest.txt HTTP/1.1\r\nConnection: Close\r\nUser-Agent: Microsoft NCSI\r\nHost: "
        f"{server.name}\r\n\r\n"
    )
    said = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 22\r\n\r\nMicrosoft Connect Test"
    return press.tcp(at, host, server, 80, [(CLIENT, asked.encode()), (SERVER, said.encode())])
