"""Slow address scan: one source contacts many internal addresses on one port, spread over ten minutes, an hour, or a
day.

Counted like the fast scan, by source, protocol and port, over failed internal targets. Tables have a fixed size; when
they are full, the least relevant sources are evicted, so that a day takes no more memory than a minute. Scans reported
as fast are not reported again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.flow import Flow
from sensor.core.ip_protocols import PROTOCOLS, WITH_PORTS
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.counting.changes import Changes, follow
from sensor.counting.contacts import contact_attempts
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.ports import ports_in
from sensor.counting.windows import DistinctWindow
from sensor.detectors.shared.addresses import UPDATE_PORTS, addresses_in
from sensor.detectors.shared.hosts import client_of, network_of, scanned, server_of, severity_of_scan, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks

FAST_S, FAST_TARGETS = 120, 25
DAY_S = 86400
KEY_BITS, PAIR_BITS = 12, 16
SOURCES_LIMIT = 4096
# Windows in seconds.
TEN_MINUTES, HOUR = 600, 3600


class Options(detector.Options):
    """When failed contacts are a scan."""

    ten_minutes: int = Field(50, ge=5, description="threshold: failed addresses on one port within ten minutes")
    hour: int = Field(75, ge=5, description="threshold within an hour")
    day: int = Field(100, ge=5, description="threshold within a day")
    share: float = Field(0.6, ge=0, le=1, description="minimum share of failed contacts")
    grace_s: float = Field(3.0, gt=0, le=8, description="seconds without an answer after which a contact failed")
    update_ports: tuple[int, ...] = Field(
        UPDATE_PORTS, description="ports on which clients fetch updates from each other: targets on them do not count"
    )
    exempt: Blocks = Field((), description="addresses and CIDR blocks of your own scanners and monitoring")


class Finding(NamedTuple):
    """Addresses that failed and that answered within a window in seconds, and a sample of those that failed; without a
    window: a fast scan, which is only recorded.
    """

    failed: int
    answered: int
    sample: list[int]
    window_s: int
    threshold: int


class SlowAddressScan(FlowDetector):
    """Watches first contacts with internal addresses over TCP, UDP and ICMP echo."""

    title = "Slow address scan"
    severity = Severity.medium
    techniques = ("T1018",)
    advice = (
        "The source avoids detection: identify the program, and review its other traffic of these hours "
        "and the hosts that answered."
    )
    false_positives = (
        "Management and backup servers whose clients are off; a phone book, printer or share list "
        "with outdated addresses."
    )
    decisive = {"ten_minutes": "failed", "hour": "failed", "day": "failed"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        want = self.options
        self._near_ports = ~ports_in(want.update_ports)
        self._far_ports = np.zeros(65536, np.uint8)
        rules = {
            "fast": (FAST_S, FAST_TARGETS),
            "ten_minutes": (TEN_MINUTES, want.ten_minutes),
            "hour": (HOUR, want.hour),
            "day": (DAY_S, want.day),
        }
        self._windows = [
            (
                seconds if seconds != FAST_S else 0,
                threshold,
                self.tables.add(f"windows.{name}", self._window(seconds, threshold)),
            )
            for name, (seconds, threshold) in rules.items()
        ]
        self._noted: Recent[tuple[int, int, int]] = self.tables.add("noted", Recent(SOURCES_LIMIT, DAY_S * SECOND))
        self._exempt = AddressBlocks(want.exempt)

    def _window(self, seconds: int, threshold: int) -> DistinctWindow:
        window = self.window(seconds * SECOND, KEY_BITS, PAIR_BITS, int(self.options.grace_s * SECOND))
        window.rule(threshold=threshold, share=self.options.share)
        return window

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Finding]]:
        rows, flooded = changes.contacts, changes.flooded
        near, _ = contact_attempts(rows, self._far_ports)
        near = near.compress(self._near_ports[rows["service"][near["at"]] >> 8])
        found = [
            (int(rows["row"][at]), Finding(failed, answered, sample, seconds, threshold))
            for seconds, threshold, window in self._windows
            for at, failed, answered, sample in follow(window, near)
            if not flooded[at]
        ]
        return sorted(found, key=lambda each: (each[0], each[1].window_s))

    def evaluate(self, flow: Flow, numbers: Finding) -> Iterator[Alert]:
        fresh = self._noted.fresh((flow.client, flow.server_port, flow.proto), flow.ts)
        if not numbers.window_s or not fresh or flow.client in self._exempt:
            return
        actor, target = client_of(flow), server_of(flow)
        targets = [Subject(0, address, flow.vlan) for address in addresses_in(numbers.sample)] or [target]
        service = "ping" if flow.proto not in WITH_PORTS else f"{PROTOCOLS[flow.proto]}/{flow.server_port}"
        span = f"{numbers.window_s // 3600} h" if numbers.window_s >= HOUR else f"{numbers.window_s // 60} min"
        yield self.alert(
            flow,
            actor=actor,
            target=target,
            targets=targets,
            summary=f"{who(self.context, actor)} {scanned(numbers.failed, service)}, within {span}",
            why=(
                (
                    f"{numbers.failed} addresses rejected {service} or did not answer within {span} (threshold "
                    f"{numbers.threshold})"
                ),
                f"{numbers.answered} others answered",
                f"including {some([addresses.text(each.address) for each in targets])}",
            ),
            numbers={
                "failed": numbers.failed,
                "answered": numbers.answered,
                "threshold": numbers.threshold,
                "window_s": numbers.window_s,
            },
            key=(service,),
            severity=severity_of_scan(self.context, actor),
            confidence=0.8,
            target_port=flow.server_port if flow.proto in WITH_PORTS else 0,
            network=network_of(self.context, flow),
        )
