"""RPC endpoint scan: one source queries many port mappers or DCE/RPC endpoint mappers, or one of them very often.

A benign client queries the file servers it mounts from, always the same. Only hosts that were not queried before count;
a search for one program may take hours. Calls to the sadmind administration daemon, a common entry point for years,
count immediately. Clients look up what they use; a dump of all endpoints is made by scanners and administrators: a weak
indication.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Counts, Distinct
from sensor.detectors.shared.hosts import Numbers, ends_of, is_fixed_function, network_of_packet, who
from sensor.dissectors.portmap import PortmapAdminCall, PortmapCall
from sensor.dissectors.shared.rpc_events import RpcCall

SOURCES_LIMIT, HOSTS_LIMIT = 1024, 64
REPORTED_S = 900
MAPPER, LIST_ALL = "epm", 2


class Options(detector.Options):
    """When lookups are a scan."""

    hosts: int = Field(8, ge=2, le=60, description="threshold: hosts that one source queried for one program")
    hours: float = Field(6, gt=0, le=48, description="time window in hours")
    lookups: int = Field(50, ge=5, description="threshold: lookups of one source at one host within a minute")
    admin_hosts: int = Field(
        2, ge=1, le=60, description="threshold: hosts on which one source looked up or called sadmind"
    )


class RpcEndpointScan(EventDetector):
    """Watches lookups at port mappers, and calls of sadmind."""

    title = "RPC endpoint scan"
    severity = Severity.medium
    techniques = ("T1046",)
    advice = (
        "Find out who runs a scanner on the source. Block port 111 between segments. Review the "
        "programs that answered, and later calls to them."
    )
    false_positives = "Monitoring of many file servers; vulnerability scanners."
    Options = Options
    watches = (PortmapCall, PortmapAdminCall, RpcCall)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._hosts: Distinct[tuple[int, int], int] = self.tables.add(
            "hosts", Distinct(int(self.options.hours * 3600) * SECOND, SOURCES_LIMIT, HOSTS_LIMIT)
        )
        self._lookups: Counts[tuple[int, int]] = self.tables.add("lookups", Counts(60 * SECOND, SOURCES_LIMIT))
        self._reported: Recent[tuple[object, ...]] = self.tables.add(
            "reported", Recent(SOURCES_LIMIT, REPORTED_S * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        return {RpcCall: field("interface") == MAPPER}

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet, want = event.packet, self.options
        if isinstance(event, RpcCall):
            if event.interface == MAPPER:
                yield from self._looked_up(event, "endpoint mapper")
                if event.number == LIST_ALL and self._reported.fresh((packet.src, packet.dst, "lists"), event.ts):
                    yield self._made(
                        event,
                        "lists",
                        f"listed all endpoints of the endpoint mapper on {addresses.text(packet.dst)}",
                        {"lists": 1, "threshold": 1},
                        (f"{event.call} requests the endpoints of all programs",),
                        [],
                    )
            return
        if not isinstance(event, PortmapCall | PortmapAdminCall):
            return
        what = event.name or str(event.program) if event.program else "all programs"
        hosts = self._hosts.add((packet.src, event.program), packet.dst, event.ts)
        threshold = want.admin_hosts if event.name == "sadmind" else want.hosts
        if hosts >= threshold:
            some_hosts = self._hosts.values((packet.src, event.program))
            yield from self._alert(
                event, f"queried {hosts} hosts for {what}", hosts, threshold, f"{want.hours:g} h", some_hosts
            )
            return
        yield from self._looked_up(event, "port mapper")

    def _looked_up(self, event: Event, mapper: str) -> Iterator[Alert]:
        packet, want = event.packet, self.options
        lookups = self._lookups.add((packet.src, packet.dst), event.ts)
        if lookups >= want.lookups:
            yield from self._alert(
                event,
                f"sent {lookups} lookups to the {mapper} of {addresses.text(packet.dst)}",
                lookups,
                want.lookups,
                "60 s",
                [],
            )

    def _alert(
        self, event: Event, what: str, count: int, threshold: int, window: str, hosts: list[int]
    ) -> Iterator[Alert]:
        packet = event.packet
        kind = "hosts" if hosts else "lookups"
        if not self._reported.fresh((packet.src, f"{kind} {count.bit_length()}"), event.ts):
            return
        why = [f"{count} {kind} within {window} (threshold {threshold})"]
        if hosts:
            why.append(f"including {some([addresses.text(host) for host in hosts])}")
        yield self._made(event, kind, what, {kind: count, "threshold": threshold, "window": window}, why, hosts)

    def _made(
        self, event: Event, kind: str, what: str, numbers: Numbers, why: Sequence[str], hosts: list[int]
    ) -> Alert:
        packet = event.packet
        actor, target, near, far = ends_of(packet)
        grade = Severity.high if is_fixed_function(self.context, actor) else Severity.medium
        if kind == "lists":
            grade = Severity.low
        return self.alert(
            event,
            actor=actor,
            target=target,
            targets=[target, *(Subject(0, host, packet.vlan) for host in hosts if host != packet.dst)],
            summary=f"{who(self.context, actor)} {what}",
            why=why,
            numbers=numbers,
            key=(kind,),
            severity=grade,
            confidence=0.5 if kind == "lists" else 0.9,
            actor_port=near,
            target_port=far,
            network=network_of_packet(self.context, packet, "rpc"),
        )
