"""A device that was monitored for days offers a service on a new port.

It counts once data was exchanged, so that scans of open ports are ignored. Services that its type usually offers, or
that similar devices offer, are informational; so are ports of computers, where programs come and go. A fixed-function
device with an unusual service is more severe.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.device import Device
from sensor.core.flow import Flow
from sensor.core.ip_protocols import PROTOCOLS
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.core.type_labels import a_type, type_label, type_plural
from sensor.counting.changes import Changes, subjects
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.recent_flows import RecentFlows
from sensor.counting.tally import Distinct
from sensor.detectors.shared.devices import COMPUTERS, OfDevices, called
from sensor.detectors.shared.hosts import client_of, network_of, server_of, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks

AGAIN_S, DAY_S = 600, 86_400
DEVICES_LIMIT, REPORTED_LIMIT = 4096, 16384
# Number of other devices of its type that make a service usual.
OTHERS = 2


class Options(detector.Options):
    """Learning period and exemptions."""

    learn_h: float = Field(72, ge=1, le=2160, description="learning period of a device in hours")
    restless: int = Field(4, ge=1, le=64, description="new ports of a device within a day after which it is ignored")
    exempt: Blocks = Field((), description="addresses and CIDR blocks of devices that may offer any service")


class NewService(OfDevices, FlowDetector):
    """Watches ended flows by server port; the baseline knows earlier services."""

    title = "New service on a device"
    severity = Severity.low
    techniques = ("T1571",)
    advice = (
        "Ask the owner of the device whether a service was enabled. If not, identify the program: backdoors and "
        "proxies listen on their own ports. `sensor baseline allow` accepts the service."
    )
    false_positives = "New software, an enabled feature, an update with a new service, peer-to-peer programs."
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._over = self.tables.include("over", RecentFlows(AGAIN_S * SECOND, near=True))
        self._reported: Recent[tuple[str, int]] = self.tables.add("reported", Recent(REPORTED_LIMIT, DAY_S * SECOND))
        self._ports: Distinct[str, int] = self.tables.add("ports", Distinct(DAY_S * SECOND, DEVICES_LIMIT, 64))
        self._exempt = AddressBlocks(self.options.exempt)

    def candidates(self, changes: Changes) -> Iterable[tuple[int, tuple[Subject, int]]]:
        picked = self._over.fresh(changes)
        rows = changes.rows.take(picked)
        services = rows["proto"].astype(np.int64) << 16 | rows["server_port"]
        return zip(picked, zip(subjects(rows, "server"), services.tolist(), strict=True), strict=True)

    def is_relevant(self, numbers: tuple[Subject, int]) -> bool:
        """Whether the server is a device with a complete learning period, and this is its first flow, which is rare."""
        server, service = numbers
        baseline = self.context.baseline
        if baseline.first_served(server, service) or server.address in self._exempt:
            return False
        return baseline.maturity(server, self.options.learn_h) >= 1

    def evaluate(self, flow: Flow, numbers: tuple[Subject, int]) -> Iterator[Alert]:
        device, service = self.context.device(server_of(flow)), flow.proto << 16 | flow.server_port
        if device is None or not self._reported.fresh((device.id, service), flow.ts):
            return
        ports = self._ports.add(device.id, service, flow.ts)
        if ports <= self.options.restless:
            yield self._alert(flow, device, service, ports)

    def _alert(self, flow: Flow, device: Device, service: int, ports: int) -> Alert:
        what, client = f"{PROTOCOLS.get(flow.proto, flow.proto)}/{flow.server_port}", client_of(flow)
        severity, reason = self._weigh(device, service)
        return self.device_alert(
            flow,
            device,
            what,
            target=client,
            summary=f"{called(device)} offers the new service {what}, used by {who(self.context, client)}",
            why=(f"the service was not used in the learning period of {self.options.learn_h:g} h", reason),
            numbers={
                "service": what,
                "threshold_h": self.options.learn_h,
                "new_ports": ports,
                "restless": self.options.restless,
            },
            severity=severity,
            confidence=0.7,
            actor_port=flow.server_port,
            target_port=flow.client_port,
            network=network_of(self.context, flow),
        )

    def _weigh(self, device: Device, service: int) -> tuple[Severity, str]:
        """Severity, and the reasons."""
        baseline, kind = self.context.baseline, type_label(device.type)
        start, others = baseline.start(device.type), baseline.alike(device.type, service, offered=True)
        if start is not None and service in start.serves:
            return Severity.info, f"{a_type(device.type)} usually offers this"
        if others >= OTHERS:
            return Severity.info, f"{others} other devices of its type offer this"
        if device.type in COMPUTERS or device.type == "unknown":
            return Severity.info if service & 0xFFFF >= 1024 else self.severity, "programs on computers change often"
        if device.fixed_function:
            return Severity.medium, f"no {kind} offered this before, and {type_plural(device.type)} usually do not"
        return self.severity, f"no other {kind} offers this"
