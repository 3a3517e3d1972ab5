"""First administration session (SSH, RDP, VNC, SMB, WinRM or Telnet) between two hosts.

Active once the network was monitored for a day. Services used by many clients are not administration; a new target of a
source that administers many hosts has low severity.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.flow import Flow
from sensor.core.model import Field
from sensor.core.time_units import DAY
from sensor.counting.tally import Counts
from sensor.detectors.shared.hosts import client_of, network_of, server_of, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks
from sensor.detectors.shared.sessions import SERVICES, AdminSessions, service_name, service_of

PAIRS_LIMIT = 16384


class Options(detector.Options):
    """Learning period and exemptions."""

    learn_h: float = Field(24, ge=0, le=2160, description="learning period of the network in hours")
    popular: int = Field(5, ge=2, le=8, description="number of clients from which a service is public")
    administers: int = Field(
        5, ge=1, description="number of servers from which their client is an administrator: new ones have low severity"
    )
    exempt: Blocks = Field((), description="addresses and CIDR blocks of hosts that may administer any host")


class FirstAdminSession(AdminSessions):
    """Compares each session with learned ones."""

    title = "First administration session between two hosts"
    severity = Severity.medium
    techniques = ("T1021",)
    advice = (
        "Ask the owner of the source whether this was intended. If not, find out how the source was "
        "compromised and what was done on the target."
    )
    false_positives = (
        "New administrators, new servers, help desks; a computer with a new address before its name is known."
    )
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[tuple[int, int, str]] = self.tables.add("reported", Recent(PAIRS_LIMIT, DAY))
        self._new: Counts[tuple[int, str]] = self.tables.add("new", Counts(DAY, PAIRS_LIMIT))
        self._exempt = AddressBlocks(self.options.exempt)

    def session(self, flow: Flow, ts: int) -> Iterator[Alert]:
        watched = self.context.baseline.age_h(flow.first)
        if watched < self.options.learn_h or not self.is_new(flow) or self.is_popular(flow, self.options.popular):
            return
        if flow.client in self._exempt or not self._reported.fresh((flow.client, flow.server, service_name(flow)), ts):
            return
        yield self._alert(flow, watched)

    def _alert(self, flow: Flow, watched: float) -> Alert:
        actor, target, service = client_of(flow), server_of(flow), service_name(flow)
        # Hosts contacted first today were learned meanwhile, and are no habit.
        usual = max(
            self.context.baseline.servers(actor, service_of(flow)) - self._new.add((flow.client, service), flow.ts) + 1,
            0,
        )
        name, other = who(self.context, actor), who(self.context, target)
        slight = usual >= self.options.administers or self.is_sharing(flow)
        return self.alert(
            flow,
            actor=actor,
            target=target,
            summary=f"{name} opened {service} to {other} for the first time",
            why=(
                f"no {service} session of the two in {watched:.0f} h (learning period {self.options.learn_h:g} h)",
                f"{name} administered {usual} other hosts over {service} before"
                + (": one more is expected" if usual >= self.options.administers else ""),
                (
                    f"the session was {'answered' if flow.answered else 'not answered in the capture'}, "
                    f"tcp/{flow.server_port}"
                ),
            ),
            numbers={"watched_h": round(watched, 1), "threshold_h": self.options.learn_h, "usual": usual},
            key=(addresses.text(target.address), service),
            severity=Severity.low if slight else None,
            confidence=0.6 if slight else 0.75,
            actor_port=flow.client_port,
            target_port=flow.server_port,
            network=network_of(self.context, flow),
            techniques=(SERVICES[flow.server_port][1],),
        )
