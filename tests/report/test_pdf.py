"""PDF: no resource is fetched, whatever a page refers to."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from sensor.report.pdf import pdf


@pytest.mark.paper
def test_nothing_is_fetched() -> None:
    """A picture, a style sheet and a font of a page are not fetched; the page is written without them."""
    requested: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requested.append(self.path)
            self.send_error(404)

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"http://127.0.0.1:{server.server_port}"
        style = (
            f"@import '{place}/a.css'; @font-face {{ font-family: x; src: url({place}/x.woff) }} p {{ "
            f"font-family: x; background: url({place}/b.png) }}"
        )
        data = pdf(
            f"<html lang=en><title>t</title><style>{style}</style><link rel=stylesheet "
            f"href={place}/c.css><p>word<img src={place}/d.png></p></html>"
        )
        server.shutdown()
    assert data.startswith(b"%PDF-")
    assert requested == []
