"""One source opens administration sessions to many hosts that it did not administer before.

Only sessions with data count; probes are scans. Known pairs do not count, and a source that administers many hosts
anyway must reach as many new ones. Backups, deployments and tools that save the configurations of network devices use
SSH and Telnet: until the network was monitored for a day, a source that uses nothing else has low severity, unless it
is a device with a fixed function.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context
from sensor.core.flow import Flow
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.counting.tally import Distinct
from sensor.detectors.shared.hosts import client_of, is_fixed_function, network_of, server_of, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks
from sensor.detectors.shared.sessions import SERVICES, AdminSessions, service_name, service_of

SOURCES_LIMIT, SERVICES_LIMIT = 2048, 4
AUTOMATED = frozenset(("SSH", "Telnet"))


class Options(detector.Options):
    """How many new sessions are too many, and exempt hosts."""

    targets: int = Field(5, ge=2, le=200, description="threshold: hosts with new administration sessions")
    window_s: int = Field(1800, ge=60, le=86400, description="time window in seconds")
    learn_h: float = Field(
        24,
        ge=0,
        le=2160,
        description="learning period in hours, in which sources that only use SSH or Telnet have low severity",
    )
    exempt: Blocks = Field((), description="addresses and CIDR blocks of jump hosts, deployment and backup servers")


class FanOut(AdminSessions):
    """Counts the distinct hosts that a source newly administers."""

    title = "Administration sessions to many hosts"
    severity = Severity.medium
    techniques = ("T1021", "T1570")
    advice = (
        "Ask the owner of the source whether this is planned work. If not, isolate it, and review what "
        "was run on each of the hosts."
    )
    false_positives = (
        "A deployment, backup or monitoring server on its first day (list it in `exempt`); an "
        "administrator who updates many hosts by hand."
    )
    decisive = {"targets": "hosts"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._hosts: Distinct[int, tuple[int, int, int]] = self.tables.add(
            "hosts", Distinct(self.options.window_s * SECOND, SOURCES_LIMIT)
        )
        self._services: Distinct[int, str] = self.tables.add(
            "services", Distinct(self.options.window_s * SECOND, SOURCES_LIMIT, SERVICES_LIMIT)
        )
        self._exempt = AddressBlocks(self.options.exempt)

    def session(self, flow: Flow, ts: int) -> Iterator[Alert]:
        if not self.is_new(flow) or self.is_sharing(flow) or flow.client in self._exempt:
            return
        self._services.add(flow.client, service_name(flow), ts)
        count = self._hosts.add(flow.client, (flow.server, flow.server_mac, flow.vlan), ts)
        if count < self.options.targets:
            return
        usual = self._usual(flow, count)
        if count >= max(self.options.targets, usual):
            yield self._alert(flow, count, usual)

    def _usual(self, flow: Flow, count: int) -> int:
        """Number of hosts that the source administered before with this service. New ones are learned while it
        continues, and are not part of it.
        """
        baseline, client, service = self.context.baseline, client_of(flow), service_of(flow)
        new = [Subject(mac, address, vlan) for address, mac, vlan in self._hosts.values(flow.client)[-count:]]
        return baseline.servers(client, service) - sum(baseline.first_use(client, host, service) > 0 for host in new)

    def _alert(self, flow: Flow, count: int, usual: int) -> Alert:
        actor, minutes = client_of(flow), self.options.window_s // 60
        targets = [Subject(mac, address, vlan) for address, mac, vlan in self._hosts.values(flow.client)[-count:]]
        learning = self.context.baseline.age_h(flow.first) < self.options.learn_h
        automated = AUTOMATED.issuperset(self._services.values(flow.client))
        slight = learning and automated and not is_fixed_function(self.context, actor)
        return self.alert(
            flow,
            actor=actor,
            target=server_of(flow),
            targets=targets,
            summary=(
                f"{who(self.context, actor)} opened administration sessions to {count} hosts it did not "
                f"administer before, within {minutes} min"
            ),
            why=(
                f"{count} hosts within {minutes} min (threshold {max(self.options.targets, usual)})",
                (
                    f"including {some([who(self.context, target) for target in targets])}; the last one over "
                    f"{service_name(flow)}"
                ),
                f"it administered {usual} hosts over {service_name(flow)} before"
                if usual
                else "no earlier administration sessions of this source",
            ),
            numbers={
                "hosts": count,
                "threshold": max(self.options.targets, usual),
                "usual": usual,
                "window_s": self.options.window_s,
            },
            target_port=flow.server_port,
            network=network_of(self.context, flow),
            techniques=(SERVICES[flow.server_port][1], "T1570"),
            severity=Severity.low if slight else None,
            confidence=0.5 if slight else 0.8,
        )
