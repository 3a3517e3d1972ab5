"""UDP service loop: two services answer each other endlessly (echo, chargen, TFTP, NTP errors; CERT CA-1996-01,
CVE-2024-2169).

One datagram with the source address and port of the other service begins it, so the sender is not in the capture. No
client uses the ports of these services, but time servers exchange messages from port 123 on both sides. Only errors of
time servers loop, and they are shorter than times.
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
from sensor.counting.ports import ports_in
from sensor.detectors.shared.hosts import client_of, network_of, server_of, who

REPORTED_LIMIT, REPORTED_S = 1024, 600
# Echo, active users, daytime, quote of the day, chargen, time, TFTP, NTP.
SERVICES = (7, 11, 13, 17, 19, 37, 69, 123)
NTP, NTP_FRAME = 123, 90  # bytes of a frame with a time in the shortest form (RFC 5905, 7.3), over IPv4


class Options(detector.Options):
    """When answers are a loop."""

    packets: int = Field(200, ge=20, description="threshold: datagrams of each of both services")
    per_second: float = Field(5.0, gt=0, description="minimum rate of each service in datagrams a second")


class Finding(NamedTuple):
    """Datagrams of the less active service, and seconds."""

    packets: int
    seconds: int


class ServiceLoop(FlowDetector):
    """Checks flows between two such ports when they end, and long ones while they continue."""

    title = "UDP service loop (echo, chargen, TFTP)"
    severity = Severity.medium
    techniques = ("T1499.002", "T1498.001", "T1499")
    advice = (
        "Disable these services on both hosts, and update the firmware of devices whose TFTP or NTP service answers "
        "errors. Drop packets with spoofed source addresses at the border (BCP 38)."
    )
    false_positives = "A load test of such a service that uses its port as source."
    decisive = {"packets": "packets"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._services = ports_in(SERVICES)
        self._reported: Recent[tuple[int, int, int]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, REPORTED_S * SECOND)
        )

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Finding]]:
        want, found = self.options, []
        for kind in (Change.ENDED, Change.PROGRESS):
            at, rows = changes.of(kind)
            both = self._services[rows["client_port"]] & self._services[rows["server_port"]] & (rows["proto"] == UDP)
            least = np.minimum(rows["client_packets"], rows["server_packets"])
            times = (rows["server_port"] == NTP) & (rows["server_bytes"] >= NTP_FRAME * rows["server_packets"])
            for i in np.flatnonzero(both & ~times & (least >= want.packets)).tolist():
                seconds = max(int(rows["last"][i] - rows["first"][i]) / SECOND, 1.0)
                if least[i] >= want.per_second * seconds:
                    found.append((int(at[i]), Finding(int(least[i]), round(seconds))))
        return sorted(found)

    def evaluate(self, flow: Flow, numbers: Finding) -> Iterator[Alert]:
        if not self._reported.fresh((flow.client, flow.server, flow.server_port), flow.ts):
            return
        actor, target, least = client_of(flow), server_of(flow), self.options.packets
        ports = f"udp/{flow.client_port} and udp/{flow.server_port}"
        yield self.alert(
            flow,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} and {who(self.context, target)} answer each other endlessly",
            why=(
                f"{numbers.packets} datagrams of each side within {numbers.seconds} s (threshold {least})",
                f"both ports belong to services: {ports}",
                "a datagram with a spoofed source started the loop: its sender is neither host",
            ),
            numbers={"packets": numbers.packets, "threshold": least, "window_s": numbers.seconds},
            key=(addresses.text(flow.server), flow.client_port, flow.server_port),
            confidence=0.8,
            actor_port=flow.client_port,
            target_port=flow.server_port,
            network=network_of(self.context, flow),
        )
