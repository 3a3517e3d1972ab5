"""Generates office.pcapng: twenty minutes of an office, as a mirror port sees them. Run it as ``python -m pcaps.office
[FILE]``.

All devices start after a power failure: leases, announcements, registrations. Users read mail, print, open files, and
make calls. Three attacks are planted:

- 08:10: the laptop tp-lab probes port 445 on eighty addresses of the server subnet, then forty ports of the file server
- 08:14: the Axis camera logs in to the file server over SMB and reads from it
- 08:17: the Hikvision camera connects to 203.0.113.66, which is in office.intel.txt, and gets a response

The output is byte-identical on every run: fixed clock, seeded generators, own pcapng writer.
"""

from __future__ import annotations

import sys
from itertools import cycle
from pathlib import Path

from pcaps import _office_traffic as traffic
from pcaps._capture import CLIENT, SERVER, Capture, Host
from pcaps._office_calls import Pbx
from pcaps._office_hosts import ACCESS_POINT, FILES, PBX, ROUTER, ROUTER_VOICE, SWITCH, VOICE, Device, all_devices

START = 1795507200  # 2026-11-24 08:00:00 UTC
DURATION = 1200.0
LISTED = "203.0.113.66"
SERVERS = {
    "intranet.office.example": 4,
    "mail.office.example": 11,
    "wiki.office.example": 17,
    "erp.office.example": 23,
}  # in 10.20.30.0/24, behind the router
SMB_PORT = 445
PORTS = (
    21, 22, 23, 25, 53, 80, 88, 110, 111, 135, 139, 143, 161, 389, 443, 445, 465, 514, 548, 554, 587, 631, 636, 873,
    993, 995, 1433, 1521, 2049, 3260, 3306, 3389, 5000, 5001, 5432, 5900, 6379, 8080, 8443, 9100,
)  # fmt: skip
OPEN_PORTS = (22, 80, 139, 445, 548, 5000, 5001)  # of the file server


