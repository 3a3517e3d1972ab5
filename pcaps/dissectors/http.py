"""HTTP: a UPnP description and its control; a camera page with digest authentication, ONVIF device information, a login
form; a browser, a proxy; DPWS metadata; HNAP.
"""

from __future__ import annotations

import base64
import zlib

from pcaps.dissectors._frames import CAMERA, DESKTOP, GATEWAY, PBX, PRINTER, Frames, conversation

BROWSER = (
    "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)
DESCRIPTION = """<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major></specVersion><device>
<deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><friendlyName>Gateway &amp; more</friendlyName>
<manufacturer>AVM Berlin</manufacturer>
<modelName>FRITZ!Box 7590</modelName><modelNumber>avm</modelNumber><!-- <serialNumber>none</serialNumber> -->
<UDN>uuid:75802409-bccb-40e7-8e6c-02005e005301</UDN>
<deviceList><device><deviceType>urn:schemas-upnp-org:device:WANDevice:1</deviceType><modelName>a part</modelName></device></deviceList></device></root>"""
ONVIF = """<?xml version="1.0" encoding="UTF-8"?><env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope"
 xmlns:tds="http://www.onvif.org/ver10/device/wsdl"><env:Body><tds:GetDeviceInformationResponse><tds:Manufacturer>HIKVISION</tds:Manufacturer>
<tds:Model>DS-2CD2143G2-I</tds:Model><tds:FirmwareVersion>V5.7.3 build 220112</tds:FirmwareVersion>
<tds:SerialNumber>DS-2CD2143G2-I20220112AAWRJ00000001</tds:SerialNumber>
<tds:HardwareId>88</tds:HardwareId></tds:GetDeviceInformationResponse></env:Body></env:Envelope>"""
METADATA = """<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:m="http://schemas.xmlsoap.org/ws/2004/09/mex"
 xmlns:d="http://schemas.xmlsoap.org/ws/2006/02/devprof" xmlns:pub="http://schemas.microsoft.com/windows/pub/2005/07"><s:Body><m:Metadata>
<m:MetadataSection><d:ThisDevice><d:FriendlyName>Brother HL-L5100DN series</d:FriendlyName><d:FirmwareVersion>1.47</d:FirmwareVersion>
<d:SerialNumber>E75555A0N000001</d:SerialNumber></d:ThisDevice></m:MetadataSection>
<m:MetadataSection><d:ThisModel><d:Manufacturer>Brother</d:Manufacturer><d:ModelName>HL-L5100DN series</d:ModelName></d:ThisModel></m:MetadataSection>
<m:MetadataSection><d:Relationship><d:Host><d:Types>pub:Computer</d:Types><pub:Computer>FRONT-DESK/Workgroup:OFFICE</pub:Computer></d:Host></d:Relationship></m:MetadataSection>
</m:Metadata></s:Body></s:Envelope>"""
HNAP = """<?xml version="1.0"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>
<GetDeviceSettingsResponse xmlns="http://purenetworks.com/HNAP1/">
<GetDeviceSettingsResult>OK</GetDeviceSettingsResult><Type>GatewayWithWiFi</Type><DeviceName>attic</DeviceName><VendorName>D-Link</VendorName><ModelName>DIR-868L</ModelName>
<FirmwareVersion>1.12</FirmwareVersion></GetDeviceSettingsResponse></soap:Body></soap:Envelope>"""


def http_message(start: str, *fields: str, body: bytes = b"") -> bytes:
    length = (f"Content-Length: {len(body)}",) if body else ()
    return "\r\n".join((start, *fields, *length, "", "")).encode() + body


def in_chunks(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;a=b\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\nTrailer: 1\r\n\r\n"


def frames() -> Frames:
    desktop, camera = (DESKTOP, "10.20.30.66", 50100), (CAMERA, "10.20.30.44", 80)
    answer = http_message("HTTP/1.1 200 OK", "Server: FRITZ!Box 7590 UPnP/1.0 AVM FRITZ!Box 7590 154.07.57", (
        'Content-Type: text/xml; '
        'charset="utf-8"'
    ),
                          body=DESCRIPTION.encode())  # fmt: skip
    mapping = http_message(
        "POST /igdupnp/control/WANIPConn1 HTTP/1.1", "Host: 10.20.30.1:49000", (
            "User-Agent: Linux/5.4, UPnP/1.1, "
            "MiniUPnPc/2.2.4"
        ),
        "Content-Type: text/xml", (
            'SOAPAction: '
            '"urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping"'
        ), body=b"<s:Envelope/>",
    )  # fmt: skip
    refused = http_message(
        "HTTP/1.1 500 Internal Server Error",
        "Server: FRITZ!Box 7590 UPnP/1.0 AVM FRITZ!Box 7590 154.07.57",
        "Content-Length: 0",
    )
    yield from conversation(
        (DESKTOP, "10.20.30.66", 50099), (GATEWAY, "10.20.30.1", 8080),
        [(True, http_message("GET /igddesc.xml HTTP/1.1", "Host: 10.20.30.1:49000", (
            "User-Agent: Linux/5.4, UPnP/1.1, "
            "MiniUPnPc/2.2.4"
        ))), (False, answer[:300]),
         (False, answer[300:]), (True, mapping), (False, refused)],
    )  # fmt: skip

    page = b"<html><head><TITLE>\n index &amp; login </TITLE></head><body>GET / HTTP/1.1</body></html>"
    challenge = http_message(
        "HTTP/1.1 401 Unauthorized", "Server: App-webs/", (
            'WWW-Authenticate: Digest qop="auth", realm="IP '
            'Camera(D1234)", nonce="a"'
        ),
        'WWW-Authenticate: Basic realm="other"', "Content-Type: text/html", body=(
            b"<title>Document Error: "
            b"Unauthorized</title>"
        ),
    )  # fmt: skip
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    compressed = compressor.compress(page) + compressor.flush()
    credentials = 'Authorization: Digest username="admin", realm="IP Camera(D1234)", nonce="a", uri="/", response="0"'
    basic = "Authorization: Basic " + base64.b64encode(b"viewer:not-told").decode()
    login = http_message("POST /login.cgi?session_token=not-told&lang=en HTTP/1.1", "Host: 10.20.30.44", (
        "Content-Type: "
        "application/x-www-form-urlencoded"
    ),
                         body=b"user=admin&password=not-told&lang=en")  # fmt: skip
    yield from conversation(
        desktop, camera,
        [(True, http_message("GET / HTTP/1.1", "Host: 10.20.30.44", BROWSER)), (False, challenge),
         (True, http_message("GET / HTTP/1.1", "Host: 10.20.30.44", BROWSER, credentials)),
         (False, http_message("HTTP/1.1 200 OK", "Server: App-webs/", "Content-Type: text/html",
         "Content-Encoding: gzip", body=compressed)),
         (True, login), (False, http_message("HTTP/1.1 204 No Content", "Server: App-webs/")),
         (True, http_message("HEAD /ISAPI/System/deviceInfo HTTP/1.1", "Host: 10.20.30.44", basic)),
         (False, http_message("HTTP/1.1 200 OK", "Content-Type: application/xml", "Content-Length: 900")),
         (True, http_message("POST /onvif/device_service HTTP/1.1", "Host: 10.20.30.44", (
             "Content-Type: "
             "application/soap+xml"
         ), "Transfer-Encoding: chunked")
          + in_chunks(b"<s:Envelope/>", 8)),
         (False, http_message("HTTP/1.1 100 Continue") + http_message("HTTP/1.1 200 OK", "Server: gSOAP/2.8", (
             "Content-Type: "
             "application/soap+xml"
         ),
                                                                    "Transfer-Encoding: chunked") + in_chunks(ONVIF.encode(), 200))],
    )  # fmt: skip

    yield from conversation(
        (DESKTOP, "10.20.30.66", 50103), (PRINTER, "10.20.30.40", 80),
        [(True, http_message((
            "POST /StableWSDiscoveryEndpoint/schemas-xmlsoap-org_ws_2005_04_discovery "
            "HTTP/1.1"
        ), "Host: 10.20.30.40", "User-Agent: WSDAPI",
                             "Content-Type: application/soap+xml", body=b"<soap:Envelope/>")),
         (False, http_message("HTTP/1.1 200 OK", "Server: debut/1.30", "Content-Type: application/soap+xml",
         body=METADATA.encode())),
         (True, http_message("GET /HNAP1/ HTTP/1.0", "Host: 10.20.30.40")),
         (False, b"\r\nHTTP/1.0 200 OK\nContent-Type: text/xml\nContent-Length: %d\n\n" % len(HNAP) + HNAP.encode())],
    )  # fmt: skip

    proxy = (PBX, "10.20.30.5", 3128)
    yield from conversation(
        (DESKTOP, "10.20.30.66", 50101), proxy,
        [(True, http_message("GET http://user:not-told@shop.example/a?q=1 HTTP/1.1", "Host: shop.example", BROWSER)),
         (False, http_message("HTTP/1.1 200 OK", "Server: nginx", "Content-Type: text/html",
         body=b"<title>Shop</title>"))],
    )  # fmt: skip
    yield from conversation(
        (PBX, "10.20.30.5", 50102), (GATEWAY, "10.20.30.1", 80),
        [(True, http_message("GET /b HTTP/1.1", "Host: shop.example", BROWSER, "X-Forwarded-For: 10.20.30.66")),
         (False, http_message("HTTP/1.1 200 OK", "Server: nginx", "Via: 1.1 cache", "Content-Type: text/html",
         body=b"<title>Shop</title>"))],
    )  # fmt: skip
