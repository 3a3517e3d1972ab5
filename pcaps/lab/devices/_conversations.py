"""What devices say when they are asked, and what they ask: pages, descriptions, values, calls, streams, settings, the
sites of their makers.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from pcaps import _office_speech as office
from pcaps._craft import CLIENT, SERVER
from pcaps.dissectors import ipp as printing
from pcaps.dissectors import sccp as skinny
from pcaps.dissectors import snmp as management
from pcaps.dissectors.tftp import request
from pcaps.lab.devices._stage import Stage

BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
TYPES = {
    "page": "text/html",
    "xml": 'text/xml; charset="utf-8"',
    "json": "application/json",
    "soap": "application/soap+xml; charset=utf-8",
}


def http(
    stage: Stage, at: float, path: str = "/", *, server: str = "", status: str = "200 OK", title: str = "",
    realm: str = "", body: str = "", kind: str = "page",
    port: int = 80, fields: list[str] | None = None, post: str = "", agent: str = BROWSER,
) -> None:  # fmt: skip
    """Somebody looks at a page of the device, or asks it for a document. ``post``: what is sent to it."""
    first = (
        f"{'POST' if post else 'GET'} {path} HTTP/1.1\r\nHost: {stage.host.ip}\r\nUser-Agent: "
        f"{agent}\r\nAccept: */*\r\n"
    )
    first += f"Content-Type: {TYPES['soap']}\r\nContent-Length: {len(post)}\r\n\r\n{post}" if post else "\r\n"
    said = body or (f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body></body></html>" if title else "")
    lines = [f"HTTP/1.1 {status}", *([f"Server: {server}"] if server else []), *(fields or ())]
    lines += [f'WWW-Authenticate: Digest realm="{realm}", nonce="a1b2c3d4", qop="auth"'] if realm else []
    lines += [f"Content-Type: {TYPES[kind]}", f"Content-Length: {len(said.encode())}", "Connection: close", "", said]
    stage.tape.tcp(at, stage.desk, stage.host, port, [(CLIENT, first.encode()), (SERVER, "\r\n".join(lines).encode())])


def description(stage: Stage, at: float, location: str, port: int, device: dict[str, str], server: str = "") -> None:
    """The document a UPnP device describes itself in (UPnP Device Architecture, 2.3)."""
    inside = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in device.items())
    version = "<specVersion><major>1</major><minor>0</minor></specVersion>"
    body = (
        '<?xml version="1.0"?>\n<root '
        f'xmlns="urn:schemas-upnp-org:device-1-0">{version}<device>{inside}</device></root>'
    )
    http(stage, at, location, server=server, body=body, kind="xml", port=port, agent="Microsoft-Windows/10.0 UPnP/1.0")


def metadata(
    stage: Stage, at: float, path: str, model: dict[str, str], device: dict[str, str], server: str = "", port: int = 80
) -> None:
    """What a device of Web Services says of itself (Devices Profile for Web Services, 5)."""

    def section(dialect: str, words: dict[str, str]) -> str:
        inside = "".join(f"<wsdp:{name}>{escape(value)}</wsdp:{name}>" for name, value in words.items())
        return (
            "<mex:MetadataSection "
            f'Dialect="http://schemas.xmlsoap.org/ws/2006/02/devprof/{dialect}"><wsdp:{dialect}>{inside}</wsdp:{dialect}></mex:MetadataSection>'
        )

    head = (
        'xmlns:soap="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:mex="http://schemas.xmlsoap.org/ws/2004/09/mex" '
        'xmlns:wsdp="http://schemas.xmlsoap.org/ws/2006/02/devprof"'
    )
    sections = section("ThisModel", model) + section("ThisDevice", device)
    body = (
        '<?xml version="1.0" encoding="utf-8"?><soap:Envelope '
        f"{head}><soap:Body><mex:Metadata>{sections}</mex:Metadata></soap:Body></soap:Envelope>"
    )
    ask = f'<?xml version="1.0"?><soap:Envelope {head}><soap:Body/></soap:Envelope>'
    http(stage, at, path, server=server, body=body, kind="soap", port=port, post=ask, agent="WSDAPI")


def onvif(stage: Stage, at: float, maker: str, model: str, firmware: str, serial: str, server: str = "") -> None:
    """GetDeviceInformation (ONVIF Core Specification, 8.3.6)."""
    names = 'xmlns:env="http://www.w3.org/2003/05/soap-envelope" xmlns:tds="http://www.onvif.org/ver10/device/wsdl"'
    told = {
        "Manufacturer": maker,
        "Model": model,
        "FirmwareVersion": firmware,
        "SerialNumber": serial,
        "HardwareId": "1.0",
    }
    inside = "".join(f"<tds:{name}>{escape(value)}</tds:{name}>" for name, value in told.items())
    answer = f"<tds:GetDeviceInformationResponse>{inside}</tds:GetDeviceInformationResponse>"
    body = f'<?xml version="1.0" encoding="UTF-8"?><env:Envelope {names}><env:Body>{answer}</env:Body></env:Envelope>'
    ask = f'<?xml version="1.0"?><env:Envelope {names}><env:Body><tds:GetDeviceInformation/></env:Body></env:Envelope>'
    http(stage, at, "/onvif/device_service", server=server, body=body, kind="soap", post=ask, agent="gSOAP/2.8")


def snmp(
    stage: Stage, at: float, description: str, identity: str, *, name: str = "", values: dict[str, str] | None = None
) -> None:
    """A monitoring program asks for the system group, and for what it knows of printers."""
    system = management.SYSTEM
    told = {f"{system}.1.0": management.octets(description), f"{system}.2.0": management.oid(identity)}
    told |= {f"{system}.5.0": management.octets(name)} if name else {}
    told |= {key: management.octets(value) for key, value in (values or {}).items()}
    number = stage.host.rng.getrandbits(15)
    ask = management.message(
        management.V2C, "public", management.operation(management.GET, number, dict.fromkeys(told, management.NULL))
    )
    stage.tape.udp(at, stage.desk, stage.host, 50161, 161, ask)
    stage.tape.udp(
        at + 0.002,
        stage.host,
        stage.desk,
        161,
        50161,
        management.message(management.V2C, "public", management.operation(management.RESPONSE, number, told)),
    )


def ipp(
    stage: Stage,
    at: float,
    model: str,
    *,
    path: str = "/ipp/print",
    identity: str = "",
    firmware: str = "",
    server: str = "",
) -> None:
    """A computer asks for the printer's attributes (RFC 8011, 4.2.5)."""
    asked = [
        *printing.BASE,
        (printing.URI, "printer-uri", f"ipp://{stage.host.ip}{path}"),
        (printing.KEYWORD, "requested-attributes", "all"),
    ]
    told = [
        (printing.URI, "printer-uri-supported", f"ipp://{stage.host.ip}:631{path}"),
        (printing.TEXT, "printer-make-and-model", model),
    ]
    told += [
        (printing.TEXT, name, text)
        for name, text in (("printer-device-id", identity), ("printer-firmware-string-version", firmware))
        if text
    ]
    talk = [
        (CLIENT, printing.http_request(path, printing.ipp_message(0x000B, 1, {1: asked}))),
        (SERVER, printing.http_response(printing.ipp_message(0, 1, {1: printing.BASE, 4: told}), server or "IPP/2.0")),
    ]
    stage.tape.tcp(at, stage.desk, stage.host, 631, talk)


