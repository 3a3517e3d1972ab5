"""A program inside asks the router by UPnP to let the internet in: miniupnpc's upnpc against a scripted gateway. Needs
miniupnpc.

Run it as ``python -m pcaps.lab.attacks.holes``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pcaps._office_hosts import ROUTER, cameras
from pcaps.lab._lab import Lab, record


def upnp(lab: Lab) -> Iterator[None]:
    """A camera opens its web page and its stream to everybody."""
    lab.serve(lab.router, "gateway", port=5000)
    lab.serve(lab.router, "gateway_search", ROUTER.ip, port=1900, proto="udp")
    one = cameras()[1]
    yield
    camera = lab.inhabitant(one)
    for inner, outer in ((80, 8080), (554, 10554)):
        lab.run(camera, "upnpc", "-m", "eth0", "-a", camera.ip, str(inner), str(outer), "tcp")


if __name__ == "__main__":
    record(Path(__file__).parent, hole_upnp=upnp)
