"""Devices of the large office in seven VLANs: copies of the devices of the small office, servers, and guests with
randomized MAC addresses.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from pcaps import _office_hosts as office
from pcaps._capture import Host
from pcaps._office_hosts import ANDROID, APPLE, WINDOWS, Device, Dhcp

ROUTER_MAC = "74:83:c2:20:00:01"
FLOORS, VOICE, IOT, SERVERS, GUESTS = (101, 102, 103), 20, 40, 50, 60
NETS = {
    101: "10.30.1",
    102: "10.30.2",
    103: "10.30.3",
    VOICE: "10.30.20",
    IOT: "10.30.40",
    SERVERS: "10.30.50",
    GUESTS: "10.30.60",
}
# Name and last octet of the address of each server.
SERVER_NAMES = {
    "dc01": 10, "dc02": 11, "files01": 15, "files02": 16, "prints01": 20, "mail01": 25, "intranet": 26, "erp": 27,
    "db01": 30, "backup01": 35,
    "monitor01": 36, "jump01": 37, "pbx01": 40, "nvr01": 45,
}  # fmt: skip
OUIS = ("88:b1:11", "a4:bb:6d", "8c:ec:4b", "d8:bb:c1", "54:ee:75")


@dataclass
class Company:
    """Devices by role."""

    routers: dict[int, Host]
    servers: dict[str, Host]
    workstations: list[Device] = field(default_factory=list)
    phones: list[Device] = field(default_factory=list)
    printers: list[Device] = field(default_factory=list)
    cameras: list[Device] = field(default_factory=list)
    iot_devices: list[Device] = field(default_factory=list)
    switches: list[Device] = field(default_factory=list)

    def all_devices(self) -> list[Device]:
        return [*self.switches, *self.workstations, *self.phones, *self.printers, *self.cameras, *self.iot_devices]


class AddressPlan:
    """Assigns IP and MAC addresses in each VLAN."""

    def __init__(self) -> None:
        self.rng = random.Random("week")
        self.last = dict.fromkeys(NETS, 19)

    def host(self, name: str, oui: str, vlan: int, ttl: int = 64) -> Host:
        self.last[vlan] += 1
        mac = f"{oui}:{self.rng.getrandbits(8):02x}:{self.rng.getrandbits(8):02x}:{self.last[vlan]:02x}"
        return Host(name, mac, f"{NETS[vlan]}.{self.last[vlan]}", vlan=vlan, ttl=ttl)

    def copy_of(self, device: Device, number: int, vlan: int) -> Device:
        """A copy of a device with its own name and MAC address, and serial numbers derived from it."""
        original = device.host
        name = f"{original.name}-{number:03d}"
        new = self.host(name, original.mac[:8], vlan, original.ttl)
        parts = (
            (original.hex.upper(), new.hex.upper()),
            (original.hex, new.hex),
            (original.hex[6:].upper(), new.hex[6:].upper()),
            (original.hex[6:], new.hex[6:]),
        )

        def renamed(text: str) -> str:
            for before, after in parts:
                text = text.replace(before, after)
            return text

        dhcp = device.dhcp and replace(
            device.dhcp,
            hostname=renamed(device.dhcp.hostname)
            if original.hex[6:].upper() in device.dhcp.hostname.upper()
            else f"{device.dhcp.hostname}-{number}",
        )
        services = [
            (kind, f"{renamed(title)} {number}", port, {key: renamed(value) for key, value in txt.items()})
            for kind, title, port, txt in device.services
        ]
        sip = device.sip and (str(2000 + number), device.sip[1])
        return replace(
            device,
            host=new,
            dhcp=dhcp,
            mdns=f"{renamed(device.mdns)}-{number}" if device.mdns else "",
            services=services,
            sip=sip,
        )

    def copies(self, originals: list[Device], count: int, vlan: int) -> list[Device]:
        return [self.copy_of(originals[number % len(originals)], number, vlan) for number in range(count)]

    def workstation(self, number: int, vlan: int) -> Device:
        """Two of three workstations run Windows, the others are Macs."""
        oui = OUIS[number % len(OUIS)]
        office_names = (
            "outlook.office365.example",
            "teams.microsoft.example",
            "www.news.example",
            "cdn.news.example",
            "login.microsoftonline.example",
        )
        if number % 3 < 2:
            host = self.host(f"PC-{number:04d}", oui, vlan, 128)
            return Device(host, "workstation", Dhcp(WINDOWS, b"MSFT 5.0", host.name, fqdn=True), cloud=office_names)
        host = self.host(f"Mac-{number:04d}", "3c:22:fb", vlan)
        service = (
            "_companion-link._tcp",
            f"Mac {number}",
            49152,
            {"rpMd": "MacBookPro18,1", "rpVr": "530.6", "rpFl": "0x20000"},
        )
        dhcp = Dhcp((*APPLE, 95, 44, 46), b"", host.name, 1500)
        return Device(host, "workstation", dhcp, host.name, [service], cloud=("www.icloud.example", *office_names))


def company() -> Company:
    """The 500 devices, without guests."""
    plan = AddressPlan()
    routers = {vlan: Host(f"router-{vlan}", ROUTER_MAC, f"{net}.1", vlan=vlan) for vlan, net in NETS.items()}
    servers = {
        name: Host(
            name,
            f"00:50:56:9a:10:{last:02x}",
            f"{NETS[SERVERS]}.{last}",
            vlan=SERVERS,
            ttl=128 if name[:2] == "dc" else 64,
        )
        for name, last in SERVER_NAMES.items()
    }
    result = Company(routers, servers)
    for number in range(300):
        result.workstations.append(plan.workstation(number, FLOORS[number % 3]))
    result.phones = plan.copies(
        [*office.phones(), *(device for device in office.conferencing() if device.sip)], 80, VOICE
    )
    result.printers = plan.copies(office.printers(), 30, IOT)
    result.cameras = plan.copies(office.cameras(), 40, IOT)
    result.iot_devices = plan.copies([*office.screens(), *office.iot_devices()], 24, IOT)
    result.switches = plan.copies(
        [device for device in office.infrastructure() if device.kind in {"switch", "access_point"}], 12, IOT
    )
    return result


def guests(day: int, count: int) -> list[Device]:
    """Mobile devices with randomized MAC addresses, different each day."""
    result = []
    for number in range(count):
        rng = random.Random(f"guest-{day}-{number}")
        mac = f"{rng.getrandbits(8) & 0xFC | 2:02x}:" + ":".join(f"{rng.getrandbits(8):02x}" for _ in range(5))
        host = Host(f"guest-{day}-{number}", mac, f"{NETS[GUESTS]}.{20 + number + day % 2 * 60}", vlan=GUESTS)
        is_apple = number % 2
        dhcp = (
            Dhcp(APPLE, b"", "iPhone", 1500)
            if is_apple
            else Dhcp(ANDROID, b"android-dhcp-14", f"Galaxy-{number}", 1500)
        )
        result.append(
            Device(
                host, "mobile", dhcp, cloud=("gateway.icloud.example",) if is_apple else ("play.googleapis.example",)
            )
        )
    return result