class Office:
    """Generates traffic by topic; the capture sorts frames by time."""

    def __init__(self) -> None:
        self.capture = Capture(START, ROUTER.mac)
        self.devices = all_devices()
        self.named = {device.host.name: device for device in self.devices}
        self.external = {name: self._external_host(name, number) for number, name in enumerate(self._cloud_names(), 10)}
        self.time = Host("ntp", "", "198.51.100.123", remote=True, ttl=52)
        self.servers = [Host(name, "", f"10.20.30.{last}", remote=True, ttl=63) for name, last in SERVERS.items()]
        self.pbx = Pbx(self.capture, PBX)

    def _cloud_names(self) -> list[str]:
        return sorted({name for device in self.devices for name in device.cloud})

    def _external_host(self, name: str, number: int) -> Host:
        return Host(name, "", f"198.51.100.{number}", remote=True, ttl=52)

    def host(self, name: str) -> Host:
        return self.named[name].host

    def gateway(self, device: Device) -> Host:
        return ROUTER_VOICE if device.host.vlan == VOICE else ROUTER

    def generate(self) -> Capture:
        self.infrastructure()
        for order, device in enumerate(self.devices):
            self.boot(device, 4.0 + order * 5.3)
        self.telephones()
        self.user_traffic()
        self.scan(600.0)
        self.lateral_movement(840.0)
        self.malicious_contact(1020.0)
        return self.capture

    def infrastructure(self) -> None:
        """Periodic traffic of switch, access point and router."""
        at = 1.0
        while at < DURATION:
            traffic.lldp(
                self.capture,
                at,
                SWITCH,
                "24",
                "sw-1f",
                "Aruba JL253A 2930F-24G-4SFP+ Switch, revision WC.16.10.0019",
                0x0004,
            )
            traffic.lldp(
                self.capture, at + 0.6, ACCESS_POINT, "eth0", "ap-1f", "ArubaOS (MODEL: 515), Version 8.10.0.6", 0x000C
            )
            self.capture.ping(at + 3, ROUTER, FILES, int(at))
            at += 30.0
        for at in range(2, int(DURATION), 200):
            traffic.router_advertisement(self.capture, float(at), ROUTER)

    def boot(self, device: Device, at: float) -> None:
        """A device starts: address, time, announcements, cloud of the vendor; then its periodic traffic."""
        host, gateway = device.host, self.gateway(device)
        if device.ipv6:
            traffic.neighbor_discovery(self.capture, at - 1.5, host)
        if device.dhcp:
            d = device.dhcp
            options = traffic.dhcp_options(
                host, parameters=d.parameters, vendor=d.vendor, hostname=d.hostname, size=d.size, fqdn=d.fqdn
            )
            at = traffic.lease(self.capture, at, host, gateway, options)
            traffic.renew(self.capture, at + 610, host, gateway, options)
        elif host is not ROUTER:
            self.capture.arp(at, host, gateway)
        for i in range(4 if host is not ROUTER else 0):
            traffic.ntp(self.capture, at + 2 + i * 256, host, self.time)
        for i in range(1, 4 if host is not ROUTER else 0):
            self.capture.arp(at + 40 + i * 290, host, gateway)
        self.announce(device, at + 1.1)
        for i, name in enumerate(device.cloud if device.kind != "workstation" else ()):
            for repetition in range(2):
                self.browse(device, at + 5 + i * 3 + repetition * 480, name)

    def announce(self, device: Device, at: float) -> None:
        """Announcements: three after the start, then at intervals."""
        for after in (0.0, 1.0, 3.1, 420.0, 900.0) if device.services else ():
            if at + after < DURATION:
                traffic.announce(self.capture, at + after, device.host, device.mdns, device.services)
        if device.ssdp:
            target, path, server = device.ssdp
            for after in (0.4, 0.5, 600.4, 600.5):
                traffic.notify(self.capture, at + after, device.host, target, f"http://{device.host.ip}:{path}", server)

    def browse(self, device: Device, at: float, name: str) -> None:
        size = 400 + device.host.rng.getrandbits(11)
        traffic.https(
            self.capture,
            at,
            device.host,
            self.gateway(device),
            self.external[name],
            name,
            up=200 + size // 8,
            down=size,
        )

    def telephones(self) -> None:
        """Registrations every five minutes, OPTIONS every three minutes, two calls."""
        for order, device in enumerate(each for each in self.devices if each.sip):
            extension, agent = device.sip
            for i in range(4):
                self.pbx.register(200 + order * 2.7 + i * 280, device.host, extension, agent)
            for i in range(5):
                self.pbx.qualify(260 + order * 1.3 + i * 180, device.host, extension, agent)
        ends = [
            (self.named[name].host, *self.named[name].sip) for name in ("yealink", "polycom", "cisco", "grandstream")
        ]
        self.pbx.call(420.0, ends[0], ends[1], 5.0)
        self.pbx.call(900.0, ends[2], ends[3], 4.0)

    def user_traffic(self) -> None:
        """Mail, web, files, print jobs and service discovery of users; video streams to the recorder."""
        for order, device in enumerate(each for each in self.devices if each.kind == "workstation"):
            names = cycle(device.cloud)
            at = 230.0 + order * 7
            while at < DURATION - 20:
                self.browse(device, at, next(names))
                at += 50 + device.host.rng.random() * 40
            for i, server in enumerate(self.servers):
                traffic.https(
                    self.capture, 270.0 + order * 11 + i * 90, device.host, ROUTER, server, server.name, down=700
                )
        for name, printer, at in (
            ("LT-ACC-04", "hp", 330.0),
            ("LT-HR-02", "kyocera", 510.0),
            ("Annes-MacBook-Pro", "canon", 700.0),
        ):
            self.capture.arp(at - 0.1, self.host(name), self.host(printer))
            traffic.print_job(self.capture, at, self.host(name), self.host(printer))
        for name, at in (("LT-ACC-04", 300.0), ("LT-HR-02", 480.0), ("PC-DESK-11", 750.0)):
            self.capture.arp(at - 0.1, self.host(name), FILES)
            traffic.smb_session(self.capture, at, self.host(name), FILES, "team", 8000)
        for name, at in (
            ("Annes-MacBook-Pro", 350.0),
            ("iphone", 470.0),
            ("Jonas-MacBook-Air", 640.0),
            ("iphone", 1000.0),
        ):
            traffic.mdns_query(
                self.capture,
                at,
                self.host(name),
                "_airplay._tcp",
                "_ipp._tcp",
                "_googlecast._tcp",
                "_companion-link._tcp",
            )
        traffic.lookup(self.capture, 655.0, self.host("PC-DESK-11"), ROUTER, "wpad.office.example", None)
        streams = (
            ("axis", "axis-media/media.amp", "GStreamer RTSP server", 380.0),
            ("hikvision", "Streaming/Channels/101", "Rtsp Server/3.0", 400.0),
        )
        for name, path, server, at in streams:
            self.capture.arp(at - 0.1, FILES, self.host(name))
            traffic.video(self.capture, at, FILES, self.host(name), path, server, 100)

    def scan(self, at: float) -> None:
        """Eighty addresses of the server subnet, of which six reject the connection and one accepts; then forty ports
        of the file server.
        """
        laptop = self.host("tp-lab")
        answers = {4: "RA", 11: "RA", 17: "SA", 23: "RA", 38: "RA", 52: "RA", 67: "RA"}
        for last in range(1, 81):
            target = Host(f"server-{last}", "", f"10.20.30.{last}", remote=True, ttl=63)
            self.capture.probe(
                at + last * 0.4 + laptop.rng.random() * 0.1, laptop, target, SMB_PORT, answers.get(last, "")
            )
        at += 70
        self.capture.arp(at - 0.1, laptop, FILES)
        for i, port in enumerate(PORTS):
            self.capture.probe(at + i * 0.05, laptop, FILES, port, "SA" if port in OPEN_PORTS else "RA")

    def lateral_movement(self, at: float) -> None:
        """A compromised camera as an SMB client of the file server."""
        camera = self.host("axis")
        self.capture.arp(at - 0.1, camera, FILES)
        traffic.smb_session(self.capture, at, camera, FILES, "finance", 12000, user="backup", windows=False)

    def malicious_contact(self, at: float) -> None:
        """A camera contacts an address of the threat list."""
        camera = self.host("hikvision")
        peer = Host("listed", "", LISTED, remote=True, ttl=47)
        noise = camera.rng.randbytes
        payloads = [
            (CLIENT, b"\x01\0\0\x18" + noise(24)),
            (SERVER, b"\x02\0\0\x40" + noise(64)),
            (CLIENT, b"\x03\0\x01\0" + noise(256)),
        ]
        self.capture.tcp(at, camera, peer, 8443, payloads, pause=0.3)


def main(path: Path) -> None:
    Office().generate().write(path, "pcaps/office.py")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_suffix(".pcapng"))
