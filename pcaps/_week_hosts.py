"""Who lives in the large office: the inhabitants of the small one, many times over, on five kinds of segments; servers;
guests whose MACs are made up.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from pcaps import _office_hosts as office
from pcaps._craft import Machine
from pcaps._office_hosts import ANDROID, APPLE, WINDOWS, Dhcp, Inhabitant

ROUTER_MAC = "74:83:c2:20:00:01"
FLOORS, VOICE, THINGS, SERVERS, GUESTS = (101, 102, 103), 20, 40, 50, 60
NETS = {
    101: "10.30.1",
    102: "10.30.2",
    103: "10.30.3",
    VOICE: "10.30.20",
    THINGS: "10.30.40",
    SERVERS: "10.30.50",
    GUESTS: "10.30.60",
}
# Names of servers, their last part, and what they answer on.
SERVER_NAMES = {
    "dc01": 10, "dc02": 11, "files01": 15, "files02": 16, "prints01": 20, "mail01": 25, "intranet": 26, "erp": 27,
    "db01": 30, "backup01": 35,
    "monitor01": 36, "jump01": 37, "pbx01": 40, "nvr01": 45,
}  # fmt: skip
MAKERS = ("88:b1:11", "a4:bb:6d", "8c:ec:4b", "d8:bb:c1", "54:ee:75")


@dataclass
class Company:
    """Everybody, by what they are to the story."""

    routers: dict[int, Machine]
    servers: dict[str, Machine]
    desks: list[Inhabitant] = field(default_factory=list)
    phones: list[Inhabitant] = field(default_factory=list)
    printers: list[Inhabitant] = field(default_factory=list)
    cameras: list[Inhabitant] = field(default_factory=list)
    things: list[Inhabitant] = field(default_factory=list)
    switches: list[Inhabitant] = field(default_factory=list)

    def everybody(self) -> list[Inhabitant]:
        return [*self.switches, *self.desks, *self.phones, *self.printers, *self.cameras, *self.things]


class Settling:
    """Gives out addresses and MACs, segment by segment."""

    def __init__(self) -> None:
        self.rng = random.Random("week")
        self.last = dict.fromkeys(NETS, 19)

    def machine(self, name: str, maker: str, vlan: int, ttl: int = 64) -> Machine:
        self.last[vlan] += 1
        mac = f"{maker}:{self.rng.getrandbits(8):02x}:{self.rng.getrandbits(8):02x}:{self.last[vlan]:02x}"
        return Machine(name, mac, f"{NETS[vlan]}.{self.last[vlan]}", vlan=vlan, ttl=ttl)

    def again(self, one: Inhabitant, number: int, vlan: int) -> Inhabitant:
        """Another of the same make: its own name, MAC and serials where they hold the MAC."""
        old = one.machine
        name = f"{old.name}-{number:03d}"
        new = self.machine(name, old.mac[:8], vlan, old.ttl)
        parts = (
            (old.hex.upper(), new.hex.upper()),
            (old.hex, new.hex),
            (old.hex[6:].upper(), new.hex[6:].upper()),
            (old.hex[6:], new.hex[6:]),
        )

        def renamed(text: str) -> str:
            for before, after in parts:
                text = text.replace(before, after)
            return text

        dhcp = one.dhcp and replace(
            one.dhcp,
            hostname=renamed(one.dhcp.hostname)
            if old.hex[6:].upper() in one.dhcp.hostname.upper()
            else f"{one.dhcp.hostname}-{number}",
        )
        services = [
            (kind, f"{renamed(title)} {number}", port, {key: renamed(value) for key, value in txt.items()})
            for kind, title, port, txt in one.services
        ]
        sip = one.sip and (str(2000 + number), one.sip[1])
        return replace(
            one,
            machine=new,
            dhcp=dhcp,
            mdns=f"{renamed(one.mdns)}-{number}" if one.mdns else "",
            services=services,
            sip=sip,
        )

    def many(self, some: list[Inhabitant], count: int, vlan: int) -> list[Inhabitant]:
        return [self.again(some[number % len(some)], number, vlan) for number in range(count)]

    def desk(self, number: int, vlan: int) -> Inhabitant:
        """Two of three run Windows, the others are Macs."""
        maker = MAKERS[number % len(MAKERS)]
        office_names = (
            "outlook.office365.example",
            "teams.microsoft.example",
            "www.news.example",
            "cdn.news.example",
            "login.microsoftonline.example",
        )
        if number % 3 < 2:
            machine = self.machine(f"PC-{number:04d}", maker, vlan, 128)
            return Inhabitant(
                machine, "workstation", Dhcp(WINDOWS, b"MSFT 5.0", machine.name, fqdn=True), cloud=office_names
            )
        machine = self.machine(f"Mac-{number:04d}", "3c:22:fb", vlan)
        service = (
            "_companion-link._tcp",
            f"Mac {number}",
            49152,
            {"rpMd": "MacBookPro18,1", "rpVr": "530.6", "rpFl": "0x20000"},
        )
        dhcp = Dhcp((*APPLE, 95, 44, 46), b"", machine.name, 1500)
        return Inhabitant(
            machine, "workstation", dhcp, machine.name, [service], cloud=("www.icloud.example", *office_names)
        )


def company() -> Company:
    """Five hundred of them, guests not counted."""
    settle = Settling()
    routers = {vlan: Machine(f"router-{vlan}", ROUTER_MAC, f"{net}.1", vlan=vlan) for vlan, net in NETS.items()}
    servers = {
        name: Machine(
            name,
            f"00:50:56:9a:10:{last:02x}",
            f"{NETS[SERVERS]}.{last}",
            vlan=SERVERS,
            ttl=128 if name[:2] == "dc" else 64,
        )
        for name, last in SERVER_NAMES.items()
    }
    made = Company(routers, servers)
    for number in range(300):
        made.desks.append(settle.desk(number, FLOORS[number % 3]))
    made.phones = settle.many([*office.phones(), *(one for one in office.rooms() if one.sip)], 80, VOICE)
    made.printers = settle.many(office.printers(), 30, THINGS)
    made.cameras = settle.many(office.cameras(), 40, THINGS)
    made.things = settle.many([*office.screens(), *office.things()], 24, THINGS)
    made.switches = settle.many(
        [one for one in office.infrastructure() if one.kind in {"switch", "access_point"}], 12, THINGS
    )
    return made


def guests(day: int, count: int) -> list[Inhabitant]:
    """Phones that show a made-up MAC, another one each day."""
    made = []
    for number in range(count):
        rng = random.Random(f"guest-{day}-{number}")
        mac = f"{rng.getrandbits(8) & 0xFC | 2:02x}:" + ":".join(f"{rng.getrandbits(8):02x}" for _ in range(5))
        machine = Machine(f"guest-{day}-{number}", mac, f"{NETS[GUESTS]}.{20 + number + day % 2 * 60}", vlan=GUESTS)
        apple = number % 2
        dhcp = (
            Dhcp(APPLE, b"", "iPhone", 1500) if apple else Dhcp(ANDROID, b"android-dhcp-14", f"Galaxy-{number}", 1500)
        )
        made.append(
            Inhabitant(
                machine, "mobile", dhcp, cloud=("gateway.icloud.example",) if apple else ("play.googleapis.example",)
            )
        )
    return made
