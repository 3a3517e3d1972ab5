"""Small servers for the scenes, where no real one is at hand or a real one would say too much: ``python -m
pcaps.lab._servers NAME [ARGUMENT...]``.

Each answers what its clients of the scenes ask, as the standard says, and goes on until it is ended.
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


def answer(port: int, reply: Callable[[bytes, tuple[str, int]], Reply]) -> None:
    """Answers datagrams one by one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("", port))
        while True:
            asked, peer = sock.recvfrom(65535)
            if said := reply(asked, peer):
                sock.sendto(said, peer)


# HTTP


class Pages(http.server.BaseHTTPRequestHandler):
    """Every path is a short page, or so many bytes as its last part says (``/files/update-20000.bin``): zeroes behind
    the head its ending calls for.
    """

    server_version, sys_version, protocol_version = "nginx", "", "HTTP/1.1"
    heads = {
        ".exe": b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0",
        ".elf": b"\x7fELF\x01\x01\x01" + bytes(9) + b"\x02\0\x08\0",
        ".deb": b"!<arch>\ndebian-binary",
    }

    def do_GET(self) -> None:
        size = re.search(r"-(\d+)\.\w+$", self.path)
        ending = self.path[self.path.rfind(".") :]
        body = self.heads.get(ending, b"<html><title>here</title>it works</html>")
        body += bytes(int(size[1]) - len(body)) if size else b""
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/octet-stream" if size else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def pages(port: str = "80") -> None:
    http.server.ThreadingHTTPServer(("", int(port)), Pages).serve_forever()


# UPnP


