"""Generates a week of an office with 500 devices, with few packets per device: ``python -m pcaps.week FILE``.

The capture is too large to be committed. It is generated in half a minute, byte-identical on every run. Users work from
Monday to Friday: they print, call and open files. Guests have new MAC addresses each day. Backups run at night. The
eleven attacks are listed in ``PLANTED`` of _week_attacks.py.
"""

from __future__ import annotations

import sys
from itertools import cycle
from pathlib import Path

from pcaps import _office_traffic as office
from pcaps import _week_traffic as traffic
from pcaps._capture import Host
from pcaps._frame_writer import PackedCapture
from pcaps._office_calls import Pbx
from pcaps._office_hosts import Device
from pcaps._week_attacks import PLANTED, Attacks
from pcaps._week_hosts import GUESTS, ROUTER_MAC, SERVERS, Company, company, guests

START = 1795392000  # 2026-11-23 00:00:00 UTC, a Monday
HOUR, DAY = 3600.0, 86400.0
DAYS, WORKDAYS = 7, 5
GUESTS_A_DAY = 30
ROUNDS_H = 6  # hours between rounds of the monitoring


class Week:
    """Generates traffic by topic; the capture sorts frames by time."""

    def __init__(self, days: int = DAYS) -> None:
        self.days = days
        self.capture = PackedCapture(START, ROUTER_MAC, SERVERS)
        self.company: Company = company()
        self.external: dict[str, Host] = {}
        self.time = Host("ntp", "", "198.51.100.123", remote=True, ttl=52)
        self.pbx = Pbx(self.capture, self.company.servers["pbx01"])

    def server(self, name: str) -> Host:
        return self.company.servers[name]

    def cloud(self, name: str) -> Host:
        """An external server, by name."""
        if name not in self.external:
            self.external[name] = Host(name, "", f"198.51.100.{10 + len(self.external)}", remote=True, ttl=52)
        return self.external[name]

    def gateway(self, host: Host) -> Host:
        return self.company.routers[host.vlan]

    def generate(self) -> PackedCapture:
        for day in range(self.days):
            self.infrastructure(day)
            self.monitoring(day)
            self.backups(day)
            for order, device in enumerate(self.company.all_devices()):
                self.daily_start(device, day, order)
            for order, device in enumerate((*self.company.printers, *self.company.cameras, *self.company.iot_devices)):
                self.iot_device(device, day, order)
            self.recorder(day)
            self.telephones(day)
            if day < WORKDAYS:
                self.workday(day)
        Attacks(self.capture, self.company, self.cloud).generate()
        return self.capture

    def infrastructure(self, day: int) -> None:
        """LLDP of switches and access points; NTP, database connections and lookups of servers."""
        for hour in range(0, 24, 2):
            at = day * DAY + hour * HOUR + 11
            for order, device in enumerate(self.company.switches):
                kind = 0x000C if device.kind == "access_point" else 0x0004
                text = device.dhcp.vendor.decode() if device.dhcp else "switch"
                office.lldp(self.capture, at + order, device.host, str(order + 1), device.host.name, text, kind)
            for order, server in enumerate(self.company.servers.values()):
                self.capture.arp(at + 20 + order, server, self.gateway(server))
                office.ntp(self.capture, at + 40 + order, server, self.time)
        for order, device in enumerate(self.company.workstations if day < WORKDAYS else ()):
            for step in range(2):  # the router renews its ARP cache
                self.capture.arp(
                    day * DAY + 8 * HOUR + step * 5 * HOUR + order * 60, self.gateway(device.host), device.host
                )
        for hour in (7, 13):
            for order, name in enumerate(("mail01", "intranet", "erp")):
                at = day * DAY + hour * HOUR + order * 31
                self.capture.tcp(
                    at,
                    self.server(name),
                    self.server("db01"),
                    5432,
                    [(True, bytes.fromhex("0000000804d2162f")), (False, b"S")],
                    end="fin",
                )
                traffic.lookup(
                    self.capture,
                    at + 5,
                    self.server(name),
                    self.server("dc01"),
                    "files01.office.example",
                    self.server("files01").ip,
                )

    def monitoring(self, day: int) -> None:
        """Pings, SNMP and HTTP checks of infrastructure and printers."""
        monitor = self.server("monitor01")
        monitored = [*self.company.switches, *self.company.printers]
        for hour in range(0, 24, ROUNDS_H):
            at = day * DAY + hour * HOUR + 600
            for order, device in enumerate(monitored):
                self.capture.ping(at + order, monitor, device.host, hour)
                traffic.snmp(
                    self.capture,
                    at + order + 0.1,
                    monitor,
                    device.host,
                    (device.services[0][1] if device.services else device.host.name).encode()[:60],
                )
            for order, server in enumerate(self.company.servers.values()):
                if server is not monitor:
                    self.capture.ping(at + 100 + order, monitor, server, hour)
            for order, name in enumerate(("intranet", "erp", "mail01")):
                traffic.http_check(self.capture, at + 150 + order, monitor, self.server(name))

    def backups(self, day: int) -> None:
        """Backups at 01:00: by agent, or by SSH for servers without an agent; then uploads to a cloud vault."""
        backup = self.server("backup01")
        for order, name in enumerate(("files01", "files02", "mail01", "db01", "intranet", "erp", "dc01", "dc02")):
            traffic.backup_transfer(
                self.capture, day * DAY + HOUR + order * 240, backup, self.server(name), 10050, 60_000
            )
        for order, name in enumerate(("pbx01", "nvr01", "prints01")):
            traffic.ssh(self.capture, day * DAY + 2 * HOUR + order * 300, backup, self.server(name), 4, 1400)
        for order in range(2):
            traffic.https(
                self.capture,
                day * DAY + 3 * HOUR + order * 300,
                backup,
                self.gateway(backup),
                self.cloud("vault.backup.example"),
                up=12_000,
                down=900,
            )

    def daily_start(self, device: Device, day: int, order: int) -> None:
        """DHCP, NTP and announcements: workstations in the morning, fixed-function devices renew their leases."""
        host, gateway = device.host, self.gateway(device.host)
        is_workstation = device.kind == "workstation"
        if is_workstation and day >= WORKDAYS:
            return
        at = day * DAY + (7.5 * HOUR + order * 17 if is_workstation else 4 * HOUR + order * 5)
        if device.dhcp:
            d = device.dhcp
            options = office.dhcp_options(
                host, parameters=d.parameters, vendor=d.vendor, hostname=d.hostname, size=d.size, fqdn=d.fqdn
            )
            if day == 0:
                office.lease(self.capture, at, host, gateway, options)
            else:
                office.renew(self.capture, at, host, gateway, options)
        self.capture.arp(at + 2, host, gateway)
        office.ntp(self.capture, at + 3, host, self.time)
        if device.services:
            office.announce(self.capture, at + 4, host, device.mdns, device.services)

    def iot_device(self, device: Device, day: int, order: int) -> None:
        """Fixed-function devices contact the cloud of their vendor twice a day, and announce themselves."""
        for number in range(2):
            at = day * DAY + number * 12 * HOUR + 1800 + order * 97 + device.host.rng.random() * 600
            for name in device.cloud:
                traffic.https(
                    self.capture, at, device.host, self.gateway(device.host), self.cloud(name), up=420, down=900
                )
            if device.ssdp:
                target, path, server = device.ssdp
                office.notify(self.capture, at + 30, device.host, target, f"http://{device.host.ip}:{path}", server)

    def recorder(self, day: int) -> None:
        """The recorder reopens the streams of the cameras once a day."""
        recorder = self.server("nvr01")
        for order, device in enumerate(self.company.cameras):
            server = "GStreamer RTSP server" if order % 2 == 0 else "Rtsp Server/3.0"
            path = "axis-media/media.amp" if order % 2 == 0 else "Streaming/Channels/101"
            traffic.rtsp_session(self.capture, day * DAY + 5 * HOUR + order * 20, recorder, device.host, path, server)

    def telephones(self, day: int) -> None:
        """Registrations all day, calls in working hours."""
        phones = self.company.phones
        for order, device in enumerate(phones):
            extension, agent = device.sip or ("", "")
            for hour in range(0, 24, 6):
                self.pbx.register(day * DAY + hour * HOUR + 900 + order * 7.3, device.host, extension, agent)
            self.pbx.qualify(day * DAY + 12 * HOUR + order * 3.1, device.host, extension, agent)
        for number in range(24 if day < WORKDAYS else 2):
            ends = [phones[(number * 5 + day * 3 + shift) % len(phones)] for shift in (0, 17)]
            callers = [(device.host, *(device.sip or ("", ""))) for device in ends]
            self.pbx.call(day * DAY + 8.2 * HOUR + number * 1100, callers[0], callers[1], 0.5)

    def workday(self, day: int) -> None:
        """Mail, web, files and print jobs; administration sessions; guests."""
        for order, device in enumerate(self.company.workstations):
            self.workstation(device, day, order)
        jump, admin = self.server("jump01"), self.company.workstations[0].host
        for hour in (9.5, 14.5):
            at = day * DAY + hour * HOUR
            traffic.ssh(self.capture, at, admin, jump, 6)
            for order, name in enumerate(("files01", "mail01", "db01", "intranet")):
                traffic.ssh(self.capture, at + 120 + order * 180, jump, self.server(name), 5)
            traffic.rdp(self.capture, at + 1500, admin, self.server("dc01"))
        for order, device in enumerate(guests(day, GUESTS_A_DAY)):
            self.guest(device, day, order)
        self.support_and_updates(day, admin)

    def support_and_updates(self, day: int, admin: Host) -> None:
        """Remote support of two users, scans of printers to the file server, update sharing between workstations."""
        workstations = self.company.workstations
        for order in range(2):
            traffic.rdp(
                self.capture, day * DAY + 11 * HOUR + order * 2900, admin, workstations[(30 + day * 2 + order) * 3].host
            )
        for order, device in enumerate(self.company.printers[:8]):
            office.smb_session(
                self.capture,
                day * DAY + 10 * HOUR + order * 1300,
                device.host,
                self.server("files01"),
                "scans",
                1500,
                user="scans",
                windows=False,
            )
        for order, device in enumerate(workstations if day == 2 else ()):
            for step in range(3):
                peer = workstations[(order + 3 * (step + 1) * 7) % len(workstations)].host
                self.capture.probe(
                    day * DAY + 12 * HOUR + order * 9 + step * 2, device.host, peer, 7680, "RA" if step else "SA"
                )

    def workstation(self, device: Device, day: int, order: int) -> None:
        host, gateway, rng = device.host, self.gateway(device.host), device.host.rng
        at, names = day * DAY + 8.1 * HOUR + order * 19, cycle(device.cloud)
        traffic.connectivity_check(self.capture, at - 30, host, gateway, self.cloud("www.msftconnecttest.example"))
        for name in ("wpad.office.example", "printer-old.office.example"):
            traffic.lookup(self.capture, at - 20, host, gateway, name, None)
        if device.services:
            office.mdns_query(self.capture, at + 100, host, "_airplay._tcp", "_ipp._tcp", "_companion-link._tcp")
        for step in range(6):
            when = at + step * 4700 + rng.random() * 1500
            traffic.https(
                self.capture,
                when,
                host,
                gateway,
                self.cloud(next(names)),
                up=200 + rng.getrandbits(9),
                down=800 + rng.getrandbits(11),
            )
        for step, name in enumerate(("intranet", "erp")):
            server = self.server(name)
            payloads = [
                (True, office.client_hello(host, f"{name}.office.example")),
                (False, office.server_hello(host) + office.tls_data(host, 900)),
                (False, office.tls_data(host, 500)),
            ]
            traffic.lookup(self.capture, at + 400 + step * 3000, host, gateway, f"{name}.office.example", server.ip)
            self.capture.tcp(at + 401 + step * 3000, host, server, 443, payloads)
        office.smb_session(
            self.capture, at + 900 + rng.random() * 9000, host, self.server(f"files0{1 + order % 2}"), "team", 3000
        )
        if (order + day) % 4 == 0:
            when = at + 2000 + rng.random() * 9000
            printer = self.company.printers[order % len(self.company.printers)].host
            office.smb_session(self.capture, when, host, self.server("prints01"), "spool", 900)
            office.print_job(self.capture, when + 2, self.server("prints01"), printer)
        if (order + day) % 6 == 0:
            self.video_call(at + 5000, host)
        if day == 2:
            traffic.https(
                self.capture,
                at + 3300,
                host,
                gateway,
                self.cloud("download.windowsupdate.example"),
                up=300,
                down=14_000,
            )

    def video_call(self, at: float, host: Host) -> None:
        """A video call through an external relay."""
        bridge, port = self.cloud("relay.teams.microsoft.example"), 50_000 + host.rng.getrandbits(5)
        office.rtp(self.capture, at, host, bridge, port, 3480, 20, kind=111, size=120, step=0.02)
        office.rtp(self.capture, at + 0.01, bridge, host, 3480, port, 20, kind=111, size=120, step=0.02)

    def guest(self, device: Device, day: int, order: int) -> None:
        host, gateway, d = device.host, self.company.routers[GUESTS], device.dhcp
        at = day * DAY + 9 * HOUR + order * 211
        if d:
            options = office.dhcp_options(
                host, parameters=d.parameters, vendor=d.vendor, hostname=d.hostname, size=d.size, fqdn=d.fqdn
            )
            at = office.lease(self.capture, at, host, gateway, options)
        for step in range(4):
            traffic.https(
                self.capture,
                at + 5 + step * 400,
                host,
                gateway,
                self.cloud(device.cloud[0] if step % 2 else "www.news.example"),
                down=2000,
            )


def main(path: Path, days: int = DAYS) -> None:
    """Writes the week, or its first days with all planted attacks."""
    Week(days).generate().write(path, "pcaps/week.py")


__all__ = ["PLANTED", "START", "Week", "main"]

if __name__ == "__main__":
    main(Path(sys.argv[1]))
