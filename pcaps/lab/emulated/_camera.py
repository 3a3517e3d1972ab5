"""An emulated ONVIF camera: responds to WS-Discovery, GetDeviceInformation (ONVIF Core Specification, 8.3.6) and
players (RTSP, RFC 2326).

``python -m pcaps.lab.emulated._camera serve ADDRESS VENDOR MODEL FIRMWARE SERIAL`` runs the camera, ``… search
ADDRESS`` a discovery client.
"""

from __future__ import annotations

import http.server
import re
import socket
import socketserver
import struct
import sys
import threading

from pcaps.dissectors import wsd
from pcaps.dissectors._frames import ip

GROUP, PORT = "239.255.255.250", 3702
NETWORK, DEVICE = "http://www.onvif.org/ver10/network/wsdl", "http://www.onvif.org/ver10/device/wsdl"


def _group_socket(address: str) -> socket.socket:
    """A socket that receives multicast."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("", PORT))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack("4s4s", ip(GROUP), ip(address)))
    return sock


def _discovery(address: str, vendor: str, model: str) -> None:
    scope = "onvif://www.onvif.org"
    scopes = (
        f"{scope}/Profile/Streaming {scope}/type/video_encoder {scope}/hardware/{model} {scope}/name/{vendor}%20{model}"
    )
    match = wsd.match(
        "5f5a69c2-e0ae-504f-829b-00005e530001",
        "dn:NetworkVideoTransmitter tds:Device",
        scopes,
        f"http://{address}/onvif/device_service",
    )
    answer = wsd.envelope("ProbeMatches", match, dn=NETWORK, tds=DEVICE)
    with _group_socket(address) as sock:
        while True:
            probe, peer = sock.recvfrom(65535)
            if b"Probe>" in probe:
                sock.sendto(answer, peer)


def _service(vendor: str, model: str, firmware: str, serial: str) -> type[http.server.BaseHTTPRequestHandler]:
    information = {
        "Manufacturer": vendor,
        "Model": model,
        "FirmwareVersion": firmware,
        "SerialNumber": serial,
        "HardwareId": "1.0",
    }
    internal = "".join(f"<tds:{name}>{value}</tds:{name}>" for name, value in information.items())
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><env:Envelope '
        f'xmlns:env="http://www.w3.org/2003/05/soap-envelope" xmlns:tds="{DEVICE}"><env:Body>'
        f"<tds:GetDeviceInformationResponse>{internal}</tds:GetDeviceInformationResponse></env:Body></env:Envelope>"
    ).encode()

    class Service(http.server.BaseHTTPRequestHandler):
        protocol_version, server_version, sys_version = "HTTP/1.1", "gSOAP/2.8", ""

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.send_header("Content-Type", "application/soap+xml; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Service


class Streams(socketserver.StreamRequestHandler):
    """Lists the RTSP methods, and requires credentials for DESCRIBE."""

    def handle(self) -> None:
        while request := self.rfile.readline().decode("ascii", "replace"):
            number = ""
            while (line := self.rfile.readline().decode("ascii", "replace").strip()) != "":
                number = found[1] if (found := re.match(r"CSeq: *(\d+)", line, re.IGNORECASE)) else number
            status, more = (
                ("200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY")
                if request.startswith("OPTIONS")
                else ("401 Unauthorized", "")
            )
            more = more or 'WWW-Authenticate: Digest realm="Streaming Server", nonce="5f3c1a77"'
            self.wfile.write(f"RTSP/1.0 {status}\r\nCSeq: {number}\r\n{more}\r\n\r\n".encode())


def serve(address: str, vendor: str, model: str, firmware: str, serial: str) -> None:
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    pages = http.server.ThreadingHTTPServer((address, 80), _service(vendor, model, firmware, serial))
    streams = socketserver.ThreadingTCPServer((address, 554), Streams)
    for server in (pages, streams):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    _discovery(address, vendor, model)


def search(address: str) -> None:
    """Sends a Probe and waits for a response."""
    probe = wsd.envelope("Probe", "<wsd:Types>dn:NetworkVideoTransmitter</wsd:Types>", dn=NETWORK)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, ip(address))
        sock.bind((address, 0))
        sock.settimeout(2)
        sock.sendto(probe, (GROUP, PORT))
        sock.recvfrom(65535)


if __name__ == "__main__":
    {"serve": serve, "search": search}[sys.argv[1]](*sys.argv[2:])
