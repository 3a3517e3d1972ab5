"""Remote control over an unknown protocol: a host opens flow after flow to one unusual port, sends about the same
amount each time and receives little.

Remote access trojans send screenshots like this, one after another; concurrent flows, as in a speed test, count as one.
Cameras that upload pictures to a recorder do the same, and so do some backup programs: an internal server lowers the
confidence, and devices with that purpose are ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import TCP
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.counting.changes import CLIENT_INSIDE, Changes
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.ports import ports_in
from sensor.detectors.shared.hosts import client_of, is_fixed_function, network_of, server_of, who

PAIRS_LIMIT = 2048
# Ports with ordinary uploads: web, files, mail, printing, medical images, logs, databases, backups.
USUAL = (
    20, 21, 22, 25, 80, 104, 110, 139, 143, 443, 445, 465, 514, 515, 554, 587, 631, 873, 902, 993, 995, 1433, 1521,
    1883, 1935, 2049, 2525, 2762, 3128, 3260, 3306, 3389, 4242, 5000, 5001, 5044, 5201, 5432, 5672, 5985, 5986, 6379,
    6514, 7680, 8000, 8006, 8080, 8086, 8088, 8443, 8883, 8888, 9000, 9090, 9091, 9092, 9100, 9200, 9392, 10000,
    10050, 10051, 11112, 13724, 27017, 50000,
)  # fmt: skip


class Options(detector.Options):
    """When uploads are screenshots."""

    uploads: int = Field(
        4, ge=3, le=100, description="threshold: flows of one client to one server and port, of about the same size"
    )
    window_s: int = Field(600, ge=30, le=86400, description="time window in seconds")
    bytes: int = Field(20_000, ge=1000, description="minimum number of bytes that the client sends in each")
    ratio: float = Field(8.0, ge=1, description="minimum ratio of bytes sent to bytes received")
    dispersion: float = Field(
        0.25, gt=0, le=1, description="maximum dispersion of the sizes (standard deviation divided by mean)"
    )
    ports: tuple[int, ...] = Field(USUAL, description="ports of ordinary uploads")


class RemoteControl(FlowDetector):
    """Watches TCP flows that ended; uploads are grouped by client, server and port."""

    title = "Remote control over an unknown protocol"
    severity = Severity.medium
    adjusts_severity = True
    techniques = ("T1219",)
    advice = (
        "Identify the program that opens these flows. If it is unknown, isolate both hosts: one is "
        "controlled, the other controls it."
    )
    false_positives = (
        "Backup, log and picture programs that upload parts of equal size to their own port: add the port to `ports`."
    )
    decisive = {"uploads": "uploads"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._odd = ~ports_in(self.options.ports)
        self._sizes: Bounded[tuple[int, int, int], tuple[tuple[int, int], ...]] = self.tables.add(
            "sizes", Bounded(PAIRS_LIMIT)
        )

    def candidates(self, changes: Changes) -> Iterable[tuple[int, int]]:
        rows, want = changes.contacts, self.options
        picked = (
            (rows["kind"] == Change.ENDED) & ((rows["service"] & 0xFF) == TCP) & ((rows["flags"] & CLIENT_INSIDE) > 0)
        )
        at = rows["row"][picked & self._odd[rows["service"] >> 8 & 0xFFFF]]
        sent, got = changes.rows["client_bytes"][at], changes.rows["server_bytes"][at]
        at = at[(sent >= want.bytes) & (sent >= want.ratio * got) & (got > 0)]
        return list(zip(at.tolist(), changes.rows["last"][at].tolist(), strict=True))

    def evaluate(self, flow: Flow, numbers: int) -> Iterator[Alert]:
        """``numbers``: time of the last packet (ns)."""
        want, key = self.options, (flow.client, flow.server, flow.server_port)
        fresh = [each for each in self._sizes.get(key) or () if abs(numbers - each[0]) <= want.window_s * SECOND]
        if fresh and flow.first < fresh[-1][0]:
            return
        uploads = (*fresh, (numbers, flow.client_bytes))[-want.uploads :]
        self._sizes.put(key, uploads)
        if len(uploads) < want.uploads:
            return
        sizes = np.array([size for _, size in uploads], np.float64)
        dispersion = float(sizes.std() / sizes.mean())
        inside = self.context.networks.inside(flow.server)
        if dispersion > want.dispersion or (inside and is_fixed_function(self.context, client_of(flow))):
            return
        yield self._alert(flow, sizes, dispersion, inside=inside)

    def _alert(self, flow: Flow, sizes: npt.NDArray[np.float64], dispersion: float, *, inside: bool) -> Alert:
        """``sizes``: bytes of each upload; ``dispersion``: of the sizes."""
        want, actor, target = self.options, client_of(flow), server_of(flow)
        return self.alert(
            flow,
            actor=actor,
            target=target,
            summary=(
                f"{who(self.context, actor)} uploaded about {sizes.mean():,.0f} bytes to port {flow.server_port} "
                f"of {who(self.context, target)} {len(sizes)} times"
            ),
            why=(
                (
                    f"{len(sizes)} flows within {want.window_s} s sent {sizes.mean():.0f} bytes each, with a "
                    f"dispersion of {dispersion:.2f}; threshold {want.uploads} below {want.dispersion}"
                ),
                (
                    f"the last one received {flow.server_bytes:,} bytes; port {flow.server_port} is not used for "
                    "ordinary uploads"
                ),
            ),
            numbers={
                "uploads": len(sizes),
                "threshold": want.uploads,
                "window_s": want.window_s,
                "bytes": round(float(sizes.mean())),
                "dispersion": round(dispersion, 3),
            },
            key=(flow.server, flow.server_port),
            severity=Severity.low if inside else self._severity(actor),
            confidence=0.5 if inside else 0.7,
            actor_port=flow.client_port,
            target_port=flow.server_port,
            network=network_of(self.context, flow),
        )

    def _severity(self, actor: Subject) -> Severity:
        """Of uploads to an external server."""
        return Severity.high if is_fixed_function(self.context, actor) else Severity.medium