class Gateway(http.server.BaseHTTPRequestHandler):
    """The web half of an internet gateway device: its description, and yes to every mapping (UPnP
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
        self._say(
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
        said = (
            f"<u:{action}Response "
            f'xmlns:u="urn:schemas-upnp-org:service:WANIPConnection:1">{self.replies.get(action, "")}</u:{action}Response>'
        )
        self._say(
            '<?xml version="1.0"?><s:Envelope '
            f'xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{said}</s:Body></s:Envelope>'
        )

    def _say(self, text: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def gateway() -> None:
    http.server.ThreadingHTTPServer(("", 5000), Gateway).serve_forever()


def gateway_search(ip: str) -> None:
    """The other half: answers searches by SSDP."""
    kind = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", 1900))
        sock.setsockopt(
            socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("239.255.255.250") + socket.inet_aton(ip)
        )
        while True:
            asked, peer = sock.recvfrom(2048)
            if kind.encode() in asked:
                lines = ("HTTP/1.1 200 OK", "CACHE-CONTROL: max-age=1800", f"ST: {kind}", (
                    "USN: "
                    f"uuid:00000000-0000-0000-0000-000000000003::{kind}"
                ), "EXT:",
                         "SERVER: Linux UPnP/1.0 Lab/1.0", f"LOCATION: http://{ip}:5000/root.xml", "", "")  # fmt: skip
                sock.sendto("\r\n".join(lines).encode(), peer)


# SIP


def registrar(*extensions: str) -> None:
    """Asks for a digest and checks it (RFC 3261, 22; RFC 2617); 404 for extensions that are not there, 405 for what it
    does not do.
    """
    known, password = extensions or ("201", "202", "203", "205"), "4711"
    md5 = lambda text: hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()  # noqa: E731

    def allowed(message: str, method: str) -> bool:
        said = dict(
            re.findall(
                r'(\w+)="?([^",\r\n]+)',
                next((line for line in message.split("\r\n") if line.lower().startswith("authorization:")), ""),
            )
        )
        if said.get("username") not in known:
            return False
        secret = md5(f"{said['username']}:asterisk:{password}")
        return said.get("response") == md5(f"{secret}:{said.get('nonce')}:{md5(method + ':' + said.get('uri', ''))}")

    def reply(asked: bytes, _: tuple[str, int]) -> Reply:
        message = asked.decode("utf-8", "replace")
        method, _, rest = message.partition(" ")
        if method in ("ACK", "SIP/2.0") or not rest:
            return None
        called = re.search(r"^(?:To|t):.*?sip:([^@>]+)@", message, re.MULTILINE | re.IGNORECASE)
        status, more = "200 OK", "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REGISTER\r\n"
        if method in ("REGISTER", "INVITE") and (called is None or called[1] not in known):
            status = "404 Not Found"
        elif method in ("REGISTER", "INVITE") and not allowed(message, method):
            refused = "authorization:" in message.lower()
            status, more = (
                "403 Forbidden" if refused else "401 Unauthorized",
                'WWW-Authenticate: Digest algorithm=MD5, realm="asterisk", nonce="5f3c1a77"\r\n',
            )
        kept = "".join(
            line + "\r\n"
            for line in message.split("\r\n")
            if re.match(r"(Via|From|Call-ID|CSeq|v|f|i):", line, re.IGNORECASE)
        )
        to = next(
            (line for line in message.split("\r\n") if re.match(r"(To|t):", line, re.IGNORECASE)), "To: <sip:none@none>"
        )
        return (
            f"SIP/2.0 {status}\r\n{kept}{to};tag=as1\r\n{more}Server: "
            "FPBX-16.0.40.7(18.16.0)\r\nContent-Length: 0\r\n\r\n"
        ).encode()

    answer(5060, reply)


# SNMP


def _tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes((tag, len(body)) if len(body) < 128 else (tag, 0x82, len(body) >> 8, len(body) & 255)) + body


def _element(data: bytes, at: int) -> tuple[int, bytes, int]:
    """Tag, content and end of a BER element whose length takes at most two more bytes."""
    size, at = data[at + 1], at + 2
    if size & 0x80:
        more = size & 0x7F
        size, at = int.from_bytes(data[at : at + more], "big"), at + more
    return data[at - 2], data[at : at + size], at + size


def agent(name: str, community: str = "public") -> None:
    """Says its description whatever it is asked for (RFC 1157, RFC 3416); silent for another community."""

    def reply(asked: bytes, _: tuple[str, int]) -> Reply:
        _, message, _ = _element(asked, 0)
        _, version, at = _element(message, 0)
        _, given, at = _element(message, at)
        if given != community.encode():
            return None
        _, pdu, _ = _element(message, at)
        _, number, at = _element(pdu, 0)
        for _ in range(2):
            _, _, at = _element(pdu, at)
        _, asked_for, _ = _element(pdu, at)
        _, first, _ = _element(asked_for, 0)
        _, oid, _ = _element(first, 0)
        bound = _tlv(0x30, _tlv(0x30, _tlv(6, oid), _tlv(4, f"{name}, lab".encode())))
        return _tlv(
            0x30, _tlv(2, version), _tlv(4, given), _tlv(0xA2, _tlv(2, number), _tlv(2, b"\0"), _tlv(2, b"\0"), bound)
        )

    answer(161, reply)


# Telnet


def telnet(user: str, password: str) -> None:
    """A device with BusyBox: asks, lets in whoever knows the pair, and answers each command with its applet's usual
    word.
    """

    class Session(socketserver.StreamRequestHandler):
        asked = 0

        def line(self, prompt: bytes) -> str:
            """Up to CR and what must follow it (RFC 854), or LF; negotiation is passed over."""
            self.wfile.write(prompt)
            said = b""
            while len(said) < 512 and (byte := self.rfile.read(1)) not in (b"", b"\n"):
                if byte == b"\r":
                    self.rfile.read(1)
                    break
                if byte == b"\xff":
                    self.rfile.read(2)
                else:
                    said += byte
            return said.decode("latin-1").strip()

        def name(self) -> str:
            """Who wants in; an empty line is asked again."""
            while not (name := self.line(b"\r\n(none) login: ")) and self.asked < 20:
                self.asked += 1
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
    """Takes raw jobs and tells nothing."""

    class Job(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while self.request.recv(65536):
                pass

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads = True, True

    Server(("", 9100), Job).serve_forever()


# Files by TFTP


def tftp() -> None:
    """Any file that is asked for: 2000 zeroes behind the head of an ELF (RFC 1350)."""
    body = Pages.heads[".elf"] + bytes(2000 - len(Pages.heads[".elf"]))

    def reply(asked: bytes, _: tuple[str, int]) -> Reply:
        kind, number = struct.unpack_from("!HH", asked)
        block = 1 if kind == 1 else number + 1
        if kind not in (1, 4) or (block - 1) * 512 > len(body):
            return None
        return struct.pack("!HH", 3, block) + body[(block - 1) * 512 : block * 512]

    answer(69, reply)


# Media


def echo(port: str) -> None:
    """Gives each datagram back: the other end of a call."""
    answer(int(port), lambda said, _: said)


def stream() -> None:
    """A camera that shows itself to everybody (RTSP, RFC 2326): it describes its stream and says yes to the rest; no
    pictures.
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
