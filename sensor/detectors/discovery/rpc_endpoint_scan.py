"""One source asks many hosts, or one of them very often, where the programs of remote procedure calls listen: port mappers, and endpoint mappers of DCE/RPC.

An ordinary client asks the file servers it mounts from, and those again and again. So only hosts count that were not asked before; a sweep for one program
may take hours. Calls of a daemon that was a way in for years count at once. Programs look up what they use; who lets an endpoint mapper list everything,
looks around, be it a scanner or an administrator: a hint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.observation import Subject
from sensor.core.tally import Counts, Distinct
from sensor.core.wants import Want, field
from sensor.detectors._words import ends_of, is_fixed_function, network_of_packet, some, who
from sensor.dissectors._rpc_events import RpcCall
from sensor.dissectors.portmap import PortmapAdminCall, PortmapCall

SECOND = 1_000_000_000
SOURCES_LIMIT, HOSTS_LIMIT = 1024, 64
TOLD_S = 900
MAPPER, LIST_ALL = "epm", 2


class Options(detector.Options):
    """When look-ups are a scan."""

    hosts: int = Field(8, ge=2, le=60, description="hosts that one source asked for one program")
    hours: float = Field(6, gt=0, le=48, description="hours in which they must fall")
    lookups: int = Field(50, ge=5, description="look-ups of one source at one host within a minute")
    admin_hosts: int = Field(2, ge=1, le=60, description="hosts of which one source asked for, or called, the administration daemon")


class RpcEndpointScan(EventDetector):
    """Watches look-ups at port mappers, and calls of the administration daemon."""

    title = "RPC endpoint scan"
    severity = Severity.medium
    techniques = ("T1046",)
    advice = "Find out who runs a scanner on the source; close port 111 between segments; look at the programs that answered, and at calls to them afterwards."
    false_positives = "Monitoring that looks after many file servers; vulnerability scanners."
    Options = Options
    watches = (PortmapCall, PortmapAdminCall, RpcCall)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._hosts: Distinct[tuple[int, int], int] = Distinct(int(self.options.hours * 3600) * SECOND, SOURCES_LIMIT, HOSTS_LIMIT)
        self._lookups: Counts[tuple[int, int]] = Counts(60 * SECOND, SOURCES_LIMIT)
        self._told: Recent[tuple[int, str]] = Recent(SOURCES_LIMIT, TOLD_S * SECOND)

    def wants(self) -> dict[type[Event], Want]:
        return {RpcCall: field("interface") == MAPPER}

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet, want = event.packet, self.options
        if isinstance(event, RpcCall):
            if event.interface == MAPPER:
                yield from self._looked_up(event, "endpoint mapper")
                if event.number == LIST_ALL and self._told.fresh((packet.src ^ packet.dst, "list"), event.ts):
                    yield self._made(
                        event, f"lets the endpoint mapper of {addresses.text(packet.dst)} list everything", {"lists": 1, "threshold": 1}, (event.call,), []
                    )
            return
        if not isinstance(event, PortmapCall | PortmapAdminCall):
            return
        what = event.name or str(event.program) if event.program else "all programs"
        hosts = self._hosts.add((packet.src, event.program), packet.dst, event.ts)
        threshold = want.admin_hosts if event.name == "sadmind" else want.hosts
        if hosts >= threshold:
            some_hosts = self._hosts.values((packet.src, event.program))
            yield from self._alert(event, f"asked {hosts} hosts for {what}", hosts, threshold, f"{want.hours:g} h", some_hosts)
            return
        yield from self._looked_up(event, "port mapper")

    def _looked_up(self, event: Event, mapper: str) -> Iterator[Alert]:
        packet, want = event.packet, self.options
        lookups = self._lookups.add((packet.src, packet.dst), event.ts)
        if lookups >= want.lookups:
            yield from self._alert(event, f"made {lookups} look-ups at the {mapper} of {addresses.text(packet.dst)}", lookups, want.lookups, "60 s", [])

    def _alert(self, event: Event, what: str, count: int, threshold: int, window: str, hosts: list[int]) -> Iterator[Alert]:
        packet = event.packet
        kind = "hosts" if hosts else "lookups"
        if not self._told.fresh((packet.src, f"{kind} {count.bit_length()}"), event.ts):
            return
        why = [f"{count} {kind} within {window}; counts from {threshold} on"]
        if hosts:
            why.append(f"among them {some([addresses.text(host) for host in hosts])}")
        yield self._made(event, what, {kind: count, "threshold": threshold, "window": window}, why, hosts)

    def _made(self, event: Event, what: str, numbers: dict[str, int | float | str], why: Sequence[str], hosts: list[int]) -> Alert:
        packet, kind = event.packet, next(iter(numbers))
        actor, target, near, far = ends_of(packet)
        grade = Severity.low if kind == "lists" else Severity.high if is_fixed_function(self.context, actor) else Severity.medium
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
