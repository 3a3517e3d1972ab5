"""An emulated Roku device: announces itself (SSDP) and returns its device information (External Control Protocol).

``python -m pcaps.lab.emulated._player ADDRESS NAME NUMBER FIRMWARE SERIAL IS_TV``
"""

from __future__ import annotations

import http.server
import socket
import sys
import threading
import time

from pcaps.dissectors._frames import ip

GROUP, PORT, PAGES = "239.255.255.250", 1900, 8060
PACE_S = 2


def _service(server: str, information: dict[str, str]) -> type[http.server.BaseHTTPRequestHandler]:
    internal = "".join(f"<{name}>{value}</{name}>" for name, value in information.items())
    body = f'<?xml version="1.0" encoding="UTF-8" ?><device-info>{internal}</device-info>'.encode()

    class Service(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def version_string(self) -> str:
            return server

        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/query/device-info" else 404)
            self.send_header("Content-Type", "text/xml; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Service


def run(address: str, name: str, number: str, firmware: str, serial: str, is_tv: str) -> None:
    server = f"Roku/{firmware} UPnP/1.0 Roku/{firmware}"
    information = {
        "serial-number": serial,
        "vendor-name": "Roku",
        "model-name": name,
        "model-number": number,
        "is-tv": is_tv,
        "software-version": firmware,
    }
    pages = http.server.ThreadingHTTPServer((address, PAGES), _service(server, information))
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    lines = [
        "NOTIFY * HTTP/1.1",
        f"Host: {GROUP}:{PORT}",
        "Cache-Control: max-age=3600",
        "NT: roku:ecp",
        "NTS: ssdp:alive",
        f"Location: http://{address}:{PAGES}/",
    ]
    lines += [f"USN: uuid:roku:ecp:{serial}", f"Server: {server}", "", ""]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, ip(address))
        while True:
            sock.sendto("\r\n".join(lines).encode(), (GROUP, PORT))
            time.sleep(PACE_S)


if __name__ == "__main__":
    run(*sys.argv[1:])
