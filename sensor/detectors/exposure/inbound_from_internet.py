"""An internal host answered a connection from the internet.

Reported once per service. Only where the flow was really opened from outside: over TCP its port is the higher one, over
UDP the server port is a well-known one; calls, games and file sharing look similar, but on their own ports. In a
capture of the client's packets only, a connection with many packets and data was answered, since a host that gets no
answer sends SYNs only; its severity is lower.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import PROTOCOLS, TCP, UDP
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.counting.changes import CLIENT_INSIDE, SERVER_INSIDE, Changes
from sensor.counting.contacts import combine
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.ports import ports_in
from sensor.detectors.shared.hosts import client_of, is_fixed_function, network_of, server_of, who

SERVICES_LIMIT = 8192
LOOK_AGAIN_S = 3600
KEY_BITS, PAIR_BITS = 12, 15
PLAIN = 1024  # lower ports belong to servers
UNSEEN_PACKETS, UNSEEN_BYTES = 12, 80  # of a client, and mean size of its frames: more, and larger, than repeated SYNs
HIGHEST = 10_000  # custom services have lower ports; higher ones are temporary
ADMINISTRATION = {
    21: "FTP", 22: "SSH", 23: "Telnet", 135: "RPC", 139: "SMB", 445: "SMB", 1433: "SQL Server", 2323: "Telnet",
    3306: "MySQL", 3389: "RDP", 5432: "PostgreSQL", 5555: "Android Debug Bridge", 5900: "VNC", 5985: "WinRM",
    5986: "WinRM", 6379: "Redis", 9100: "raw printing", 9200: "Elasticsearch", 27017: "MongoDB", 2375: "Docker",
    3260: "iSCSI", 11211: "memcached", 502: "Modbus", 102: "S7", 20000: "DNP3", 44818: "EtherNet/IP", 47808: "BACnet",
    2404: "IEC 104", 4840: "OPC UA", 1911: "Fox", 104: "DICOM", 11112: "DICOM", 2575: "HL7",
}  # fmt: skip
# UDP services that must not be exposed, because they disclose data or are used for amplification.
DATAGRAMS = {
    19: "chargen", 53: "DNS", 69: "TFTP", 123: "NTP", 161: "SNMP", 389: "CLDAP", 502: "Modbus", 623: "IPMI",
    1900: "SSDP", 3671: "KNX", 5060: "SIP", 11211: "memcached",
}  # fmt: skip


class Options(detector.Options):
    """Which services are public."""

    allowed_ports: tuple[int, ...] = Field((), description="ports that are public intentionally")
    again_s: int = Field(86400, ge=60, description="seconds until the same service may be reported again")


class InboundFromInternet(FlowDetector):
    """Watches answered inbound flows in bulk; each service is checked once an hour."""

    title = "Service exposed to the internet"
    severity = Severity.low
    adjusts_severity = True
    techniques = ("T1133",)
    advice = (
        "Close the access at the border: a port mapping, a firewall rule, or UPnP. Publish services "
        "through a gateway with authentication."
    )
    false_positives = "Public servers: add their ports to `allowed_ports`, or mute the host."
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        allowed = ports_in(self.options.allowed_ports)
        self._tcp = ports_in((*range(1, HIGHEST), *ADMINISTRATION)) & ~allowed
        self._udp = ports_in(DATAGRAMS) & ~allowed
        self._looked = self.tables.add("evaluated", self.window(LOOK_AGAIN_S * SECOND, KEY_BITS, PAIR_BITS))
        self._reported: Recent[tuple[int, int, int]] = self.tables.add(
            "reported", Recent(SERVICES_LIMIT, self.options.again_s * SECOND)
        )

    def candidates(self, changes: Changes) -> Iterable[tuple[int, None]]:
        rows = changes.contacts
        rows = rows.compress(
            ((rows["kind"] == Change.ANSWERED) | (rows["kind"] == Change.ENDED))
            & ((rows["flags"] & (CLIENT_INSIDE | SERVER_INSIDE)) == SERVER_INSIDE)
        )
        whole = changes.rows.take(rows["row"])
        packets = whole["client_packets"]
        unseen = (whole["answered"] == 0) & (packets >= UNSEEN_PACKETS) & (whole["proto"] == TCP)
        unseen &= whole["client_bytes"] >= packets.astype(np.uint64) * UNSEEN_BYTES
        rows = rows.compress((rows["kind"] == Change.ANSWERED) | unseen)
        if not len(rows):
            return []
        ports, proto = rows["service"] >> 8 & 0xFFFF, rows["service"] & 0xFF
        # If the beginning of a flow is not captured, two high ports do not show the client; current clients use ports
        # above HIGHEST (RFC 6335, 6).
        far = rows["client_port"]
        sure = (far > ports) & ((far >= HIGHEST) | (ports < PLAIN))
        rows = rows.compress(((proto == TCP) & self._tcp[ports] & sure) | ((proto == UDP) & self._udp[ports]))
        fresh = np.flatnonzero(
            self._looked.count(rows["server"], combine(rows["server"], rows["service"].astype(np.uint64)), rows["ts"])
        )
        return [(int(row), None) for row in rows["row"][fresh]]

    def evaluate(self, flow: Flow, numbers: None) -> Iterator[Alert]:
        if not self._reported.fresh((flow.server, flow.server_port, flow.proto), flow.ts):
            return
        actor, target = client_of(flow), server_of(flow)
        proto = PROTOCOLS[flow.proto]
        service = (ADMINISTRATION if flow.proto == TCP else DATAGRAMS).get(flow.server_port, "")
        name = f"{service} ({proto}/{flow.server_port})" if service else f"{proto}/{flow.server_port}"
        severe = is_fixed_function(self.context, target)
        how = "answered" if flow.answered else f"continued for {flow.client_packets} packets, so it got answers"
        yield self.alert(
            flow,
            actor=actor,
            target=target,
            summary=(
                f"{who(self.context, target)} answered a connection from the external host {who(self.context, actor)} "
                f"to {name}"
            ),
            why=(
                f"the flow was opened by the external host, port {flow.client_port}, and {how}",
                *([f"{service} must not be reachable from the internet"] if service else []),
                *(["a fixed-function device needs no access from the internet"] if severe else []),
            ),
            numbers={
                "port": flow.server_port,
                "threshold": 1,
                "client_bytes": flow.client_bytes,
                "server_bytes": flow.server_bytes,
            },
            key=(target.address, proto, flow.server_port),
            severity=self._severity(flow, bool(service), severe),
            confidence=0.8 if flow.answered else 0.6,
            actor_port=flow.client_port,
            target_port=flow.server_port,
            network=network_of(self.context, flow),
        )

    def _severity(self, flow: Flow, service: bool, severe: bool) -> Severity:
        if flow.proto == UDP:
            return Severity.low
        return Severity(max(Severity.low, Severity.low + service + severe - (not flow.answered)))
