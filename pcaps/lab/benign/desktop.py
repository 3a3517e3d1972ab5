"""A user works in a remote desktop session with TLS: pointer movements and keystrokes. Needs xrdp, freerdp3-x11, xvfb,
xdotool and openssl.

Run it as ``python -m pcaps.lab.benign.desktop``.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

from pcaps.lab._lab import Lab, record
from pcaps.lab._programs import desktop_client, desktop_server

USER, TARGET = "10.20.10.31", "10.20.10.40"
TEXT = "the quick brown fox jumps"


def remote_desktop(lab: Lab) -> Iterator[None]:
    desktop_server(lab, lab.host("target", TARGET))
    user, rng = lab.host("desk", USER), random.Random(1)
    client = desktop_client(lab, user)
    yield
    session = client(TARGET)
    for step in range(60):
        lab.run(user, "xdotool", "mousemove", str(300 + step * 5), str(300 + step * 3))
    for letter in TEXT:
        lab.run(user, "xdotool", "type", "--delay", "0", letter)
        time.sleep(rng.uniform(0.06, 0.25))
    for step in range(60):
        lab.run(user, "xdotool", "mousemove", str(600 - step * 5), str(500 - step * 3))
    time.sleep(2)
    lab.stop(session)


if __name__ == "__main__":
    record(Path(__file__).parent, remote_desktop=remote_desktop)
