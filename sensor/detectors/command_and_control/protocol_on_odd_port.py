"""A server uses a protocol on a port that is assigned to another one, so that a firewall lets it pass, or on an
unassigned port.

Only server responses count, because scanners send every protocol to every port. Protocols are recognized by content;
file transfers and RPC between Windows hosts, and TLS inside other protocols (STARTTLS), have their own ports. Web
servers run on many ports inside a network and are not reported there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.ip_protocols import PROTOCOLS, TCP
from sensor.core.model import Field
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Counts
from sensor.detectors.shared.hosts import ends_of, is_fixed_function, network_of_packet, who
from sensor.dissectors.http import HttpResponse
from sensor.dissectors.mqtt import MqttConnack
from sensor.dissectors.rtsp import RtspResponse
from sensor.dissectors.shared.smb_events import SmbNegotiated
from sensor.dissectors.sip import SipResponse
from sensor.dissectors.ssh import SshBanner
from sensor.dissectors.tls import TlsServerHello

SERVICES_LIMIT = 4096
# The first ephemeral port: a server there belongs to an application (RFC 6335, 6).
EPHEMERAL = 49152
NAMES: dict[type[Event], str] = {
    HttpResponse: "HTTP", TlsServerHello: "TLS", SshBanner: "SSH", RtspResponse: "RTSP", SipResponse: "SIP",
    MqttConnack: "MQTT", SmbNegotiated: "SMB",
}  # fmt: skip
# Standard and common ports of protocols.
HOMES = {
    "HTTP": frozenset((
        80, 81, 82, 83, 84, 85, 88, 443, 554, 591, 593, 631, 1900, 2375, 2869, 3000, 3128, 5000, 5357, 5985, 7547,
        9100, 9200, *range(8000, 9000),
    )),
    "TLS": frozenset((
        21, 23, 25, 80, 110, 119, 143, 194, 261, 389, 443, 448, 465, 514, 563, 587, 614, 636, 684, 695, 832, 853, 854,
        989, 990, 992, 993, 994, 995, 1194, 1433, 1521, 1723, 1883, 2049, 2083, 2087, 2096, 2195, 2196, 2197, 2376,
        2484, 3268, 3269, 3306, 3389, 4190, 4433, 4443, 5001, 5061, 5222, 5223, 5228, 5229,
        5230, 5269, 5349, 5432, 5671, 5672, 5900, 5986, 6379, 6443, 6514, 6697, 7443, 9090, 9091, 9243, 9392, 9443,
        10443, *range(8000, 9000),
    )),
    "SSH": frozenset((22, 830, 2022, 2200, 2222, 8022, 10022, 22222, 29418)),
    "RTSP": frozenset((80, 322, 554, 1935, 5000, 5554, 7000, 7070, 7236, 8554, 10554, *range(8000, 9000))),
    "SIP": frozenset((5060, 5061, 5062, 5065, 5070, 5080, 5090, 5160, 5161)),
    "MQTT": frozenset((1883, 8883)),
    "SMB": frozenset((139, 445)),
}  # fmt: skip
# Ports whose assigned service legitimate operators do not replace.
OWNERS = {
    21: "FTP", 22: "SSH", 23: "Telnet", 25: "mail", 53: "DNS", 69: "TFTP", 80: "HTTP", 110: "mail", 123: "time",
    135: "RPC", 137: "NetBIOS", 139: "SMB", 143: "mail", 161: "SNMP", 179: "BGP", 389: "LDAP", 443: "HTTPS", 445: "SMB",
    502: "Modbus", 514: "syslog", 515: "printing", 587: "mail", 853: "DNS over TLS", 993: "mail", 995: "mail",
    1433: "SQL Server", 1521: "Oracle", 2049: "NFS", 3306: "MySQL", 3389: "RDP", 5432: "PostgreSQL", 5900: "VNC",
    6379: "Redis",
}  # fmt: skip
WEB = ("HTTP", "TLS")


class Options(detector.Options):
    """Which services are legitimate."""

    allowed: tuple[int, ...] = Field((), description="ports on which any protocol is expected")
    again_s: int = Field(86400, ge=60, description="seconds until the same service may be reported again")
    hints: int = Field(
        3,
        ge=1,
        description=(
            "maximum number of services on unassigned ports reported for one host in that time (file "
            "sharing uses hundreds)"
        ),
    )


class ProtocolOnOddPort(EventDetector):
    """Watches the first server message of protocols that are recognized by content."""

    title = "Protocol on a non-standard port"
    severity = Severity.low
    adjusts_severity = True
    techniques = ("T1571",)
    advice = (
        "Identify the program behind the port. Tunnels and C2 channels use ports that firewalls allow: "
        "allow only the assigned protocol."
    )
    false_positives = "Services moved intentionally, to avoid scans or to pass a firewall: add the port to `allowed`."
    Options = Options
    watches = tuple(NAMES)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[tuple[int, int, str]] = self.tables.add(
            "reported", Recent(SERVICES_LIMIT, self.options.again_s * SECOND)
        )
        self._hints: Counts[int] = self.tables.add("hints", Counts(self.options.again_s * SECOND, SERVICES_LIMIT))

    def wants(self) -> dict[type[Event], Want]:
        wants: dict[type[Event], Want] = {}
        for event, protocol in NAMES.items():
            odd = ~field("packet.sport").is_in(*HOMES[protocol], *self.options.allowed)
            port = odd & (field("packet.sport").is_in(*OWNERS) | (field("packet.sport") < EPHEMERAL))
            wants[event] = port if protocol == "SIP" else port & (field("packet.proto") == TCP)
        wants[SshBanner] &= ~field("from_client").filled()
        return wants

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet, protocol = event.packet, NAMES[type(event)]
        port = packet.sport
        if port in HOMES[protocol] or (isinstance(event, SshBanner) and event.from_client):
            return iter(())
        if (
            (packet.proto != TCP and protocol != "SIP")
            or port in self.options.allowed
            or port >= packet.dport > 0
            or not self._odd(packet, protocol)
        ):
            return iter(())
        if not self._reported.fresh((packet.src, port, protocol), event.ts) or (
            port not in OWNERS and self._hints.add(packet.dst, event.ts) > self.options.hints
        ):
            return iter(())
        return self._alert(event, protocol)

    def _odd(self, packet: Packet, protocol: str) -> bool:
        """A port of another protocol always counts; an unassigned one only where it is meaningful."""
        if packet.sport in OWNERS:
            return True
        return (
            packet.sport < EPHEMERAL
            and not (protocol in WEB and self.context.networks.inside(packet.src))
            and not (protocol == "SIP" and packet.proto != TCP)
        )

    def _alert(self, event: Event, protocol: str) -> Iterator[Alert]:
        packet = event.packet
        actor, target, _, _ = ends_of(packet, answer=True)
        owner = OWNERS.get(packet.sport, "")
        network = network_of_packet(self.context, packet, protocol.lower(), answer=True)
        device, outside = is_fixed_function(self.context, actor), network["direction"] == "outbound"
        place = f"{PROTOCOLS.get(packet.proto, '')}/{packet.sport}"
        yield self.alert(
            event,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} uses {protocol} with {who(self.context, target)} on {place}"
            + (f", a port assigned to {owner}" if owner else ""),
            why=(
                f"the server's answer on {place} is {protocol}",
                f"the port is assigned to {owner}" if owner else f"the port is not assigned to {protocol}",
                *(["the server is external"] if outside else []),
                *(["the client is a fixed-function device"] if device else []),
            ),
            numbers={"port": packet.sport, "protocol": protocol, "threshold": 1},
            key=(addresses.text(packet.src), packet.sport, protocol),
            severity=Severity.medium if owner and (outside or device) else Severity.low,
            confidence=0.8 if owner else 0.5,
            actor_port=packet.dport,
            target_port=packet.sport,
            network=network,
        )
