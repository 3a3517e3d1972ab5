"""Requests to devices and their responses, and requests of devices: HTTP, UPnP descriptions, SNMP, IPP, SIP, RTSP,
provisioning, clouds of vendors.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from pcaps import _office_traffic as traffic
from pcaps._capture import CLIENT, SERVER
from pcaps.dissectors import ipp as printing
from pcaps.dissectors import sccp as skinny
from pcaps.dissectors import snmp as management
from pcaps.dissectors.tftp import request as tftp_request
from pcaps.lab.devices._network import Network

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
    net: Network, at: float, path: str = "/", *, server: str = "", status: str = "200 OK", title: str = "",
    realm: str = "", body: str = "", kind: str = "page",
    port: int = 80, fields: list[str] | None = None, post: str = "", agent: str = BROWSER,
) -> None:  # fmt: skip
    """A browser requests a page or document of the device. ``post``: body of a POST request."""
    first = (
        f"{'POST' if post else 'GET'} {path} HTTP/1.1\r\nHost: {net.host.ip}\r\nUser-Agent: {agent}\r\nAccept: */*\r\n"
    )
    first += f"Content-Type: {TYPES['soap']}\r\nContent-Length: {len(post)}\r\n\r\n{post}" if post else "\r\n"
    response = body or (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body></body></html>" if title else ""
    )
    lines = [f"HTTP/1.1 {status}", *([f"Server: {server}"] if server else []), *(fields or ())]
    lines += [f'WWW-Authenticate: Digest realm="{realm}", nonce="a1b2c3d4", qop="auth"'] if realm else []
    lines += [
        f"Content-Type: {TYPES[kind]}",
        f"Content-Length: {len(response.encode())}",
        "Connection: close",
        "",
        response,
    ]
    net.capture.tcp(
        at, net.workstation, net.host, port, [(CLIENT, first.encode()), (SERVER, "\r\n".join(lines).encode())]
    )


def description(net: Network, at: float, location: str, port: int, device: dict[str, str], server: str = "") -> None:
    """The description of a UPnP device (UPnP Device Architecture, 2.3)."""
    inside = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in device.items())
    version = "<specVersion><major>1</major><minor>0</minor></specVersion>"
    body = (
        '<?xml version="1.0"?>\n<root '
        f'xmlns="urn:schemas-upnp-org:device-1-0">{version}<device>{inside}</device></root>'
    )
    http(net, at, location, server=server, body=body, kind="xml", port=port, agent="Microsoft-Windows/10.0 UPnP/1.0")


def metadata(
    net: Network, at: float, path: str, model: dict[str, str], device: dict[str, str], server: str = "", port: int = 80
) -> None:
    """The metadata of a device (Devices Profile for Web Services, 5)."""

    def section(dialect: str, fields: dict[str, str]) -> str:
        inside = "".join(f"<wsdp:{name}>{escape(value)}</wsdp:{name}>" for name, value in fields.items())
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
    request = f'<?xml version="1.0"?><soap:Envelope {head}><soap:Body/></soap:Envelope>'
    http(net, at, path, server=server, body=body, kind="soap", port=port, post=request, agent="WSDAPI")


def onvif(net: Network, at: float, vendor: str, model: str, firmware: str, serial: str, server: str = "") -> None:
    """GetDeviceInformation (ONVIF Core Specification, 8.3.6)."""
    names = 'xmlns:env="http://www.w3.org/2003/05/soap-envelope" xmlns:tds="http://www.onvif.org/ver10/device/wsdl"'
    values = {
        "Manufacturer": vendor,
        "Model": model,
        "FirmwareVersion": firmware,
        "SerialNumber": serial,
        "HardwareId": "1.0",
    }
    inside = "".join(f"<tds:{name}>{escape(value)}</tds:{name}>" for name, value in values.items())
    answer = f"<tds:GetDeviceInformationResponse>{inside}</tds:GetDeviceInformationResponse>"
    body = f'<?xml version="1.0" encoding="UTF-8"?><env:Envelope {names}><env:Body>{answer}</env:Body></env:Envelope>'
    request = (
        f'<?xml version="1.0"?><env:Envelope {names}><env:Body><tds:GetDeviceInformation/></env:Body></env:Envelope>'
    )
    http(net, at, "/onvif/device_service", server=server, body=body, kind="soap", post=request, agent="gSOAP/2.8")


def snmp(
    net: Network, at: float, description: str, identity: str, *, name: str = "", values: dict[str, str] | None = None
) -> None:
    """A monitoring program requests the system group and, of printers, further values."""
    system = management.SYSTEM
    bindings = {f"{system}.1.0": management.octets(description), f"{system}.2.0": management.oid(identity)}
    bindings |= {f"{system}.5.0": management.octets(name)} if name else {}
    bindings |= {key: management.octets(value) for key, value in (values or {}).items()}
    number = net.host.rng.getrandbits(15)
    request = management.message(
        management.V2C, "public", management.operation(management.GET, number, dict.fromkeys(bindings, management.NULL))
    )
    net.capture.udp(at, net.workstation, net.host, 50161, 161, request)
    net.capture.udp(
        at + 0.002,
        net.host,
        net.workstation,
        161,
        50161,
        management.message(management.V2C, "public", management.operation(management.RESPONSE, number, bindings)),
    )


def ipp(
    net: Network,
    at: float,
    model: str,
    *,
    path: str = "/ipp/print",
    identity: str = "",
    firmware: str = "",
    server: str = "",
) -> None:
    """A computer requests the attributes of a printer (RFC 8011, 4.2.5)."""
    request = [
        *printing.BASE,
        (printing.URI, "printer-uri", f"ipp://{net.host.ip}{path}"),
        (printing.KEYWORD, "requested-attributes", "all"),
    ]
    values = [
        (printing.URI, "printer-uri-supported", f"ipp://{net.host.ip}:631{path}"),
        (printing.TEXT, "printer-make-and-model", model),
    ]
    values += [
        (printing.TEXT, name, text)
        for name, text in (("printer-device-id", identity), ("printer-firmware-string-version", firmware))
        if text
    ]
    payloads = [
        (CLIENT, printing.http_request(path, printing.ipp_message(0x000B, 1, {1: request}))),
        (
            SERVER,
            printing.http_response(printing.ipp_message(0, 1, {1: printing.BASE, 4: values}), server or "IPP/2.0"),
        ),
    ]
    net.capture.tcp(at, net.workstation, net.host, 631, payloads)


def pjl(net: Network, at: float, answers: dict[str, str]) -> None:
    """A printer driver requests information over the raw port (PJL Technical Reference, INFO)."""
    request = b"\x1b%-12345X@PJL\r\n" + b"".join(f"@PJL INFO {name}\r\n".encode() for name in answers) + b"\x1b%-12345X"
    response = b"".join(f"@PJL INFO {name}\r\n{text}\r\n\f".encode() for name, text in answers.items())
    net.capture.tcp(at, net.workstation, net.host, 9100, [(CLIENT, request), (SERVER, response)])


def sip(
    net: Network, at: float, agent: str, *, user: str = "212", contact: str = "", fields: list[str] | None = None
) -> None:
    """A phone registers with the PBX, which challenges it (RFC 3261, 10)."""
    port, key, address = 5060, net.host.rng.getrandbits(32), f"{user}@{net.host.ip}:5060"
    for number, credentials in (
        (1, ""),
        (
            2,
            (
                f'Digest username="{user}", realm="exchange", nonce="5f3a", uri="sip:{net.pbx.ip}", '
                f'response="{key:032x}"'
            ),
        ),
    ):
        branch, tag = f"z9hG4bK{key:08x}{number}", f"{key:x}"
        head = [
            f"Via: SIP/2.0/UDP {net.host.ip}:{port};branch={branch}",
            f"From: <sip:{user}@{net.pbx.ip}>;tag={tag}",
            f"To: <sip:{user}@{net.pbx.ip}>",
        ]
        head += [f"Call-ID: {key:x}@{net.host.ip}", f"CSeq: {number} REGISTER"]
        request = [
            f"REGISTER sip:{net.pbx.ip} SIP/2.0",
            *head,
            f"Contact: <sip:{address}>{contact}",
            f"User-Agent: {agent}",
            "Max-Forwards: 70",
            *(fields or ()),
        ]
        request += [
            *([f"Authorization: {credentials}"] if credentials else []),
            "Expires: 3600",
            "Content-Length: 0",
            "",
            "",
        ]
        response = ["SIP/2.0 200 OK" if credentials else "SIP/2.0 401 Unauthorized", *head, "Server: exchange"]
        response += [
            f"Contact: <sip:{address}>;expires=3600"
            if credentials
            else 'WWW-Authenticate: Digest realm="exchange", nonce="5f3a"',
            "Content-Length: 0",
            "",
            "",
        ]
        net.capture.udp(at + number * 0.05, net.host, net.pbx, port, 5060, "\r\n".join(request).encode())
        net.capture.udp(at + number * 0.05 + 0.01, net.pbx, net.host, 5060, port, "\r\n".join(response).encode())


def sccp(net: Network, at: float, name: str, kind: int, load: str) -> None:
    """A Cisco phone registers with its call manager."""
    long = skinny.station(name.encode(), kind) + bytes(44)
    payloads = [
        (CLIENT, skinny.message(0x01, long.ljust(92, b"\0") + load.encode().ljust(32, b"\0"))),
        (SERVER, skinny.message(0x81, bytes(16))),
    ]
    net.capture.tcp(at, net.host, net.pbx, 2000, payloads, end="")


def tftp(net: Network, at: float, *files: str) -> None:
    """The device requests its configuration (RFC 1350)."""
    for number, name in enumerate(files):
        net.capture.udp(at + number * 0.1, net.host, net.pbx, net.host.next_port(), 69, tftp_request(1, name, "octet"))


def fetch(net: Network, at: float, path: str, agent: str, *, site: str = "", fields: list[str] | None = None) -> None:
    """The device requests a document from the PBX or from an external site over HTTP."""
    server = net.external(site) if site else net.pbx
    if site:
        traffic.lookup(net.capture, at - 0.1, net.host, net.router, site, server.ip)
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
    net.capture.tcp(
        at,
        net.host,
        server,
        80,
        [(CLIENT, first.encode()), (SERVER, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")],
    )


def cloud(net: Network, at: float, *names: str) -> None:
    """The device resolves cloud hosts of its vendor and connects to them by HTTPS."""
    for number, name in enumerate(names):
        traffic.https(net.capture, at + number * 0.3, net.host, net.router, net.external(name), name)


def rtsp(
    net: Network,
    at: float,
    path: str,
    *,
    server: str = "",
    realm: str = "",
    session: str = "",
    agent: str = "LibVLC/3.0.21 (LIVE555 Streaming Media v2016.11.28)",
) -> None:
    """A viewer requests the stream of a camera (RFC 2326)."""
    url, field = f"rtsp://{net.host.ip}:554/{path}", f"Server: {server}\r\n" if server else ""
    payloads = [
        (CLIENT, f"OPTIONS {url} RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: {agent}\r\n\r\n".encode()),
        (
            SERVER,
            f"RTSP/1.0 200 OK\r\nCSeq: 1\r\n{field}Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n".encode(),
        ),
        (
            CLIENT,
            f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 2\r\nUser-Agent: {agent}\r\nAccept: application/sdp\r\n\r\n".encode(),
        ),
    ]
    if realm:
        payloads.append(
            (
                SERVER,
                (
                    f'RTSP/1.0 401 Unauthorized\r\nCSeq: 2\r\n{field}WWW-Authenticate: Digest realm="{realm}", '
                    'nonce="a1b2"\r\n\r\n'
                ).encode(),
            )
        )
    if session:
        body = (
            f"v=0\r\no=- 1 1 IN IP4 {net.host.ip}\r\ns={session}\r\nt=0 0\r\nm=video 0 RTP/AVP "
            "96\r\na=rtpmap:96 H264/90000\r\n"
        )
        payloads.append(
            (
                SERVER,
                (
                    f"RTSP/1.0 200 OK\r\nCSeq: 2\r\n{field}Content-Type: application/sdp\r\nContent-Length: "
                    f"{len(body)}\r\n\r\n{body}"
                ).encode(),
            )
        )
    net.capture.tcp(at, net.workstation, net.host, 554, payloads)
