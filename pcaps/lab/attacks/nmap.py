"""nmap: host discovery, port scans, version detection, OS detection. Needs nmap, openssh-server, vsftpd.

Run it as ``python -m pcaps.lab.attacks.nmap [SCENE...]``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pcaps.lab._lab import Host, Lab, record
from pcaps.lab._programs import ftp_server, ssh_server

ATTACKER, SERVER = "10.20.10.66", "10.20.10.5"


def _segment(lab: Lab) -> Host:
    """The attacker; a file server with SSH, FTP and HTTP; two more hosts."""
    server = lab.host("files", SERVER)
    ssh_server(lab, server)
    ftp_server(lab, server)
    lab.serve(server, "pages", port=80)
    for last in (21, 22):
        lab.host(f"desk-{last}", f"10.20.10.{last}")
    return lab.host("attacker", ATTACKER)


def connect(lab: Lab) -> Iterator[None]:
    attacker = _segment(lab)
    yield
    lab.run(attacker, "nmap", "-n", "-sT", "-F", SERVER)


def syn(lab: Lab) -> Iterator[None]:
    attacker = _segment(lab)
    yield
    lab.run(attacker, "nmap", "-n", "-sS", "--top-ports", "200", SERVER)


def ping(lab: Lab) -> Iterator[None]:
    """In its own subnet nmap uses ARP."""
    attacker = _segment(lab)
    yield
    lab.run(attacker, "nmap", "-n", "-sn", "10.20.10.0/25")


def ping_far(lab: Lab) -> Iterator[None]:
    """A ping sweep of another internal subnet, with a few SYNs."""
    attacker = _segment(lab)
    for last in (4, 9):
        lab.external(f"far-{last}", f"10.20.30.{last}")
    yield
    lab.run(attacker, "nmap", "-n", "-sn", "-PE", "--max-retries", "1", "10.20.30.0/25")


def sweep(lab: Lab) -> Iterator[None]:
    """One port of a whole subnet."""
    attacker = _segment(lab)
    lab.external("far-4", "10.20.30.4")
    yield
    lab.run(attacker, "nmap", "-n", "-Pn", "-sS", "-p", "445", "--max-retries", "1", "10.20.30.0/26")


def version(lab: Lab) -> Iterator[None]:
    attacker = _segment(lab)
    yield
    lab.run(attacker, "nmap", "-n", "-sV", "-p", "21,22,80", "--script", "http-title,http-methods", SERVER)


def system(lab: Lab) -> Iterator[None]:
    attacker = _segment(lab)
    yield
    lab.run(attacker, "nmap", "-n", "-O", "-p", "22,81", "--max-os-tries", "1", SERVER)


def null(lab: Lab) -> Iterator[None]:
    """Null and Xmas scans."""
    attacker = _segment(lab)
    yield
    for kind in ("-sN", "-sX"):
        lab.run(attacker, "nmap", "-n", kind, "-p", "20-60", SERVER)


if __name__ == "__main__":
    record(
        Path(__file__).parent,
        nmap_connect=connect,
        nmap_syn=syn,
        nmap_ping=ping,
        nmap_ping_far=ping_far,
        nmap_sweep=sweep,
        nmap_version=version,
        nmap_system=system,
        nmap_null=null,
    )
