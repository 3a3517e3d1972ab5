"""A program types a command into a remote desktop session with TLS, as tools that run commands over RDP do. Needs xrdp,
freerdp3-x11, xvfb, xdotool and openssl.

Run it as ``python -m pcaps.lab.attacks.remote_desktop``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from pcaps.lab._lab import Lab, record
from pcaps.lab._programs import desktop_client, desktop_server

ATTACKER, TARGET = "10.20.10.66", "10.20.10.40"
COMMAND = "powershell -nop -w hidden -c whoami /all"


def rdp_typed(lab: Lab) -> Iterator[None]:
    desktop_server(lab, lab.host("target", TARGET))
    attacker = lab.host("desk", ATTACKER)
    client = desktop_client(lab, attacker)
    yield
    session = client(TARGET)
    lab.run(attacker, "xdotool", "key", "ctrl+r")
    time.sleep(0.5)
    lab.run(attacker, "xdotool", "type", "--delay", "4", COMMAND)
    lab.run(attacker, "xdotool", "key", "Return")
    time.sleep(2)
    lab.stop(session)


if __name__ == "__main__":
    record(Path(__file__).parent, rdp_typed=rdp_typed)
