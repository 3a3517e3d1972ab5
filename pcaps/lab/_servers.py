"""Emulated servers for scenes without a suitable real one: ``python -m pcaps.lab._servers NAME [ARGUMENT...]``.

Each responds to the requests of the scenes according to the standard, until it is terminated.
"""

from __future__ import annotations

import hashlib
import http.server
import re
import socket
import socketserver
import struct
import sys
from collections.abc import Callable
from http import HTTPStatus

Reply = bytes | None


def serve_udp(port: int, reply: Callable[[bytes, tuple[str, int]], Reply]) -> None:
    """Responds to each datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("", port))
        while True:
            request, peer = sock.recvfrom(65535)
            if response := reply(request, peer):
                sock.sendto(response, peer)


# HTTP


class Pages(http.server.BaseHTTPRequestHandler):
    """Each path is a short page, or a file of the size in its name (``/files/update-20000.bin``): zeros after the file
    signature of its extension.
    """

    server_version, sys_version, protocol_version = "nginx", "", "HTTP/1.1"
    signatures = {
        ".exe": b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0",
        ".elf": b"\x7fELF\x01\x01\x01" + bytes(9) + b"\x02\0\x08\0",
        ".deb": b"!<arch>\ndebian-binary",
    }

    def do_GET(self) -> None:
        size = re.search(r"-(\d+)\.\w+$", self.path)
        ending = self.path[self.path.rfind(".") :]
        body = self.signatures.get(ending, b"<html><title>here</title>it works</html>")
        body += bytes(int(size[1]) - len(body)) if size else b""
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/octet-stream" if size else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """No log."""


def pages(port: str = "80") -> None:
    http.server.ThreadingHTTPServer(("", int(port)), Pages).serve_forever()


# UPnP


class Gateway(http.server.BaseHTTPRequestHandler):
    """The HTTP part of an Internet gateway device: its description, and success for each port mapping (UPnP
    WANIPConnection:1).
    """

    server_version, sys_version, protocol_version = "UPnP/1.0", "", "HTTP/1.1"
    kinds = ("InternetGatewayDevice", "WANDevice", "WANConnectionDevice")
    replies = {"GetExternalIPAddress": "<NewExternalIPAddress>203.0.113.20</NewExternalIPAddress>", "GetStatusInfo": (
        "<NewConnectionStatus>Connected</NewConnectionStatus><NewLastConnectionError>ERROR_NONE</NewLastConnectionError><NewUptime>8640</NewUptime>"
    )}  # fmt: skip

    def do_GET(self) -> None:
        inner = self._service("WANIPConnection", "/control")
        for number, kind in enumerate(reversed(self.kinds)):
            named = f"<deviceType>urn:schemas-upnp-org:device:{kind}:1</deviceType><friendlyName>Router</friendlyName><manufacturer>Lab</manufacturer>"
            named += f"<modelName>IGD</modelName><UDN>uuid:00000000-0000-0000-0000-{number:012d}</UDN>"
            more = self._service("WANCommonInterfaceConfig", "/common") if kind == "WANDevice" else ""
            inner = f"<device>{named}{more}{inner}</device>"
            if kind != self.kinds[0]:
                inner = f"<deviceList>{inner}</deviceList>"
        self._send(
            '<?xml version="1.0"?><root '
            f'xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major><minor>0</minor></specVersion>{inner}</root>'
        )

    def _service(self, kind: str, url: str) -> str:
        named = f"<serviceType>urn:schemas-upnp-org:service:{kind}:1</serviceType><serviceId>urn:upnp-org:serviceId:{kind}1</serviceId>"
        urls = f"<SCPDURL>/scpd.xml</SCPDURL><controlURL>{url}</controlURL><eventSubURL>/events</eventSubURL>"
        return f"<serviceList><service>{named}{urls}</service></serviceList>"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        action = self.headers.get("SOAPAction", "").strip('"').partition("#")[2]
        response = (
            f"<u:{action}Response "
            f'xmlns:u="urn:schemas-upnp-org:service:WANIPConnection:1">{self.replies.get(action, "")}</u:{action}Response>'
        )
        self._send(
            '<?xml version="1.0"?><s:Envelope '
            f'xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{response}</s:Body></s:Envelope>'
        )

    def _send(self, text: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """No log."""


def gateway() -> None:
    http.server.ThreadingHTTPServer(("", 5000), Gateway).serve_forever()


def gateway_search(ip: str) -> None:
    """The SSDP part of the gateway: responds to searches."""
    kind = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", 1900))
        sock.setsockopt(
            socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("239.255.255.250") + socket.inet_aton(ip)
        )
        while True:
            request, peer = sock.recvfrom(2048)
            if kind.encode() in request:
                lines = ("HTTP/1.1 200 OK", "CACHE-CONTROL: max-age=1800", f"ST: {kind}", (
                    "USN: "
                    f"uuid:00000000-0000-0000-0000-000000000003::{kind}"
                ), "EXT:",
                         "SERVER: Linux UPnP/1.0 Lab/1.0", f"LOCATION: http://{ip}:5000/root.xml", "", "")  # fmt: skip
                sock.sendto("\r\n".join(lines).encode(), peer)


# SIP


def registrar(*extensions: str) -> None:
    """A SIP registrar with digest authentication (RFC 3261, 22; RFC 2617). Unknown extensions get 404."""
    known, password = extensions or ("201", "202", "203", "205"), "4711"
    md5 = lambda text: hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()  # noqa: E731

    def authorized(message: str, method: str) -> bool:
        credentials = dict(
            re.findall(
                r'(\w+)="?([^",\r\n]+)',
                next((line for line in message.split("\r\n") if line.lower().startswith("authorization:")), ""),
            )
        )
        if credentials.get("username") not in known:
            return False
        secret = md5(f"{credentials['username']}:asterisk:{password}")
        return credentials.get("response") == md5(
            f"{secret}:{credentials.get('nonce')}:{md5(method + ':' + credentials.get('uri', ''))}"
        )

    def reply(request: bytes, _: tuple[str, int]) -> Reply:
        message = request.decode("utf-8", "replace")
        method, _, rest = message.partition(" ")
        if method in ("ACK", "SIP/2.0") or not rest:
            return None
        extension = re.search(r"^(?:To|t):.*?sip:([^@>]+)@", message, re.MULTILINE | re.IGNORECASE)
        status, more = "200 OK", "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REGISTER\r\n"
        if method in ("REGISTER", "INVITE") and (extension is None or extension[1] not in known):
            status = "404 Not Found"
        elif method in ("REGISTER", "INVITE") and not authorized(message, method):
            refused = "authorization:" in message.lower()
            status = "403 Forbidden" if refused else "401 Unauthorized"
            more = 'WWW-Authenticate: Digest algorithm=MD5, realm="asterisk", nonce="5f3c1a77"\r\n'
        copied = "".join(
            line + "\r\n"
            for line in message.split("\r\n")
            if re.match(r"(Via|From|Call-ID|CSeq|v|f|i):", line, re.IGNORECASE)
        )
        to = next(
            (line for line in message.split("\r\n") if re.match(r"(To|t):", line, re.IGNORECASE)), "To: <sip:none@none>"
        )
        return (
            f"SIP/2.0 {status}\r\n{copied}{to};tag=as1\r\n{more}Server: "
            "FPBX-16.0.40.7(18.16.0)\r\nContent-Length: 0\r\n\r\n"
        ).encode()

    serve_udp(5060, reply)


# SNMP


def _tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes((tag, len(body)) if len(body) < 128 else (tag, 0x82, len(body) >> 8, len(body) & 255)) + body


def _element(data: bytes, at: int) -> tuple[int, bytes, int]:
    """Tag, content and end of a BER element with a length of at most two octets."""
    size, at = data[at + 1], at + 2
    if size & 0x80:
        more = size & 0x7F
        size, at = int.from_bytes(data[at : at + more], "big"), at + more
    return data[at - 2], data[at : at + size], at + size


def agent(name: str, community: str = "public") -> None:
    """An SNMP agent that returns its description for any object (RFC 1157, RFC 3416), and does not respond to another
    community.
    """

    def reply(request: bytes, _: tuple[str, int]) -> Reply:
        _, message, _ = _element(request, 0)
        _, version, at = _element(message, 0)
        _, received, at = _element(message, at)
        if received != community.encode():
            return None
        _, pdu, _ = _element(message, at)
        _, number, at = _element(pdu, 0)
        for _ in range(2):
            _, _, at = _element(pdu, at)
        _, bindings, _ = _element(pdu, at)
        _, first, _ = _element(bindings, 0)
        _, oid, _ = _element(first, 0)
        bound = _tlv(0x30, _tlv(0x30, _tlv(6, oid), _tlv(4, f"{name}, lab".encode())))
        return _tlv(
            0x30,
            _tlv(2, version),
            _tlv(4, received),
            _tlv(0xA2, _tlv(2, number), _tlv(2, b"\0"), _tlv(2, b"\0"), bound),
        )

    serve_udp(161, reply)


# Telnet


def telnet(user: str, password: str) -> None:
    """A device with BusyBox: login prompt with one account, then "applet not found" for each command."""

    class Session(socketserver.StreamRequestHandler):
        attempts = 0

        def line(self, prompt: bytes) -> str:
            """A line up to CR and the following byte (RFC 854), or LF; telnet negotiation is skipped."""
            self.wfile.write(prompt)
            line = b""
            while len(line) < 512 and (byte := self.rfile.read(1)) not in (b"", b"\n"):
                if byte == b"\r":
                    self.rfile.read(1)
                    break
                if byte == b"\xff":
                    self.rfile.read(2)
                else:
                    line += byte
            return line.decode("latin-1").strip()

        def name(self) -> str:
            """The user name; an empty line repeats the prompt."""
            while not (name := self.line(b"\r\n(none) login: ")) and self.attempts < 20:
                self.attempts += 1
            return name

        def handle(self) -> None:
            self.wfile.write(b"\xff\xfd\x01\xff\xfd\x1f\xff\xfb\x01\xff\xfb\x03")
            for _ in range(3):
                if (self.name(), self.line(b"Password: ")) == (user, password):
                    break
                self.wfile.write(b"\r\nLogin incorrect\r\n")
            else:
                return
            self.wfile.write(
                b"\r\n\r\nBusyBox v1.19.4 (2016-03-01 11:22:33 CST) built-in shell (ash)\r\nEnter 'help' for a "
                b"list of built-in commands.\r\n"
            )
            while (command := self.line(b"\r\n# ")) not in ("exit", ""):
                applet = command.split()[-1]
                self.wfile.write(f"\r\n{applet}: applet not found".encode())

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads = True, True

    Server(("", 23), Session).serve_forever()


# Printers


def printer() -> None:
    """Accepts raw print jobs and does not respond."""

    class Job(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while self.request.recv(65536):
                pass

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads = True, True

    Server(("", 9100), Job).serve_forever()


# TFTP


def tftp() -> None:
    """A TFTP server (RFC 1350): any file is 2000 bytes, zeros after an ELF header."""
    body = Pages.signatures[".elf"] + bytes(2000 - len(Pages.signatures[".elf"]))

    def reply(request: bytes, _: tuple[str, int]) -> Reply:
        kind, number = struct.unpack_from("!HH", request)
        block = 1 if kind == 1 else number + 1
        if kind not in (1, 4) or (block - 1) * 512 > len(body):
            return None
        return struct.pack("!HH", 3, block) + body[(block - 1) * 512 : block * 512]

    serve_udp(69, reply)


# Media


def echo(port: str) -> None:
    """Returns each datagram: the peer of a call."""
    serve_udp(int(port), lambda datagram, _: datagram)


def stream() -> None:
    """A camera without authentication (RTSP, RFC 2326): it describes its stream and accepts all other requests, without
    media.
    """
    body = (
        "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=Media Presentation\r\nt=0 0\r\nm=video 0 RTP/AVP "
        "96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=1\r\n"
    )

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while request := self.rfile.readline().decode("latin-1"):
                fields = {}
                while line := self.rfile.readline().decode("latin-1").strip():
                    name, _, fields[name.lower()] = line.partition(": ")
                more = (
                    f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"
                    if request.startswith("DESCRIBE")
                    else "Session: 1234\r\n\r\n"
                )
                if request.startswith("SETUP"):
                    more = f"Transport: {fields.get('transport', '')};server_port=8000-8001\r\n{more}"
                self.wfile.write(f"RTSP/1.0 200 OK\r\nCSeq: {fields.get('cseq', '0')}\r\n{more}".encode())

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads = True, True

    Server(("", 554), Session).serve_forever()


SERVICES = {
    each.__name__: each
    for each in (pages, gateway, gateway_search, registrar, agent, telnet, printer, tftp, echo, stream)
}

if __name__ == "__main__":
    SERVICES[sys.argv[1]](*sys.argv[2:])
