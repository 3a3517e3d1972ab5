"""The total cost of a message without new observations: captures of one kind of flow, repeated by known hosts.

Each kind is written in a long and a short capture: the difference of CPU seconds divided by the difference of messages
excludes the start, the first observations of hosts and the final reports. A message is a payload of TCP or UDP; the
packets around it (acknowledgements, handshakes) are part of its cost.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from pcaps import _office_traffic as office
from pcaps import _week_traffic as week
from pcaps._capture import CLIENT, SERVER, Host, Payloads
from pcaps._frame_writer import PackedCapture
from pcaps.dissectors.quic import browser_hello, crypto, initial
from tests.perf.captures import Frame, make

START = 1_700_000_000
PAIRS = 50
LONG, SHORT = 100_000, 5_000
# Messages per second of a pair of hosts: below the budget of the engine for a pair.
PACE = 50
Send = Callable[[PackedCapture, float, Host, Host, int], None]


def pair(number: int) -> tuple[Host, Host]:
    """A client and its server."""
    client = Host(f"client-{number}", f"00:00:5e:10:01:{number:02x}", f"10.9.1.{number + 1}")
    return client, Host(f"server-{number}", f"00:00:5e:10:02:{number:02x}", f"10.9.1.{number + 101}")


def http(capture: PackedCapture, at: float, client: Host, server: Host, messages: int) -> None:
    """Requests and responses of one connection (RFC 9112)."""
    requested = f"GET /status HTTP/1.1\r\nHost: {server.ip}\r\nUser-Agent: panel/2.1\r\nAccept: */*\r\n\r\n".encode()
    text = b"HTTP/1.1 200 OK\r\nServer: board/1.4\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nready"
    payloads: Payloads = [(CLIENT, requested), (SERVER, text)] * (messages // 2)
    capture.tcp(at, client, server, 80, payloads, pause=1 / PACE)


def tls(capture: PackedCapture, at: float, client: Host, server: Host, messages: int) -> None:
    """The two hellos of a connection, and then another connection (RFC 8446)."""
    for number in range(messages // 2):
        payloads: Payloads = [
            (CLIENT, office.client_hello(client, "panel.office.example")),
            (SERVER, office.server_hello(client) + office.tls_data(client, 300)),
        ]
        capture.tcp(at + number * 2 / PACE, client, server, 443, payloads)


def quic(capture: PackedCapture, at: float, client: Host, server: Host, messages: int) -> None:
    """A hello over two datagrams, as browsers send it, the answer, and encrypted data; then another connection (RFC
    9000).
    """
    for number in range(messages // 4):
        hello, name, port = browser_hello("panel.office.example", 1200), client.rng.randbytes(8), client.next_port()
        parts = [initial(name, crypto(hello[i * 1100 :][:1100], i * 1100), i, pad=1162) for i in range(2)]
        begin = at + number * 4 / PACE
        for place, part in enumerate(parts):
            capture.udp(begin + place / 1e3, client, server, port, 443, part)
        capture.udp(begin + 0.01, server, client, 443, port, b"\xc1\0\0\0\1\0\x08" + client.rng.randbytes(1190))
        capture.udp(begin + 0.02, client, server, port, 443, b"\x41" + client.rng.randbytes(600))


def dns(capture: PackedCapture, at: float, client: Host, server: Host, messages: int) -> None:
    """A query and its answer, with another id each time (RFC 1035)."""
    for number in range(messages // 2):
        week.lookup(capture, at + number * 2 / PACE, client, server, f"panel-{number % 8}.office.example", "10.9.1.77")


def smb(capture: PackedCapture, at: float, client: Host, server: Host, messages: int) -> None:
    """Sessions of twelve messages: negotiate, log in, connect, read, log off ([MS-SMB2])."""
    for number in range(messages // 12):
        office.smb_session(capture, at + number * 12 / PACE, client, server, "Public", 256)


def soap(capture: PackedCapture, at: float, client: Host, server: Host, messages: int) -> None:
    """Calls of a web service and their responses, in XML."""
    body = (
        b'<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
        + b"<item><name>level</name><value>7</value></item>" * 20
        + b"</s:Body></s:Envelope>"
    )
    fields = b"Content-Type: application/soap+xml\r\nContent-Length: %d\r\n\r\n" % len(body)
    requested = b"POST /service HTTP/1.1\r\nHost: meters\r\n" + fields + body
    payloads: Payloads = [(CLIENT, requested), (SERVER, b"HTTP/1.1 200 OK\r\n" + fields + body)]
    capture.tcp(at, client, server, 8080, payloads * (messages // 2), pause=1 / PACE)


def json(capture: PackedCapture, at: float, client: Host, server: Host, messages: int) -> None:
    """Requests to a search engine and their responses, in JSON."""
    query, found = b'{"query": {"match": {"level": 7}}}', b'{"hits": [' + b'{"name": "level"},' * 50 + b"{}]}"
    fields = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    payloads: Payloads = [
        (CLIENT, b"POST /items/_search HTTP/1.1\r\nHost: search\r\n" + fields % len(query) + query),
        (SERVER, b"HTTP/1.1 200 OK\r\n" + fields % len(found) + found),
    ]
    capture.tcp(at, client, server, 9200, payloads * (messages // 2), pause=1 / PACE)


def mail(capture: PackedCapture, at: float, client: Host, server: Host, messages: int) -> None:
    """Segments of one long mail (RFC 5321)."""
    opening: Payloads = [
        (SERVER, b"220 mx ESMTP\r\n"), (CLIENT, b"EHLO client\r\n"), (SERVER, b"250 mx\r\n"),
        (CLIENT, b"MAIL FROM:<a@example.org>\r\n"), (SERVER, b"250 ok\r\n"), (CLIENT, b"RCPT TO:<b@example.org>\r\n"),
        (SERVER, b"250 ok\r\n"), (CLIENT, b"DATA\r\n"), (SERVER, b"354 go on\r\n"), (CLIENT, b"Subject: plan\r\n\r\n"),
    ]  # fmt: skip
    segment = (b"TG9yZW0gaXBzdW0gZG9sb3Igc2l0IGFtZXQsIGNvbnNlY3RldHVyIGFkaXBpc2Np" * 22)[:1398] + b"\r\n"
    capture.tcp(at, client, server, 25, [*opening, *[(CLIENT, segment)] * (messages - len(opening))], pause=1 / PACE)


def telnet(capture: PackedCapture, at: float, client: Host, server: Host, messages: int) -> None:
    """The output of a session behind a login (RFC 854)."""
    opening: Payloads = [
        (SERVER, b"login: "), (CLIENT, b"admin\r\n"), (SERVER, b"Password: "), (CLIENT, b"red-7\r\n"),
    ]  # fmt: skip
    lines = b"counter 17 of the interface\r\n" * 40
    capture.tcp(at, client, server, 23, [*opening, *[(SERVER, lines)] * (messages - len(opening))], pause=1 / PACE)


KINDS: dict[str, Send] = {
    "HTTP": http, "TLS": tls, "QUIC": quic, "DNS": dns, "SMB": smb, "SOAP": soap, "JSON": json, "mail": mail,
    "Telnet": telnet,
}  # fmt: skip


def captures(folder: Path, kind: str) -> tuple[Path, Path]:
    """The long capture of a kind and the short one, generated if missing."""
    long, short = (folder / f"messages-{kind.lower()}-{total}.pcap" for total in (LONG, SHORT))
    for path, total in ((long, LONG), (short, SHORT)):
        if not path.exists():
            make(path, text(KINDS[kind], total))
    return long, short


def text(send: Send, total: int) -> list[Frame]:
    """About ``total`` messages, distributed over all pairs, in order of time."""
    capture = PackedCapture(START, "02:00:5e:10:00:01", 0)
    for number in range(PAIRS):
        send(capture, number / PAIRS / PACE, *pair(number), total // PAIRS)
    return sorted(capture.frames, key=lambda entry: entry[0])


def count(path: Path) -> int:
    """Messages of a generated capture: frames of Ethernet and IPv4 with a payload."""
    return sum(map(_sends, _frames(path.read_bytes())))


def _frames(data: bytes) -> Iterator[bytes]:
    at = 24
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at + 8)
        yield data[at + 16 : at + 16 + size]
        at += 16 + size


def _sends(frame: bytes) -> bool:
    (total,) = struct.unpack_from("!H", frame, 16)
    return total > 20 + (8 if frame[23] == 17 else frame[46] >> 4 << 2)
