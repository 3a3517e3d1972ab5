"""Port mappings by UPnP: upnpc of miniupnpc against an emulated gateway. Needs miniupnpc.

Run it as ``python -m pcaps.lab.attacks.port_mapping``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pcaps._office_hosts import ROUTER, cameras
from pcaps.lab._lab import Lab, record


def upnp(lab: Lab) -> Iterator[None]:
    """A camera maps external ports to its web page and its stream."""
    lab.serve(lab.router, "gateway", port=5000)
    lab.serve(lab.router, "gateway_search", ROUTER.ip, port=1900, proto="udp")
    device = cameras()[1]
    yield
    camera = lab.device(device)
    for internal_port, external_port in ((80, 8080), (554, 10554)):
        lab.run(camera, "upnpc", "-m", "eth0", "-a", camera.ip, str(internal_port), str(external_port), "tcp")


if __name__ == "__main__":
    record(Path(__file__).parent, port_mapping_upnp=upnp)
