"""Benign traffic of IT operations that resembles attacks: monitoring, backup, vulnerability scanner, jump host,
software updates. Needs iputils-ping, snmp, curl, openssh-server, rsync, nmap, wget.

Run it as ``python -m pcaps.lab.benign.operations [SCENE...]``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from pcaps.lab._lab import Host, Lab, record
from pcaps.lab._programs import ssh, ssh_server

SERVER, SCANNER = "10.20.10.9", "10.20.10.8"
HOSTS = 24


def _hosts(lab: Lab, count: int) -> list[Host]:
    return [lab.host(f"host-{number}", f"10.20.10.{100 + number}") for number in range(count)]


def monitoring(lab: Lab) -> Iterator[None]:
    """Three rounds of pings, SNMP and HTTP checks of 24 hosts and of two hosts that are down."""
    hosts = _hosts(lab, HOSTS)
    for number, host in enumerate(hosts):
        lab.serve(host, "agent", host.name, port=161, proto="udp")
        if number % 3 == 0:
            lab.serve(host, "pages", port=80)
    server = lab.host("monitor", SERVER)
    yield
    for _ in range(3):
        for number in range(HOSTS + 2):
            ip = f"10.20.10.{100 + number}"
            lab.run(server, "ping", "-c", "1", "-W", "1", ip)
            lab.run(server, "snmpget", "-v2c", "-c", "public", "-t", "1", "-r", "0", ip, "1.3.6.1.2.1.1.1.0")
            if number % 3 == 0:
                lab.run(
                    server,
                    "curl",
                    "-s",
                    "-m",
                    "1",
                    "-o",
                    "/dev/null",
                    "-A",
                    "check_http/v2.4.0 (monitoring-plugins 2.4.0)",
                    f"http://{ip}/",
                )
        time.sleep(2)


def backup(lab: Lab) -> Iterator[None]:
    """rsync over SSH copies files of six servers, one after the other."""
    hosts, server = _hosts(lab, 6), lab.host("backup", SERVER)
    files = lab.folder / "files"
    files.mkdir()
    for number in range(6):
        (files / f"report-{number}.bin").write_bytes(bytes(range(256)) * 12)
    for host in hosts:
        ssh_server(lab, host)
    yield
    shell = (
        f"ssh -i {lab.folder / 'keys' / 'client'} -oStrictHostKeyChecking=no "
        "-oUserKnownHostsFile=/dev/null -oBatchMode=yes"
    )
    for host in hosts:
        lab.run(server, "rsync", "-rW", "-e", shell, f"root@{host.ip}:{files}/", f"{lab.folder}/kept-{host.name}/")


def jump_host(lab: Lab) -> Iterator[None]:
    """An administrator connects to a jump host, and from there to four servers."""
    hosts, jump, workstation = _hosts(lab, 4), lab.host("jump", SERVER), lab.host("admin", "10.20.10.31")
    for host in (*hosts, jump):
        ssh_server(lab, host)
    yield
    for host in hosts:
        ssh(lab, workstation, jump, "uptime; sleep 1")
        ssh(lab, jump, host, "uptime; df -h; sleep 1")


def scanner(lab: Lab) -> Iterator[None]:
    """A vulnerability scanner with the role ``scanner``: hosts, ports, versions, operating systems."""
    hosts = _hosts(lab, 3)
    for host in hosts:
        ssh_server(lab, host)
        lab.serve(host, "pages", port=80)
    server = lab.host("scanner", SCANNER)
    yield
    lab.run(server, "nmap", "-n", "-sn", "10.20.10.64/26")
    lab.run(
        server,
        "nmap",
        "-n",
        "-sS",
        "-sV",
        "-O",
        "-p",
        "20-60,80,443,445",
        "--script",
        "http-methods",
        *(host.ip for host in hosts),
    )


def updates(lab: Lab) -> Iterator[None]:
    """Four hosts download packages and an installer from vendor servers."""
    mirrors = [lab.external("mirror", "198.51.100.40"), lab.external("vendor", "198.51.100.41")]
    for mirror in mirrors:
        lab.serve(mirror, "pages", port=80)
    hosts = _hosts(lab, 4)
    yield
    package, installer = "debian/pool/main/o/openssl/lib-%d.deb", "software/Setup-9000.exe"
    requested = [("Debian APT-HTTP/1.3 (3.0.3)", f"198.51.100.40/{package % (6000 + number)}") for number in range(3)]
    requested.append(("Microsoft BITS/7.8", f"198.51.100.41/{installer}"))
    for host in hosts:
        for agent, place in requested:
            lab.run(host, "wget", "-q", "-O", "/dev/null", "-U", agent, f"http://{place}")


if __name__ == "__main__":
    record(
        Path(__file__).parent,
        monitoring=monitoring,
        backup=backup,
        jump_host=jump_host,
        scanner=scanner,
        updates=updates,
    )
