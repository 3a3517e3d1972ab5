"""Lateral movement chain: a host that just received an administration session opens new ones.

Sessions are followed host by host: each host remembers the longest chain by which it was reached. Hops between known
pairs do not count, nor SMB to file and print servers; jump hosts are learned after a day, or configured.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context
from sensor.core.flow import Flow
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import counted
from sensor.core.time_units import SECOND
from sensor.detectors.shared.hosts import client_of, is_fixed_function, network_of, server_of, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks
from sensor.detectors.shared.sessions import SERVICES, AdminSessions, service_name

HOSTS_LIMIT = 8192
HOPS_LIMIT = 16
LONG = 3


class Options(detector.Options):
    """How soon one session must follow the other, and jump hosts."""

    window_s: int = Field(1800, ge=60, le=86400, description="time window of the next hop in seconds")
    hops: int = Field(2, ge=2, le=HOPS_LIMIT, description="threshold: hops of a chain")
    jump_hosts: Blocks = Field((), description="addresses and CIDR blocks of jump hosts, whose sessions begin no chain")


class HopChain(AdminSessions):
    """Keeps for each host the chain of sessions that led to it."""

    title = "Lateral movement chain of administration sessions"
    severity = Severity.medium
    adjusts_severity = True
    techniques = ("T1021",)
    advice = (
        "Ask the owner of the first host whether this is planned work. If not, isolate the first host and every later "
        "one. Change the passwords that were used, and administer from jump hosts only."
    )
    false_positives = (
        "A jump host or terminal server on its first day (list it in `jump_hosts`); an administrator who works from "
        "one server to the next."
    )
    decisive = {"hops": "hops"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._window = self.options.window_s * SECOND
        self._reached: Bounded[int, tuple[Flow, ...]] = self.tables.add("reached", Bounded(HOSTS_LIMIT))
        self._jump_hosts = AddressBlocks(self.options.jump_hosts)

    def session(self, flow: Flow, ts: int) -> Iterator[Alert]:
        if not self.is_new(flow) or self.is_sharing(flow) or flow.client in self._jump_hosts:
            return
        chain = (*self._before(flow), flow)
        kept = self._reached.get(flow.server)
        if kept is None or len(chain) >= len(kept) or flow.first - kept[-1].first > self._window:
            self._reached.put(flow.server, chain)
        if len(chain) >= self.options.hops:
            yield self._alert(flow, chain)

    def _before(self, flow: Flow) -> tuple[Flow, ...]:
        """The chain by which the client was reached, if it is recent and has no cycle."""
        chain = self._reached.get(flow.client) or ()
        if not chain or not 0 <= flow.first - chain[-1].first <= self._window:
            return ()
        if any(flow.server in (hop.client, hop.server) for hop in chain):
            return ()
        return chain[-HOPS_LIMIT + 1 :]

    def _alert(self, flow: Flow, chain: tuple[Flow, ...]) -> Alert:
        actor = client_of(chain[0])
        path = [actor, *map(server_of, chain)]
        names = [who(self.context, end) for end in path]
        middle, minutes = ", ".join(names[1:-1]), (chain[-1].first - chain[0].first) / SECOND / 60
        return self.alert(
            flow,
            actor=actor,
            target=path[-1],
            targets=path[1:],
            summary=(
                f"{names[0]} reached {names[-1]} over {middle}: {len(chain)} chained administration sessions "
                f"within {counted(max(1, round(minutes)), 'minute')}"
            ),
            why=(
                " → ".join(
                    [names[0], *(f"({service_name(hop)}) {name}" for hop, name in zip(chain, names[1:], strict=True))]
                ),
                (
                    f"{len(chain)} hops, each within {self.options.window_s // 60} min of the previous one "
                    f"(threshold {self.options.hops})"
                ),
                *(_hop(before, after, name) for before, after, name in zip(chain, chain[1:], names[1:], strict=False)),
            ),
            numbers={
                "hops": len(chain),
                "threshold": self.options.hops,
                "window_s": self.options.window_s,
                "minutes": round(minutes, 1),
            },
            key=(addresses.text(path[1].address),),
            severity=self._severity(path, chain),
            confidence=0.8 if len(chain) >= LONG else 0.65,
            target_port=flow.server_port,
            network=network_of(self.context, flow),
            techniques=tuple(dict.fromkeys(SERVICES[hop.server_port][1] for hop in reversed(chain))),
            first=chain[0].first,
        )

    def _severity(self, path: list[Subject], chain: tuple[Flow, ...]) -> Severity:
        """High where the chain is long, or a fixed-function device is a hop."""
        severe = len(chain) >= LONG or any(is_fixed_function(self.context, end) for end in path[:-1])
        return Severity.high if severe else Severity.medium


def _hop(before: Flow, after: Flow, name: str) -> str:
    return (
        f"{name} received {service_name(before)} and opened {service_name(after)} "
        f"{(after.first - before.first) / SECOND:.0f} s later"
    )