def pjl(stage: Stage, at: float, answers: dict[str, str]) -> None:
    """A driver asks over the raw port before it prints (PJL Technical Reference, INFO)."""
    asked = b"\x1b%-12345X@PJL\r\n" + b"".join(f"@PJL INFO {word}\r\n".encode() for word in answers) + b"\x1b%-12345X"
    said = b"".join(f"@PJL INFO {word}\r\n{text}\r\n\f".encode() for word, text in answers.items())
    stage.tape.tcp(at, stage.desk, stage.host, 9100, [(CLIENT, asked), (SERVER, said)])


def sip(
    stage: Stage, at: float, agent: str, *, user: str = "212", contact: str = "", fields: list[str] | None = None
) -> None:
    """A telephone registers with the exchange, which wants its password first (RFC 3261, 10)."""
    port, key, here = 5060, stage.host.rng.getrandbits(32), f"{user}@{stage.host.ip}:5060"
    for number, credentials in (
        (1, ""),
        (
            2,
            (
                f'Digest username="{user}", realm="exchange", nonce="5f3a", uri="sip:{stage.exchange.ip}", '
                f'response="{key:032x}"'
            ),
        ),
    ):
        branch, tag = f"z9hG4bK{key:08x}{number}", f"{key:x}"
        head = [
            f"Via: SIP/2.0/UDP {stage.host.ip}:{port};branch={branch}",
            f"From: <sip:{user}@{stage.exchange.ip}>;tag={tag}",
            f"To: <sip:{user}@{stage.exchange.ip}>",
        ]
        head += [f"Call-ID: {key:x}@{stage.host.ip}", f"CSeq: {number} REGISTER"]
        asks = [
            f"REGISTER sip:{stage.exchange.ip} SIP/2.0",
            *head,
            f"Contact: <sip:{here}>{contact}",
            f"User-Agent: {agent}",
            "Max-Forwards: 70",
            *(fields or ()),
        ]
        asks += [
            *([f"Authorization: {credentials}"] if credentials else []),
            "Expires: 3600",
            "Content-Length: 0",
            "",
            "",
        ]
        gets = ["SIP/2.0 200 OK" if credentials else "SIP/2.0 401 Unauthorized", *head, "Server: exchange"]
        gets += [
            f"Contact: <sip:{here}>;expires=3600"
            if credentials
            else 'WWW-Authenticate: Digest realm="exchange", nonce="5f3a"',
            "Content-Length: 0",
            "",
            "",
        ]
        stage.tape.udp(at + number * 0.05, stage.host, stage.exchange, port, 5060, "\r\n".join(asks).encode())
        stage.tape.udp(at + number * 0.05 + 0.01, stage.exchange, stage.host, 5060, port, "\r\n".join(gets).encode())


