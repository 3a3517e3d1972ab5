"""What happens in the week that should not, each once, by somebody who is quiet otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pcaps import _office_speech as speech
from pcaps import _week_speech as said
from pcaps._craft import CLIENT, SERVER, Machine
from pcaps._office_hosts import UDHCP, Inhabitant
from pcaps._week_hosts import Company
from pcaps._week_press import Press

HOUR, DAY = 3600.0, 86400.0
LISTED = "203.0.113.66"
PORTS = (
    20, 21, 23, 25, 53, 69, 79, 88, 110, 111, 113, 119, 135, 139, 143, 161, 179, 199, 389, 443, 465, 512, 513, 514,
    548, 554, 587, 631, 873, 993, 995, 1025, 1433, 1521, 1723, 2049, 3306, 3389, 5432, 5900, 6000, 8080, 8443, 8888,
    9100, 9200,
)  # fmt: skip


@dataclass(frozen=True)
class Planted:
    """``who`` acts, of the company's ``what``, from ``at`` on for ``lasts`` seconds; ``detector`` is to say so."""

    name: str
    detector: str
    what: str
    who: int
    at: float
    lasts: float = HOUR


PLANTED = (
    Planted("port_scan", "discovery.port_scan", "desks", 41, 1 * DAY + 10.3 * HOUR),
    Planted("address_scan", "discovery.address_scan", "desks", 87, 1 * DAY + 14.1 * HOUR),
    Planted("camera_login", "lateral_movement.admin_from_device", "cameras", 6, 2 * DAY + 3.2 * HOUR),
    Planted("listed", "command_and_control.malicious_address", "cameras", 11, 2 * DAY + 11.5 * HOUR),
    Planted("beacon", "command_and_control.beaconing", "desks", 133, 3 * DAY + 10 * HOUR, 4 * HOUR),
    Planted("registrations", "voice.registration_guessing", "phones", 12, 3 * DAY + 15.6 * HOUR),
    Planted("dns_tunnel", "command_and_control.dns_tunnel", "desks", 164, 4 * DAY + 11.2 * HOUR, 2 * HOUR),
    Planted("rogue_dhcp", "credential_access.rogue_dhcp", "desks", 210, 4 * DAY + 15.3 * HOUR),
    Planted("arp_spoof", "credential_access.arp_spoofing", "desks", 250, 4 * DAY + 16.5 * HOUR),
    Planted("fan_out", "lateral_movement.fan_out", "desks", 275, 4 * DAY + 17.5 * HOUR),
    Planted("loader", "lateral_movement.tool_transfer", "cameras", 20, 6 * DAY + 2.4 * HOUR),
)


