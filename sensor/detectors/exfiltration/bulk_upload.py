"""Unusual upload volume: a host sends more data to one external server than ever before.

It counts outbound bytes of flows opened from inside, and of FTP data connections opened by servers. Fixed-function
devices with little to send are judged by a fixed limit from the first day. All others are judged by their own history:
the most sent to one server on each day, its median and spread. Cameras and recorders store video at their vendors:
until their history is known, only TCP uploads to addresses without a host name count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from statistics import median
from typing import Any, NamedTuple

import msgspec
import numpy as np

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context
from sensor.core.device import FIXED_FUNCTION
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import TCP
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import DAY
from sensor.core.type_labels import a_type
from sensor.counting.changes import Changes
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.tally import Counts
from sensor.detectors.shared.hosts import client_of, network_of, server_of, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks

MEGABYTE = 1_000_000
FTP_DATA = 20
FLOWS_LIMIT, PAIRS_LIMIT, SENDERS_LIMIT = 4096, 8192, 4096
DAYS_KEPT = 28
# Fixed-function devices, except those whose function is sending: video, calls.
QUIET = FIXED_FUNCTION - {"camera", "nvr", "conferencing", "intercom", "voip_phone"}
CAMERAS = frozenset(("camera", "nvr"))
# Standard deviation of a normal distribution, relative to the median absolute deviation.
SCALE = 1.4826
# Minimum spread of similar days, relative to their median.
LEAST_SPREAD = 0.25


class Options(detector.Options):
    """From which volume on."""

    device_mb: int = Field(
        100, ge=1, description="threshold: megabytes a day to one external server, for fixed-function devices"
    )
    camera_mb: int = Field(
        200,
        ge=1,
        description=(
            "threshold for cameras and recorders without a history: megabytes a day over TCP to a server without a name"
        ),
    )
    least_mb: int = Field(1000, ge=1, description="minimum threshold for all other hosts, in megabytes a day")
    deviations: float = Field(
        6.0, gt=0, description="threshold: robust deviations above the median of the host's own days"
    )
    learn_days: int = Field(3, ge=1, le=DAYS_KEPT, description="learning period of a host in days")
    smallest_kb: int = Field(64, ge=1, description="minimum number of kilobytes sent by a flow")
    exempt: Blocks = Field(
        (), description="addresses and CIDR blocks of hosts that may upload, or of servers that may receive uploads"
    )


class Sent(NamedTuple):
    """A flow change: time, flow, sender, receiver, bytes so far, whether it ended."""

    ts: int
    flow: int
    near: Subject
    far: int
    bytes: int
    over: bool


class Days(msgspec.Struct):
    """A host: the current day, the largest volume to one server on it, and that of earlier days, latest last."""

    day: int
    most: int
    before: tuple[int, ...] = ()


class BulkUpload(FlowDetector):
    """Sums the bytes of flows as they continue and end; small ones are excluded in bulk."""

    title = "Unusual data upload (possible exfiltration)"
    severity = Severity.medium
    adjusts_severity = True
    techniques = ("T1048", "T1041")
    advice = (
        "Find out what was sent and by which program: ask the user, review the files and the server. If "
        "nothing explains it, block the server."
    )
    false_positives = (
        "A first cloud backup, an image or video sent to a customer, a printer that scans to the "
        "cloud: list the servers in `exempt`."
    )
    decisive = {"device_mb": "megabytes", "camera_mb": "megabytes", "least_mb": "megabytes"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._going: Bounded[int, int] = self.tables.add("going", Bounded(FLOWS_LIMIT))
        self._pairs: Counts[tuple[int, int]] = self.tables.add("pairs", Counts(DAY, PAIRS_LIMIT))
        self._days: Bounded[int, Days] = self.tables.add("days", Bounded(SENDERS_LIMIT))
        self._reported: Recent[tuple[int, int]] = self.tables.add("reported", Recent(PAIRS_LIMIT, DAY))
        self._exempt = AddressBlocks(self.options.exempt)

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Sent]]:
        rows, least = changes.rows, self.options.smallest_kb * 1000
        large = ((rows["client_bytes"] >= least) | (rows["server_bytes"] >= least)).nonzero()[0]
        if not len(large):
            return ()
        rows = rows.take(large)
        kinds, data = rows["kind"], (rows["client_port"] == FTP_DATA) & (rows["proto"] == TCP)
        sent = np.where(data, rows["server_bytes"], rows["client_bytes"])
        picked = ((kinds == Change.ENDED) | (kinds == Change.PROGRESS)) & (sent >= least)
        return zip(large[picked].tolist(), map(_sent, rows.compress(picked).tolist()), strict=True)

    def is_relevant(self, numbers: Sent) -> bool:
        """Counts new bytes of the flow; returns whether the sum needs evaluation."""
        inside = self.context.networks.inside
        if inside(numbers.far) or not inside(numbers.near.address) or addresses.is_multicast(numbers.far):
            return False
        least: int = min(self.options.device_mb, self.options.least_mb) * MEGABYTE
        return self._count(numbers) >= least

    def evaluate(self, flow: Flow, numbers: Sent) -> Iterator[Alert]:
        near, far = numbers.near.address, numbers.far
        if near in self._exempt or far in self._exempt:
            return
        unnamed = flow.proto == TCP and not self.context.names_of(far)
        total, limit, why = self._pairs.add((near, far), flow.ts, 0), *self._limit(numbers.near, unnamed)
        if 0 < limit <= total and self._reported.fresh((near, far), flow.ts):
            yield self._alert(flow, numbers, total, limit, why)

    def _count(self, numbers: Sent) -> int:
        """Bytes to this peer in the last day; keeps the maximum of each day."""
        before = self._going.pop(numbers.flow) or 0
        if not numbers.over:
            self._going.put(numbers.flow, numbers.bytes)
        total = self._pairs.add((numbers.near.address, numbers.far), numbers.ts, max(numbers.bytes - before, 0))
        day, days = numbers.ts // DAY, self._days.get(numbers.near.address)
        if days is None:
            days = Days(day, 0)
            self._days.put(numbers.near.address, days)
        elif day > days.day:
            days.before, days.day, days.most = (*days.before, days.most)[-DAYS_KEPT:], day, 0
        days.most = max(days.most, total)
        return total

    def _limit(self, near: Subject, unnamed: bool) -> tuple[float, str]:
        """Threshold in bytes per day, and its reason; 0 if unknown. ``unnamed``: over TCP to a server without a host
        name.
        """
        want, device, days = self.options, self.context.device(near), self._days.get(near.address)
        if device is not None and device.type in QUIET:
            reason = f"{a_type(device.type)} has little to send (threshold {want.device_mb} MB a day)"
            return want.device_mb * MEGABYTE, reason
        if days is None or len(days.before) < want.learn_days:
            if unnamed and device is not None and device.type in CAMERAS:
                usual = f"{a_type(device.type)} stores video at named servers of its vendor"
                return want.camera_mb * MEGABYTE, f"{usual} (threshold {want.camera_mb} MB a day)"
            return 0, ""
        middle = median(days.before)
        spread = max(SCALE * median(abs(each - middle) for each in days.before), LEAST_SPREAD * middle)
        usual = (
            f"on {len(days.before)} earlier days its largest upload to one server was {middle / MEGABYTE:.0f} MB in "
            f"the median, with a spread of {spread / MEGABYTE:.0f} MB"
        )
        return max(middle + want.deviations * spread, want.least_mb * MEGABYTE), usual

    def _alert(self, flow: Flow, numbers: Sent, total: int, limit: float, why: str) -> Alert:
        actor, names, sent = numbers.near, self.context.names_of(numbers.far), total / MEGABYTE
        inward = flow.client_port == FTP_DATA
        return self.alert(
            flow,
            actor=actor,
            target=client_of(flow) if inward else server_of(flow),
            summary=(
                f"{who(self.context, actor)} sent {sent:.0f} MB to "
                f"{names[0] if names else addresses.text(numbers.far)} within a day"
            ),
            why=(
                f"{sent:.0f} MB sent to this server within 24 h (threshold {limit / MEGABYTE:.0f} MB)",
                why,
                f"{some(list(names))} resolved to this address" if names else "no host name resolved to this address",
            ),
            numbers={"megabytes": round(sent), "threshold": round(limit / MEGABYTE), "bytes_of_flow": numbers.bytes},
            key=(addresses.text(numbers.far),),
            severity=self._severity(actor, bool(names)),
            confidence=0.6 if names else 0.8,
            actor_port=flow.server_port if inward else flow.client_port,
            target_port=flow.client_port if inward else flow.server_port,
            network=network_of(self.context, flow),
        )

    def _severity(self, actor: Subject, named: bool) -> Severity:
        """Users upload to servers they chose; uploads of a fixed-function device, or to a bare IP address, are more
        severe.
        """
        device = self.context.device(actor)
        quiet = device is not None and device.type in QUIET
        return Severity(Severity.low + quiet + (not named))


def _sent(row: tuple[int, ...]) -> Sent:
    """From the columns of a flow change (CHANGE)."""
    client, server = Subject(row[7], row[3] << 64 | row[4], row[17]), Subject(row[8], row[5] << 64 | row[6], row[17])
    if row[15] == FTP_DATA and row[20] == TCP:
        return Sent(row[0], row[2], server, client.address, row[10], row[19] == Change.ENDED)
    return Sent(row[0], row[2], client, server.address, row[9], row[19] == Change.ENDED)