def sccp(stage: Stage, at: float, name: str, kind: int, load: str) -> None:
    """A telephone of Cisco's registers with its call manager."""
    long = skinny.station(name.encode(), kind) + bytes(44)
    talk = [
        (CLIENT, skinny.message(0x01, long.ljust(92, b"\0") + load.encode().ljust(32, b"\0"))),
        (SERVER, skinny.message(0x81, bytes(16))),
    ]
    stage.tape.tcp(at, stage.host, stage.exchange, 2000, talk, end="")


def tftp(stage: Stage, at: float, *files: str) -> None:
    """It asks for its settings (RFC 1350)."""
    for place, name in enumerate(files):
        stage.tape.udp(
            at + place * 0.1, stage.host, stage.exchange, stage.host.next_port(), 69, request(1, name, "octet")
        )


def fetch(stage: Stage, at: float, path: str, agent: str, *, site: str = "", fields: list[str] | None = None) -> None:
    """It asks the exchange, or a site outside, for a document over plain HTTP."""
    server = stage.outside(site) if site else stage.exchange
    if site:
        office.lookup(stage.tape, at - 0.1, stage.host, stage.router, site, server.ip)
    first = "\r\n".join(
        [
            f"GET {path} HTTP/1.1",
            f"Host: {site or server.ip}",
            f"User-Agent: {agent}",
            "Accept: */*",
            *(fields or ()),
            "",
            "",
        ]
    )
    stage.tape.tcp(
        at,
        stage.host,
        server,
        80,
        [(CLIENT, first.encode()), (SERVER, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")],
    )


def cloud(stage: Stage, at: float, *names: str) -> None:
    """It looks up sites of its maker's and speaks with them, encrypted."""
    for place, name in enumerate(names):
        office.https(stage.tape, at + place * 0.3, stage.host, stage.router, stage.outside(name), name)


def rtsp(
    stage: Stage,
    at: float,
    path: str,
    *,
    server: str = "",
    realm: str = "",
    session: str = "",
    agent: str = "LibVLC/3.0.21 (LIVE555 Streaming Media v2016.11.28)",
) -> None:
    """A viewer asks a camera for its picture (RFC 2326)."""
    url, named = f"rtsp://{stage.host.ip}:554/{path}", f"Server: {server}\r\n" if server else ""
    talk = [
        (CLIENT, f"OPTIONS {url} RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: {agent}\r\n\r\n".encode()),
        (
            SERVER,
            f"RTSP/1.0 200 OK\r\nCSeq: 1\r\n{named}Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n".encode(),
        ),
        (
            CLIENT,
            f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 2\r\nUser-Agent: {agent}\r\nAccept: application/sdp\r\n\r\n".encode(),
        ),
    ]
    if realm:
        talk.append(
            (
                SERVER,
                (
                    f'RTSP/1.0 401 Unauthorized\r\nCSeq: 2\r\n{named}WWW-Authenticate: Digest realm="{realm}", '
                    'nonce="a1b2"\r\n\r\n'
                ).encode(),
            )
        )
    if session:
        body = (
            f"v=0\r\no=- 1 1 IN IP4 {stage.host.ip}\r\ns={session}\r\nt=0 0\r\nm=video 0 RTP/AVP "
            "96\r\na=rtpmap:96 H264/90000\r\n"
        )
        talk.append(
            (
                SERVER,
                (
                    f"RTSP/1.0 200 OK\r\nCSeq: 2\r\n{named}Content-Type: application/sdp\r\nContent-Length: "
                    f"{len(body)}\r\n\r\n{body}"
                ).encode(),
            )
        )
    stage.tape.tcp(at, stage.desk, stage.host, 554, talk)