class Attacks:
    """Tells what is planted, by its name."""

    def __init__(self, press: Press, company: Company, cloud: Callable[[str], Machine]) -> None:
        self.press, self.company, self.cloud = press, company, cloud

    def tell(self) -> None:
        for one in PLANTED:
            getattr(self, one.name)(one.at, actor(self.company, one))

    def gateway(self, host: Machine) -> Machine:
        return self.company.routers[host.vlan]

    def port_scan(self, at: float, host: Machine) -> None:
        """Forty-six ports of the intranet's server, of which it answers on one."""
        for step, port in enumerate(PORTS):
            self.press.probe(
                at + step * 0.08, host, self.company.servers["intranet"], port, "SA" if port == 443 else "RA"
            )

    def address_scan(self, at: float, host: Machine) -> None:
        """SMB at every address of the servers' segment; most are not there."""
        there = {server.ip: server for server in self.company.servers.values()}
        for last in range(1, 121):
            ip = f"10.30.50.{last}"
            target = there.get(ip) or Machine(f"nobody-{last}", "", ip, far=True, ttl=63)
            answer = "SA" if target.name.startswith("files") else "RA" if ip in there else ""
            self.press.probe(at + last * 0.3, host, target, 445, answer)

    def camera_login(self, at: float, host: Machine) -> None:
        speech.smb_session(
            self.press, at, host, self.company.servers["files02"], "finance", 9000, user="backup", windows=False
        )

    def listed(self, at: float, host: Machine) -> None:
        """An address of the list is called, and answers."""
        there, noise = Machine("listed", "", LISTED, far=True, ttl=47), host.rng.randbytes
        self.press.tcp(
            at,
            host,
            there,
            8443,
            [(CLIENT, b"\x01\0\0\x18" + noise(24)), (SERVER, b"\x02\0\0\x40" + noise(64)), (CLIENT, noise(200))],
        )

    def beacon(self, at: float, host: Machine) -> None:
        """Each two minutes, give or take two seconds, the same few bytes to an address that has no name."""
        there, noise = Machine("pulse", "", "203.0.113.90", far=True, ttl=49), host.rng.randbytes
        for beat in range(80):
            self.press.tcp(
                at + beat * 120 + host.rng.random() * 2,
                host,
                there,
                443,
                [(CLIENT, b"\x17\x03\x03\x01\0" + noise(256)), (SERVER, noise(120))],
            )

    def registrations(self, at: float, host: Machine) -> None:
        """Passwords of an extension are tried at the exchange; it refuses each."""
        exchange, call = self.company.servers["pbx01"], host.rng.randbytes(6).hex()
        who = f"<sip:2077@{exchange.ip}>"
        for number in range(1, 41):
            common = (
                f"Via: SIP/2.0/UDP {host.ip}:5060;branch=z9hG4bK{number:08x};rport\r\nFrom: "
                f"{who};tag={call}\r\nTo: {who}\r\n"
            )
            common += f"Call-ID: {call}-{number}@{host.ip}\r\nCSeq: {number} REGISTER\r\n"
            answer = f'uri="sip:{exchange.ip}",response="{host.rng.getrandbits(128):032x}",algorithm=MD5'
            digest = f'Digest username="2077",realm="asterisk",nonce="5f3c{number:04x}",{answer}'
            asked = (
                f"REGISTER sip:{exchange.ip} SIP/2.0\r\n{common}Contact: "
                f"<sip:2077@{host.ip}:5060>\r\nAuthorization: {digest}\r\nContent-Length: 0\r\n\r\n"
            )
            self.press.udp(at + number * 1.5, host, exchange, 5060, 5060, asked.encode())
            self.press.udp(
                at + number * 1.5 + 0.004,
                exchange,
                host,
                5060,
                5060,
                f"SIP/2.0 403 Forbidden\r\n{common}Content-Length: 0\r\n\r\n".encode(),
            )

    def dns_tunnel(self, at: float, host: Machine) -> None:
        """Bytes leave in names and come in texts."""
        for number in range(240):
            name = f"{host.rng.randbytes(24).hex()}.{host.rng.randbytes(20).hex()}.{number:04x}.t.cdn-metrics.example"
            said.lookup(
                self.press,
                at + number * 0.7,
                host,
                self.gateway(host),
                name,
                None,
                16,
                host.rng.randbytes(90).hex().encode(),
            )

    def rogue_dhcp(self, at: float, host: Machine) -> None:
        """A laptop serves leases: a colleague's is answered by both, and the laptop's names itself as gateway."""
        new = Machine("PC-NEW", "88:b1:11:7e:01:f0", f"{host.ip.rpartition('.')[0]}.240", vlan=host.vlan, ttl=128)
        options = speech.dhcp_options(new, wants=UDHCP, vendor=b"MSFT 5.0", hostname="PC-NEW", size=0, fqdn=False)
        speech.lease(self.press, at, new, self.gateway(host), options)
        speech.lease(self.press, at + 30, new, host, options)

    def arp_spoof(self, at: float, host: Machine) -> None:
        """The laptop says that it is the gateway, again and again, and tells the gateway that it is the victim."""
        gateway, victim = (
            self.gateway(host),
            next(
                one.machine for one in self.company.desks if one.machine.vlan == host.vlan and one.machine is not host
            ),
        )
        self.press.arp(at - 100, victim, gateway)
        for step in range(60):
            self.press.claim(at + step * 2, host.mac, gateway.ip, victim)
            self.press.claim(at + step * 2 + 0.1, host.mac, victim.ip, gateway)
            if step % 5 == 0:
                self.press.arp(at + step * 2 + 0.5, gateway, victim)
                self.press.arp(at + step * 2 + 0.7, victim, gateway)

    def fan_out(self, at: float, host: Machine) -> None:
        """Desktops of eight colleagues, one after the other."""
        others = [
            one.machine for one in self.company.desks if one.machine.vlan == host.vlan and one.machine is not host
        ]
        for step, other in enumerate(others[20:28]):
            self.press.arp(at + step * 90 - 0.1, host, other)
            said.rdp(self.press, at + step * 90, host, other)

    def loader(self, at: float, host: Machine) -> None:
        """A camera fetches a program for its processor."""
        there = Machine("bins", "", "203.0.113.80", far=True, ttl=48)
        asked = b"GET /bins/lab.mips HTTP/1.0\r\nHost: 203.0.113.80\r\nUser-Agent: Wget\r\n\r\n"
        body = b"\x7fELF\x01\x02\x01" + bytes(2000)
        head = (
            f"HTTP/1.0 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        )
        self.press.tcp(at, host, there, 80, [(CLIENT, asked), (SERVER, head + body)])


def actor(company: Company, one: Planted) -> Machine:
    """Who does it."""
    some: list[Inhabitant] = getattr(company, one.what)
    return some[one.who].machine
