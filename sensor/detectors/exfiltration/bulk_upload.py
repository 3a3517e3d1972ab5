"""A machine sends more to one outside peer than it ever does: data that leave the network.

Counted are the bytes that go out in flows opened from inside, and over the data connections that servers of FTP open. Devices with one job that have little to
say are judged by a limit from the first day. All others (cameras and recorders among them, whose makers keep their pictures) are judged by their own days:
the most that they sent to one peer on each of them, its median and how far the days lie from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from statistics import median
from typing import Any, NamedTuple

import msgspec
import numpy as np
from pydantic import Field

from sensor.core import addresses, detector
from sensor.core.addresses import parse_network
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.changes import TCP, Changes
from sensor.core.detector import Context, FlowDetector
from sensor.core.device import FIXED_FUNCTION
from sensor.core.flow import Change, Flow
from sensor.core.observation import Subject
from sensor.core.tally import Counts
from sensor.detectors._words import client_of, network_of, server_of, some, who

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
MEGABYTE = 1_000_000
FTP_DATA = 20
FLOWS_LIMIT, PAIRS_LIMIT, SENDERS_LIMIT = 4096, 8192, 4096
DAYS_KEPT = 28
# Devices with one job, but for those whose job is to send: pictures, calls.
QUIET = FIXED_FUNCTION - {"camera", "nvr", "conferencing", "intercom", "voip_phone"}
# Of normally distributed days, the deviation is so many times the median distance from the median.
SCALE = 1.4826
# Days that are all alike still differ by so much of their median.
LEAST_SPREAD = 0.25


class Options(detector.Options):
    """How much is too much."""

    device_mb: int = Field(100, ge=1, description="megabytes in a day to one outside peer, for devices with one job that have little to send")
    least_mb: int = Field(1000, ge=1, description="the same for all others, below which nothing is told however unusual it is")
    deviations: float = Field(6.0, gt=0, description="robust deviations above the median of the machine's own days")
    learn_days: int = Field(3, ge=1, le=DAYS_KEPT, description="days of a machine to watch before its own habits count")
    smallest_kb: int = Field(64, ge=1, description="kilobytes that a flow must send to count")
    exempt: tuple[str, ...] = Field((), description="addresses and CIDR blocks of machines that may send whatever they like, or of peers that may get it")


class Sent(NamedTuple):
    """What a change says: when, of which flow, who sends, to whom, how many bytes so far, whether it is over."""

    ts: int
    flow: int
    near: Subject
    far: int
    bytes: int
    over: bool


class Days(msgspec.Struct):
    """A machine: the day that is running, the most it sent to one peer on it, and the same of the days before, the latest last."""

    day: int
    most: int
    before: tuple[int, ...] = ()


class BulkUpload(FlowDetector):
    """Adds up what flows send as they go on and end; small ones are left out in bulk."""

    title = "Unusual upload"
    severity = Severity.medium
    weighs_itself = True
    techniques = ("T1048",)
    advice = "Find out what was sent and by whom: ask the user, look at the program, its files and the peer. Where nobody knows it, block the peer."
    false_positives = "A first backup to a cloud, an image or film sent to a customer, a printer that scans to a cloud: list the peers in `exempt`."
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._going: Bounded[int, int] = Bounded(FLOWS_LIMIT)
        self._pairs: Counts[tuple[int, int]] = Counts(DAY, PAIRS_LIMIT)
        self._days: Bounded[int, Days] = Bounded(SENDERS_LIMIT)
        self._told: Recent[tuple[int, int]] = Recent(PAIRS_LIMIT, DAY)
        self._exempt = tuple(parse_network(block) for block in self.options.exempt)

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Sent]]:
        rows = changes.rows
        kinds, data = rows["kind"], (rows["client_port"] == FTP_DATA) & (rows["proto"] == TCP)
        sent = np.where(data, rows["server_bytes"], rows["client_bytes"])
        picked = (((kinds == Change.ENDED) | (kinds == Change.PROGRESS)) & (sent >= self.options.smallest_kb * 1000)).nonzero()[0]
        return zip(picked.tolist(), map(_sent, rows[picked].tolist()), strict=True)

    def worth(self, numbers: Sent) -> bool:
        """Counts what is new of the flow, and asks whether the sum is worth a thought."""
        inside = self.context.networks.inside
        if inside(numbers.far) or not inside(numbers.near.address) or addresses.is_multicast(numbers.far):
            return False
        least: int = min(self.options.device_mb, self.options.least_mb) * MEGABYTE
        return self._count(numbers) >= least

    def judge(self, flow: Flow, numbers: Sent) -> Iterator[Alert]:
        near, far = numbers.near.address, numbers.far
        if any(low <= end <= high for low, high in self._exempt for end in (near, far)):
            return
        total, limit, why = self._pairs.add((near, far), flow.ts, 0), *self._limit(numbers.near)
        if 0 < limit <= total and self._told.fresh((near, far), flow.ts):
            yield self._alert(flow, numbers, total, limit, why)

    def _count(self, numbers: Sent) -> int:
        """Bytes of the last day to this peer; the most of each day is kept."""
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

    def _limit(self, near: Subject) -> tuple[float, str]:
        """Bytes a day from which on it is too much, and why; 0 where nothing is known yet."""
        want, device, days = self.options, self.context.device(near), self._days.get(near.address)
        if device is not None and device.type in QUIET:
            kind = device.type.replace("_", " ")
            return want.device_mb * MEGABYTE, f"a {kind} has little to send: {want.device_mb} MB a day count"
        if days is None or len(days.before) < want.learn_days:
            return 0, ""
        middle = median(days.before)
        spread = max(SCALE * median(abs(each - middle) for each in days.before), LEAST_SPREAD * middle)
        usual = (
            f"on {len(days.before)} days before it sent at most {middle / MEGABYTE:.0f} MB to one peer in the median, "
            f"with a spread of {spread / MEGABYTE:.0f} MB"
        )
        return max(middle + want.deviations * spread, want.least_mb * MEGABYTE), usual

    def _alert(self, flow: Flow, numbers: Sent, total: int, limit: float, why: str) -> Alert:
        actor, names, sent = numbers.near, self.context.names_of(numbers.far), total / MEGABYTE
        inward = flow.client_port == FTP_DATA
        return self.alert(
            flow,
            actor=actor,
            target=client_of(flow) if inward else server_of(flow),
            summary=f"{who(self.context, actor)} sent {sent:.0f} MB to {names[0] if names else addresses.text(numbers.far)} within a day",
            why=(
                f"{sent:.0f} MB went out to this peer within 24 h; counts from {limit / MEGABYTE:.0f} MB on",
                why,
                f"{some(list(names))} stands behind the address" if names else "no name was asked for that leads to this address",
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
        """Machines that people use send to names they chose; what has little to send is graver, and a bare address too."""
        device = self.context.device(actor)
        quiet = device is not None and device.type in QUIET
        return Severity(Severity.low + quiet + (not named))


def _sent(row: tuple[int, ...]) -> Sent:
    """What a change says (the columns of CHANGE)."""
    client, server = Subject(row[7], row[3] << 64 | row[4], row[17]), Subject(row[8], row[5] << 64 | row[6], row[17])
    if row[15] == FTP_DATA and row[20] == TCP:
        return Sent(row[0], row[2], server, client.address, row[10], row[19] == Change.ENDED)
    return Sent(row[0], row[2], client, server.address, row[9], row[19] == Change.ENDED)
