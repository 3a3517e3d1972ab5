"""Makes office.pcapng: a working day in small, twenty minutes of it, as a mirror port sees them. Run it as ``python -m
pcaps.office [FILE]``.

After a power cut everything starts again: leases, announcements, registrations. People come, read mail, print, fetch
files, telephone. Three things happen that should not:

- 08:10: the laptop tp-lab tries port 445 on eighty addresses of the server segment, then forty ports of the file
  server;
- 08:14: the Axis camera logs in to the file server over SMB and reads from it;
- 08:17: the Hikvision camera opens a connection to 203.0.113.66, which stands in office.intel.txt, and is answered.

The same bytes on every run: fixed clock, seeded generators, and a writer that adds nothing of its own.
"""

from __future__ import annotations

import sys
from itertools import cycle
from pathlib import Path

from pcaps import _office_speech as speech
from pcaps._craft import CLIENT, SERVER, Machine, Tape
from pcaps._office_calls import Exchange
from pcaps._office_hosts import ACCESS_POINT, FILES, PBX, ROUTER, ROUTER_VOICE, SWITCH, VOICE, Inhabitant, inhabitants

START = 1795507200  # 2026-11-24 08:00:00 UTC
LENGTH = 1200.0
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
    """The day in the order in which it is told; the tape sorts by time."""

    def __init__(self) -> None:
        self.tape = Tape(START, ROUTER.mac)
        self.people = inhabitants()
        self.named = {one.machine.name: one for one in self.people}
        self.outside = {name: self._outside(name, number) for number, name in enumerate(self._cloud_names(), 10)}
        self.time = Machine("ntp", "", "198.51.100.123", far=True, ttl=52)
        self.servers = [Machine(name, "", f"10.20.30.{last}", far=True, ttl=63) for name, last in SERVERS.items()]
        self.exchange = Exchange(self.tape, PBX)

    def _cloud_names(self) -> list[str]:
        return sorted({name for one in self.people for name in one.cloud})

    def _outside(self, name: str, number: int) -> Machine:
        return Machine(name, "", f"198.51.100.{number}", far=True, ttl=52)

    def machine(self, name: str) -> Machine:
        return self.named[name].machine

    def gateway(self, one: Inhabitant) -> Machine:
        return ROUTER_VOICE if one.machine.vlan == VOICE else ROUTER

    def day(self) -> Tape:
        self.background()
        for order, one in enumerate(self.people):
            self.start(one, 4.0 + order * 5.3)
        self.telephones()
        self.work()
        self.scan(600.0)
        self.move(840.0)
        self.contact(1020.0)
        return self.tape

    def background(self) -> None:
        """What the infrastructure repeats all day."""
        at = 1.0
        while at < LENGTH:
            speech.lldp(
                self.tape,
                at,
                SWITCH,
                "24",
                "sw-1f",
                "Aruba JL253A 2930F-24G-4SFP+ Switch, revision WC.16.10.0019",
                0x0004,
            )
            speech.lldp(
                self.tape, at + 0.6, ACCESS_POINT, "eth0", "ap-1f", "ArubaOS (MODEL: 515), Version 8.10.0.6", 0x000C
            )
            self.tape.ping(at + 3, ROUTER, FILES, int(at))
            at += 30.0
        for at in range(2, int(LENGTH), 200):
            speech.advertise(self.tape, float(at), ROUTER)

    def start(self, one: Inhabitant, at: float) -> None:
        """Power is back: address, time, names, announcements, the maker's cloud; then what it repeats."""
        host, gateway = one.machine, self.gateway(one)
        if one.ipv6:
            speech.neighbours(self.tape, at - 1.5, host)
        if one.dhcp:
            d = one.dhcp
            said = speech.dhcp_options(
                host, wants=d.wants, vendor=d.vendor, hostname=d.hostname, size=d.size, fqdn=d.fqdn
            )
            at = speech.lease(self.tape, at, host, gateway, said)
            speech.renew(self.tape, at + 610, host, gateway, said)
        elif host is not ROUTER:
            self.tape.arp(at, host, gateway)
        for i in range(4 if host is not ROUTER else 0):
            speech.ntp(self.tape, at + 2 + i * 256, host, self.time)
        for i in range(1, 4 if host is not ROUTER else 0):
            self.tape.arp(at + 40 + i * 290, host, gateway)
        self.show(one, at + 1.1)
        for i, name in enumerate(one.cloud if one.kind != "workstation" else ()):
            for again in range(2):
                self.browse(one, at + 5 + i * 3 + again * 480, name)

    def show(self, one: Inhabitant, at: float) -> None:
        """Announcements: thrice after the start, then once in a while."""
        for after in (0.0, 1.0, 3.1, 420.0, 900.0) if one.services else ():
            if at + after < LENGTH:
                speech.announce(self.tape, at + after, one.machine, one.mdns, one.services)
        if one.ssdp:
            target, path, server = one.ssdp
            for after in (0.4, 0.5, 600.4, 600.5):
                speech.notify(self.tape, at + after, one.machine, target, f"http://{one.machine.ip}:{path}", server)

    def browse(self, one: Inhabitant, at: float, name: str) -> None:
        size = 400 + one.machine.rng.getrandbits(11)
        speech.https(
            self.tape, at, one.machine, self.gateway(one), self.outside[name], name, up=200 + size // 8, down=size
        )

    def telephones(self) -> None:
        """Registrations every five minutes, OPTIONS every three, and two calls."""
        for order, one in enumerate(each for each in self.people if each.sip):
            extension, agent = one.sip
            for i in range(4):
                self.exchange.register(200 + order * 2.7 + i * 280, one.machine, extension, agent)
            for i in range(5):
                self.exchange.qualify(260 + order * 1.3 + i * 180, one.machine, extension, agent)
        ends = [
            (self.named[name].machine, *self.named[name].sip) for name in ("yealink", "polycom", "cisco", "grandstream")
        ]
        self.exchange.call(420.0, ends[0], ends[1], 5.0)
        self.exchange.call(900.0, ends[2], ends[3], 4.0)

    def work(self) -> None:
        """What people do: mail, pages, files, prints, looking for screens. And the recorder looks at the cameras."""
        for order, one in enumerate(each for each in self.people if each.kind == "workstation"):
            names = cycle(one.cloud)
            at = 230.0 + order * 7
            while at < LENGTH - 20:
                self.browse(one, at, next(names))
                at += 50 + one.machine.rng.random() * 40
            for i, server in enumerate(self.servers):
                speech.https(self.tape, 270.0 + order * 11 + i * 90, one.machine, ROUTER, server, server.name, down=700)
        for name, printer, at in (
            ("LT-ACC-04", "hp", 330.0),
            ("LT-HR-02", "kyocera", 510.0),
            ("Annes-MacBook-Pro", "canon", 700.0),
        ):
            self.tape.arp(at - 0.1, self.machine(name), self.machine(printer))
            speech.print_job(self.tape, at, self.machine(name), self.machine(printer))
        for name, at in (("LT-ACC-04", 300.0), ("LT-HR-02", 480.0), ("PC-DESK-11", 750.0)):
            self.tape.arp(at - 0.1, self.machine(name), FILES)
            speech.smb_session(self.tape, at, self.machine(name), FILES, "team", 8000)
        for name, at in (
            ("Annes-MacBook-Pro", 350.0),
            ("iphone", 470.0),
            ("Jonas-MacBook-Air", 640.0),
            ("iphone", 1000.0),
        ):
            speech.ask(
                self.tape,
                at,
                self.machine(name),
                "_airplay._tcp",
                "_ipp._tcp",
                "_googlecast._tcp",
                "_companion-link._tcp",
            )
        speech.lookup(self.tape, 655.0, self.machine("PC-DESK-11"), ROUTER, "wpad.office.example", None)
        streams = (
            ("axis", "axis-media/media.amp", "GStreamer RTSP server", 380.0),
            ("hikvision", "Streaming/Channels/101", "Rtsp Server/3.0", 400.0),
        )
        for name, path, server, at in streams:
            self.tape.arp(at - 0.1, FILES, self.machine(name))
            speech.video(self.tape, at, FILES, self.machine(name), path, server, 100)

    def scan(self, at: float) -> None:
        """Eighty addresses of the server segment, six of which refuse and one answers; then forty ports of the file
        server.
        """
        laptop = self.machine("tp-lab")
        answers = {4: "RA", 11: "RA", 17: "SA", 23: "RA", 38: "RA", 52: "RA", 67: "RA"}
        for last in range(1, 81):
            target = Machine(f"server-{last}", "", f"10.20.30.{last}", far=True, ttl=63)
            self.tape.probe(
                at + last * 0.4 + laptop.rng.random() * 0.1, laptop, target, SMB_PORT, answers.get(last, "")
            )
        at += 70
        self.tape.arp(at - 0.1, laptop, FILES)
        for i, port in enumerate(PORTS):
            self.tape.probe(at + i * 0.05, laptop, FILES, port, "SA" if port in OPEN_PORTS else "RA")

    def move(self, at: float) -> None:
        """A camera as an SMB client: whoever sits in it looks around on the file server."""
        camera = self.machine("axis")
        self.tape.arp(at - 0.1, camera, FILES)
        speech.smb_session(self.tape, at, camera, FILES, "finance", 12000, user="backup", windows=False)

    def contact(self, at: float) -> None:
        """A camera reports to a listed address."""
        camera = self.machine("hikvision")
        there = Machine("listed", "", LISTED, far=True, ttl=47)
        noise = camera.rng.randbytes
        talk = [
            (CLIENT, b"\x01\0\0\x18" + noise(24)),
            (SERVER, b"\x02\0\0\x40" + noise(64)),
            (CLIENT, b"\x03\0\x01\0" + noise(256)),
        ]
        self.tape.tcp(at, camera, there, 8443, talk, pause=0.3)


def main(path: Path) -> None:
    Office().day().write(path, "pcaps/office.py")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_suffix(".pcapng"))
