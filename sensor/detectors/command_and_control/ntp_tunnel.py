"""Data exchanged in NTP messages with an external host: many messages of one client without the pause between two
queries.

Clients query a server once in 16 seconds or less often, after a few queries two seconds apart (RFC 5905, 7.3 and 13.1).
Queries every second and faster occur between hosts that synchronize to microseconds, inside a network only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import UDP
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.counting.changes import Changes
from sensor.counting.flow_detector import FlowDetector
from sensor.detectors.shared.hosts import client_of, network_of, server_of, who

REPORTED_LIMIT, REPORTED_S = 1024, 3600
NTP = 123


class Options(detector.Options):
    """When NTP messages are a tunnel."""

    packets: int = Field(100, ge=20, description="threshold: datagrams of each side of a flow")
    per_second: float = Field(0.5, gt=0, description="minimum rate of the client in datagrams a second")


class Finding(NamedTuple):
    """Datagrams of the less active side, and seconds."""

    packets: int
    seconds: int


class NtpTunnel(FlowDetector):
    """Checks flows to external time servers when they end, and long ones while they continue."""

    title = "NTP tunneling"
    severity = Severity.medium
    techniques = ("T1572", "T1071")
    advice = (
        "Identify the program that sends these messages. Let clients query internal time servers only, and these named "
        "external servers."
    )
    false_positives = "A test or measurement of time servers."
    decisive = {"packets": "packets"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[tuple[int, int]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, REPORTED_S * SECOND)
        )

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Finding]]:
        want, found = self.options, []
        for kind in (Change.ENDED, Change.PROGRESS):
            at, rows = changes.of(kind)
            least = np.minimum(rows["client_packets"], rows["server_packets"])
            queried = (rows["server_port"] == NTP) & (rows["proto"] == UDP) & (least >= want.packets)
            for i in np.flatnonzero(queried).tolist():
                seconds = max(int(rows["last"][i] - rows["first"][i]) / SECOND, 1.0)
                if rows["client_packets"][i] >= want.per_second * seconds:
                    found.append((int(at[i]), Finding(int(least[i]), round(seconds))))
        return sorted(found)

    def evaluate(self, flow: Flow, numbers: Finding) -> Iterator[Alert]:
        inside = self.context.networks.inside
        if not inside(flow.client) or inside(flow.server):
            return
        if not self._reported.fresh((flow.client, flow.server), flow.ts):
            return
        actor, target, sent = client_of(flow), server_of(flow), flow.client_bytes + flow.server_bytes
        yield self.alert(
            flow,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} exchanged data with {who(self.context, target)} in NTP messages",
            why=(
                (
                    f"{numbers.packets} datagrams of each side within {numbers.seconds} s, {sent:,} bytes of frames "
                    f"(threshold {self.options.packets})"
                ),
                f"minimum rate of the client: {self.options.per_second} a second; time clients wait 16 s and more",
            ),
            numbers={
                "packets": numbers.packets, "threshold": self.options.packets, "window_s": numbers.seconds,
                "bytes": sent,
            },
            key=(addresses.text(flow.server),),
            confidence=0.7,
            actor_port=flow.client_port,
            target_port=flow.server_port,
            network=network_of(self.context, flow),
        )  # fmt: skip
