"""A receiver of events: appends request bodies to one file, and Authorization headers to another. ``python receiver.py
ADDRESS PORT BODIES LOGINS``.
"""

from __future__ import annotations

import gzip
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """Accepts every request."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        for path, content in (
            (sys.argv[3], body.rstrip(b"\n") + b"\n"),
            (sys.argv[4], f"{self.headers.get('Authorization')}\n".encode()),
        ):
            with Path(path).open("ab") as file:
                file.write(content)
        self.send_response(204)
        self.end_headers()


HTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
