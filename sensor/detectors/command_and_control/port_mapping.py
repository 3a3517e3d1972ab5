"""A host requests a port mapping from the router: UPnP IGD, NAT-PMP or PCP.

Games, calls and file sharing need one as well: a weak indication. A mapping to an administration service, or on behalf
of another host, is more severe.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.ip_protocols import PROTOCOLS
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.detectors.shared.hosts import ends_of, is_fixed_function, who
from sensor.dissectors.http import HttpPortMapping
from sensor.dissectors.pcp import PcpRequest
from sensor.dissectors.shared.nat_pmp import NatPmpRequest

MAPPINGS_LIMIT = 4096
# Administration services, and those that expose data or pictures.
ADMINISTRATION = {
    21: "FTP", 22: "SSH", 23: "Telnet", 135: "RPC", 139: "SMB", 161: "SNMP", 445: "SMB", 1433: "SQL Server",
    2323: "Telnet", 3306: "MySQL", 3389: "RDP",
    5432: "PostgreSQL", 5555: "Android Debug Bridge", 5900: "VNC", 5985: "WinRM", 5986: "WinRM", 6379: "Redis",
    2375: "Docker", 3260: "iSCSI", 9100: "raw printing", 9200: "Elasticsearch", 11211: "memcached", 27017: "MongoDB",
}  # fmt: skip


class Options(detector.Options):
    """How often the same mapping is reported."""

    again_s: int = Field(86400, ge=60, description="seconds until the same mapping may be reported again")


class Mapping(NamedTuple):
    """A requested port mapping; ``client``: the internal host it leads to."""

    how: str
    client: int
    protocol: str
    internal_port: int
    external_port: int
    description: str


class PortMapping(EventDetector):
    """Watches requests; whether the router granted one is in its answer, which may be missing in the capture."""

    title = "UPnP, NAT-PMP or PCP port mapping"
    severity = Severity.low
    adjusts_severity = True
    techniques = ("T1133", "T1090")
    advice = (
        "Remove the mapping and disable UPnP, NAT-PMP and PCP on the router. Use a firewall rule for "
        "services that must be reachable from the internet."
    )
    false_positives = (
        "Games, consoles, calls, file sharing, and cameras that are reachable from the internet intentionally."
    )
    Options = Options
    watches = (HttpPortMapping, NatPmpRequest, PcpRequest)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[tuple[int, str, int, int]] = self.tables.add(
            "reported", Recent(MAPPINGS_LIMIT, self.options.again_s * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        wanted = field("lifetime_s").filled()
        return {NatPmpRequest: wanted, PcpRequest: wanted & (field("operation") == "map")}

    def inspect(self, event: Event) -> Iterator[Alert]:
        mapping = _mapping(event)
        if mapping is not None and self._reported.fresh(
            (mapping.client, mapping.protocol, mapping.internal_port, mapping.external_port), event.ts
        ):
            yield self._alert(event, mapping)

    def _alert(self, event: Event, mapping: Mapping) -> Alert:
        actor, router, sport, dport = ends_of(event.packet)
        mine = mapping.client == actor.address
        behind = actor if mine else Subject(0, mapping.client, actor.vlan)
        service = ADMINISTRATION.get(mapping.internal_port, "")
        port = _ports(mapping.protocol, mapping.internal_port)
        where = port if mine else f"{port} of {who(self.context, behind)}"
        proto = PROTOCOLS.get(event.packet.proto, "")
        request = f"{mapping.how} request to {who(self.context, router)}"
        return self.alert(
            event,
            actor=actor,
            target=router,
            targets=(behind, router) if not mine else (router,),
            summary=(
                f"{who(self.context, actor)} requested a port mapping from {who(self.context, router)} to "
                f"{where}{f' ({service})' if service else ''}"
            ),
            why=(
                f"{request}: {_ports(mapping.protocol, mapping.external_port)} of the router to {where}",
                *([f"description of the mapping: {mapping.description!r}"] if mapping.description else []),
                *([f"{service} gives administrative access to the host"] if service else []),
                *(["the request is for another host than the sender"] if not mine else []),
            ),
            numbers={
                "internal_port": mapping.internal_port,
                "external_port": mapping.external_port,
                "protocol": mapping.protocol,
                "threshold": 1,
            },
            key=(addresses.text(mapping.client), mapping.protocol, mapping.internal_port),
            severity=self._severity(actor, service=bool(service), mine=mine),
            confidence=0.9,
            actor_port=sport,
            target_port=dport,
            network={"proto": proto, "app": mapping.how.lower(), "vlan": actor.vlan, "direction": "internal"},
        )

    def _severity(self, actor: Subject, *, service: bool, mine: bool) -> Severity:
        if service and (not mine or is_fixed_function(self.context, actor)):
            return Severity.high
        return Severity.medium if service or not mine else Severity.low


def _ports(protocol: str, port: int) -> str:
    """The ports of a mapping; 0 and ``any`` stand for all."""
    name = "" if protocol == "any" else f"{protocol} "
    return f"{name}port {port}" if port else f"all {name}ports"


def _mapping(event: Event) -> Mapping | None:
    """The requested mapping; None if it is removed, or is for a port that the client opens itself."""
    own = event.packet.src
    if isinstance(event, HttpPortMapping):
        return Mapping(
            "UPnP",
            event.client or own,
            event.protocol or "any",
            event.internal_port,
            event.external_port,
            event.description,
        )
    if isinstance(event, NatPmpRequest) and event.lifetime_s:
        return Mapping("NAT-PMP", own, event.protocol, event.internal_port, event.external_port, "")
    if isinstance(event, PcpRequest) and event.lifetime_s and event.operation == "map":
        return Mapping("PCP", event.client or own, event.protocol, event.internal_port, event.external_port, "")
    return None
