"""DHCP clients lease addresses from dnsmasq, with the vendor classes and host names of devices. Needs dnsmasq, udhcpc,
dhcpcd-base, isc-dhcp-client.

Run it as ``python -m pcaps.lab.emulated.leases``. The three clients differ in the order and format of their options.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pcaps.lab._lab import Host, Lab, record


def _dhcp_server(lab: Lab) -> None:
    server = lab.host("leases", "10.20.10.2")
    settings = (
        "--dhcp-range=10.20.10.100,10.20.10.150,1h",
        "--dhcp-option=3,10.20.10.1",
        "--dhcp-option=42,10.20.10.1",
        "--domain=office.example",
    )
    files = (
        f"--dhcp-leasefile={lab.folder / 'leases'}",
        "--conf-file=/dev/null",
        "--pid-file=",
        "--user=root",
        "--no-ping",
    )
    lab.start(
        server,
        "dnsmasq",
        "--keep-in-foreground",
        "--port=0",
        "--interface=eth0",
        *settings,
        *files,
        port=67,
        proto="udp",
    )


def udhcpc(lab: Lab, host: Host, vendor: str, *options: str) -> None:
    """udhcpc of BusyBox, the client of most embedded devices."""
    lab.run(host, "udhcpc", "-f", "-q", "-n", "-i", "eth0", "-s", "/bin/true", "-V", vendor, *options)


def dhclient(lab: Lab, host: Host, *lines: str) -> None:
    """dhclient of ISC, with a configuration of a few lines."""
    settings = lab.folder / f"{host.name}.dhclient"
    settings.write_text("".join(f"{line};\n" for line in lines), encoding="ascii")
    files = (
        "-lf",
        str(lab.folder / f"{host.name}.leases"),
        "-pf",
        str(lab.folder / f"{host.name}.pid"),
        "-sf",
        "/bin/true",
    )
    lab.run(host, "timeout", "8", "dhclient", "-4", "-d", "-1", "-cf", str(settings), *files, "eth0")


def dhcpcd(lab: Lab, host: Host, *lines: str) -> None:
    """dhcpcd, the client of old Android versions and of many Linux devices, with a configuration of a few lines."""
    settings = lab.folder / f"{host.name}.dhcpcd"
    settings.write_text(
        "".join(f"{line}\n" for line in ("ipv4only", "noipv4ll", "noarp", "nohook resolv.conf", *lines)),
        encoding="ascii",
    )
    lab.run(host, "timeout", "8", "dhcpcd", "-B", "-1", "-f", str(settings), "-c", "/bin/true", "eth0")


def leases(lab: Lab) -> Iterator[None]:
    _dhcp_server(lab)
    macs = {
        "camera": "ac:cc:8e:5e:60:01",
        "recorder": "24:48:45:5e:60:02",
        "telephone": "34:75:c7:5e:60:03",
        "conference": "64:16:7f:5e:60:04",
        "printer": "80:ce:62:5e:60:05",
        "television": "58:fd:b1:5e:60:06",
        "laptop": "d8:bb:c1:5e:60:07",
    }
    hosts = {name: lab.host(name, "", mac, address=False) for name, mac in macs.items()}
    yield
    udhcpc(
        lab,
        hosts["camera"],
        "AXIS,Network Camera,P3245-LV,10.12.130",
        "-x",
        "hostname:axis-accc8e5e6001",
        "-O",
        "bootfile",
        "-O",
        "121",
    )
    udhcpc(lab, hosts["recorder"], "udhcp 1.24.1", "-x", "hostname:HIKVISION")
    parameters = (
        "request subnet-mask, routers, domain-name-servers, domain-name, host-name, log-servers, "
        "vendor-encapsulated-options"
    )
    dhclient(
        lab,
        hosts["telephone"],
        'send vendor-class-identifier "ccp.avaya.com"',
        'send host-name "AVX5E6003"',
        parameters,
    )
    polycom = (
        'send vendor-class-identifier "Polycom-VVX411"',
        "request subnet-mask, broadcast-address, tftp-server-name, ntp-servers, domain-name-servers",
    )
    dhclient(lab, hosts["conference"], *polycom)
    dhcpcd(lab, hosts["printer"], "vendorclassid Hewlett-Packard LaserJet", "hostname NPI5E6005")
    dhcpcd(lab, hosts["television"], "vendorclassid dhcpcd-6.8.2:Linux-4.4.84:aarch64:LG1211", "hostname LGwebOSTV")
    dhclient(lab, hosts["laptop"], 'send host-name "tp-lab"')


if __name__ == "__main__":
    record(Path(__file__).parent, leases=leases)
