"""Makes a week of a large office, in small: five hundred machines, all hours of seven days, few packets each. Run it as
``python -m pcaps.week FILE``.

Too large to be kept, and made again in half a minute: the same bytes on every run. People work from Monday to Friday
and print, telephone, fetch files; guests come with new MACs; the nights belong to backups. Ten things happen that
should not; they stand in ``PLANTED``, and what they are in _week_attacks.py.
"""

from __future__ import annotations

import sys
from itertools import cycle
from pathlib import Path

from pcaps import _office_speech as speech
from pcaps import _week_speech as said
from pcaps._craft import Machine
from pcaps._office_calls import Exchange
from pcaps._office_hosts import Inhabitant
from pcaps._week_attacks import PLANTED, Attacks
from pcaps._week_hosts import GUESTS, ROUTER_MAC, SERVERS, Company, company, guests
from pcaps._week_press import Press

START = 1795392000  # 2026-11-23 00:00:00 UTC, a Monday
HOUR, DAY = 3600.0, 86400.0
DAYS, WORKDAYS = 7, 5
GUESTS_A_DAY = 30
ROUNDS_H = 6  # hours between two looks of the monitoring


class Week:
    """The week in the order in which it is told; the press sorts by time."""

    def __init__(self, days: int = DAYS) -> None:
        self.days = days
        self.press = Press(START, ROUTER_MAC, SERVERS)
        self.company: Company = company()
        self.outside: dict[str, Machine] = {}
        self.time = Machine("ntp", "", "198.51.100.123", far=True, ttl=52)
        self.exchange = Exchange(self.press, self.company.servers["pbx01"])

    def server(self, name: str) -> Machine:
        return self.company.servers[name]

    def cloud(self, name: str) -> Machine:
        """A server outside, by name."""
        if name not in self.outside:
            self.outside[name] = Machine(name, "", f"198.51.100.{10 + len(self.outside)}", far=True, ttl=52)
        return self.outside[name]

    def gateway(self, host: Machine) -> Machine:
        return self.company.routers[host.vlan]

    def tell(self) -> Press:
        for day in range(self.days):
            self.infrastructure(day)
            self.monitoring(day)
            self.night(day)
            for order, one in enumerate(self.company.everybody()):
                self.living(one, day, order)
            for order, one in enumerate((*self.company.printers, *self.company.cameras, *self.company.things)):
                self.thing(one, day, order)
            self.recorder(day)
            self.telephones(day)
            if day < WORKDAYS:
                self.workday(day)
        Attacks(self.press, self.company, self.cloud).tell()
        return self.press

    def infrastructure(self, day: int) -> None:
        """Routers and switches say who they are; servers ask the time, and each other."""
        for hour in range(0, 24, 2):
            at = day * DAY + hour * HOUR + 11
            for order, one in enumerate(self.company.switches):
                kind = 0x000C if one.kind == "access_point" else 0x0004
                text = one.dhcp.vendor.decode() if one.dhcp else "switch"
                speech.lldp(self.press, at + order, one.machine, str(order + 1), one.machine.name, text, kind)
            for order, server in enumerate(self.company.servers.values()):
                self.press.arp(at + 20 + order, server, self.gateway(server))
                speech.ntp(self.press, at + 40 + order, server, self.time)
        for order, one in enumerate(self.company.desks if day < WORKDAYS else ()):
            for step in range(2):  # routers ask again for those whom they serve
                self.press.arp(
                    day * DAY + 8 * HOUR + step * 5 * HOUR + order * 60, self.gateway(one.machine), one.machine
                )
        for hour in (7, 13):
            for order, name in enumerate(("mail01", "intranet", "erp")):
                at = day * DAY + hour * HOUR + order * 31
                self.press.tcp(
                    at,
                    self.server(name),
                    self.server("db01"),
                    5432,
                    [(True, bytes.fromhex("0000000804d2162f")), (False, b"S")],
                    end="fin",
                )
                said.lookup(
                    self.press,
                    at + 5,
                    self.server(name),
                    self.server("dc01"),
                    "files01.office.example",
                    self.server("files01").ip,
                )

    def monitoring(self, day: int) -> None:
        """Pings, SNMP and pages of everything that does not move."""
        monitor = self.server("monitor01")
        watched = [*self.company.switches, *self.company.printers]
        for hour in range(0, 24, ROUNDS_H):
            at = day * DAY + hour * HOUR + 600
            for order, one in enumerate(watched):
                self.press.ping(at + order, monitor, one.machine, hour)
                said.snmp(
                    self.press,
                    at + order + 0.1,
                    monitor,
                    one.machine,
                    (one.services[0][1] if one.services else one.machine.name).encode()[:60],
                )
            for order, server in enumerate(self.company.servers.values()):
                if server is not monitor:
                    self.press.ping(at + 100 + order, monitor, server, hour)
            for order, name in enumerate(("intranet", "erp", "mail01")):
                said.knock(self.press, at + 150 + order, monitor, self.server(name))

    def night(self, day: int) -> None:
        """The backup server goes round at one o'clock, by its own agent; and by SSH where there is none."""
        backup = self.server("backup01")
        for order, name in enumerate(("files01", "files02", "mail01", "db01", "intranet", "erp", "dc01", "dc02")):
            said.copy(self.press, day * DAY + HOUR + order * 240, backup, self.server(name), 10050, 60_000)
        for order, name in enumerate(("pbx01", "nvr01", "prints01")):
            said.ssh(self.press, day * DAY + 2 * HOUR + order * 300, backup, self.server(name), 4, 1400)
        for order in range(2):
            said.https(
                self.press,
                day * DAY + 3 * HOUR + order * 300,
                backup,
                self.gateway(backup),
                self.cloud("vault.backup.example"),
                up=12_000,
                down=900,
            )

    def living(self, one: Inhabitant, day: int, order: int) -> None:
        """Leases: who works here comes in the morning, what hangs on the wall renews; the time, and the way out."""
        host, gateway = one.machine, self.gateway(one.machine)
        works = one.kind == "workstation"
        if works and day >= WORKDAYS:
            return
        at = day * DAY + (7.5 * HOUR + order * 17 if works else 4 * HOUR + order * 5)
        if one.dhcp:
            d = one.dhcp
            options = speech.dhcp_options(
                host, wants=d.wants, vendor=d.vendor, hostname=d.hostname, size=d.size, fqdn=d.fqdn
            )
            if day == 0:
                speech.lease(self.press, at, host, gateway, options)
            else:
                speech.renew(self.press, at, host, gateway, options)
        self.press.arp(at + 2, host, gateway)
        speech.ntp(self.press, at + 3, host, self.time)
        if one.services:
            speech.announce(self.press, at + 4, host, one.mdns, one.services)

    def thing(self, one: Inhabitant, day: int, order: int) -> None:
        """What hangs on the wall calls its maker, twice a day and at its own time; and shows itself."""
        for half in range(2):
            at = day * DAY + half * 12 * HOUR + 1800 + order * 97 + one.machine.rng.random() * 600
            for name in one.cloud:
                said.https(self.press, at, one.machine, self.gateway(one.machine), self.cloud(name), up=420, down=900)
            if one.ssdp:
                target, path, server = one.ssdp
                speech.notify(self.press, at + 30, one.machine, target, f"http://{one.machine.ip}:{path}", server)

    def recorder(self, day: int) -> None:
        """The recorder opens its streams anew, once a day."""
        recorder = self.server("nvr01")
        for order, one in enumerate(self.company.cameras):
            server = "GStreamer RTSP server" if order % 2 == 0 else "Rtsp Server/3.0"
            path = "axis-media/media.amp" if order % 2 == 0 else "Streaming/Channels/101"
            said.watch(self.press, day * DAY + 5 * HOUR + order * 20, recorder, one.machine, path, server)

    def telephones(self, day: int) -> None:
        """Registrations all day; calls while people are there."""
        phones = self.company.phones
        for order, one in enumerate(phones):
            extension, agent = one.sip or ("", "")
            for hour in range(0, 24, 6):
                self.exchange.register(day * DAY + hour * HOUR + 900 + order * 7.3, one.machine, extension, agent)
            self.exchange.qualify(day * DAY + 12 * HOUR + order * 3.1, one.machine, extension, agent)
        for number in range(24 if day < WORKDAYS else 2):
            ends = [phones[(number * 5 + day * 3 + shift) % len(phones)] for shift in (0, 17)]
            talk = [(one.machine, *(one.sip or ("", ""))) for one in ends]
            self.exchange.call(day * DAY + 8.2 * HOUR + number * 1100, talk[0], talk[1], 0.5)

    def workday(self, day: int) -> None:
        """Mail, pages, files and prints; the administrator's rounds; guests. On Wednesday everybody's system is
        renewed.
        """
        for order, one in enumerate(self.company.desks):
            self.desk(one, day, order)
        jump, admin = self.server("jump01"), self.company.desks[0].machine
        for hour in (9.5, 14.5):
            at = day * DAY + hour * HOUR
            said.ssh(self.press, at, admin, jump, 6)
            for order, name in enumerate(("files01", "mail01", "db01", "intranet")):
                said.ssh(self.press, at + 120 + order * 180, jump, self.server(name), 5)
            said.rdp(self.press, at + 1500, admin, self.server("dc01"))
        for order, one in enumerate(guests(day, GUESTS_A_DAY)):
            self.guest(one, day, order)
        self.small_things(day, admin)

    def small_things(self, day: int, admin: Machine) -> None:
        """Help for two colleagues at their own screens; printers put what they scanned on the file server; the systems
        pass updates on to each other.
        """
        desks = self.company.desks
        for order in range(2):
            said.rdp(self.press, day * DAY + 11 * HOUR + order * 2900, admin, desks[(30 + day * 2 + order) * 3].machine)
        for order, one in enumerate(self.company.printers[:8]):
            speech.smb_session(
                self.press,
                day * DAY + 10 * HOUR + order * 1300,
                one.machine,
                self.server("files01"),
                "scans",
                1500,
                user="scans",
                windows=False,
            )
        for order, one in enumerate(desks if day == 2 else ()):
            for step in range(3):
                peer = desks[(order + 3 * (step + 1) * 7) % len(desks)].machine
                self.press.probe(
                    day * DAY + 12 * HOUR + order * 9 + step * 2, one.machine, peer, 7680, "RA" if step else "SA"
                )

    def desk(self, one: Inhabitant, day: int, order: int) -> None:
        host, gateway, rng = one.machine, self.gateway(one.machine), one.machine.rng
        at, names = day * DAY + 8.1 * HOUR + order * 19, cycle(one.cloud)
        said.check(self.press, at - 30, host, gateway, self.cloud("www.msftconnecttest.example"))
        for name in ("wpad.office.example", "printer-old.office.example"):
            said.lookup(self.press, at - 20, host, gateway, name, None)
        if one.services:
            speech.ask(self.press, at + 100, host, "_airplay._tcp", "_ipp._tcp", "_companion-link._tcp")
        for step in range(6):
            when = at + step * 4700 + rng.random() * 1500
            said.https(
                self.press,
                when,
                host,
                gateway,
                self.cloud(next(names)),
                up=200 + rng.getrandbits(9),
                down=800 + rng.getrandbits(11),
            )
        for step, name in enumerate(("intranet", "erp")):
            server = self.server(name)
            talk = [
                (True, speech.client_hello(host, f"{name}.office.example")),
                (False, speech.server_hello(host) + speech.sealed(host, 900)),
                (False, speech.sealed(host, 500)),
            ]
            said.lookup(self.press, at + 400 + step * 3000, host, gateway, f"{name}.office.example", server.ip)
            self.press.tcp(at + 401 + step * 3000, host, server, 443, talk)
        speech.smb_session(
            self.press, at + 900 + rng.random() * 9000, host, self.server(f"files0{1 + order % 2}"), "team", 3000
        )
        if (order + day) % 4 == 0:
            when, printer = (
                at + 2000 + rng.random() * 9000,
                self.company.printers[order % len(self.company.printers)].machine,
            )
            speech.smb_session(self.press, when, host, self.server("prints01"), "spool", 900)
            speech.print_job(self.press, when + 2, self.server("prints01"), printer)
        if (order + day) % 6 == 0:
            self.meeting(at + 5000, host)
        if day == 2:
            said.https(
                self.press, at + 3300, host, gateway, self.cloud("download.windowsupdate.example"), up=300, down=14_000
            )

    def meeting(self, at: float, host: Machine) -> None:
        """A video call through a bridge outside."""
        bridge, port = self.cloud("relay.teams.microsoft.example"), 50_000 + host.rng.getrandbits(5)
        speech.rtp(self.press, at, host, bridge, port, 3480, 20, kind=111, size=120, step=0.02)
        speech.rtp(self.press, at + 0.01, bridge, host, 3480, port, 20, kind=111, size=120, step=0.02)

    def guest(self, one: Inhabitant, day: int, order: int) -> None:
        host, gateway, d = one.machine, self.company.routers[GUESTS], one.dhcp
        at = day * DAY + 9 * HOUR + order * 211
        if d:
            options = speech.dhcp_options(
                host, wants=d.wants, vendor=d.vendor, hostname=d.hostname, size=d.size, fqdn=d.fqdn
            )
            at = speech.lease(self.press, at, host, gateway, options)
        for step in range(4):
            said.https(
                self.press,
                at + 5 + step * 400,
                host,
                gateway,
                self.cloud(one.cloud[0] if step % 2 else "www.news.example"),
                down=2000,
            )


def main(path: Path, days: int = DAYS) -> None:
    """The week, or its first days with all that is planted in it."""
    Week(days).tell().write(path, "pcaps/week.py")


__all__ = ["PLANTED", "START", "Week", "main"]

if __name__ == "__main__":
    main(Path(sys.argv[1]))
