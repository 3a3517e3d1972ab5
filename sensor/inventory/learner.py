"""The learner: gets flow changes like a detector, after all detectors, and raises no alerts; it builds the baseline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sensor.core.alert import Alert
from sensor.core.detector import Context, DeviceDetector
from sensor.core.device import DeviceChange
from sensor.core.flow import Flow
from sensor.core.observation import Subject
from sensor.counting.changes import Changes
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.recent_flows import RecentFlows
from sensor.inventory.baseline import Baseline

# A flow of the same pair and service is learned once within this time, ns.
AGAIN = 3_600_000_000_000


# A flow to learn, and whether only its external server is new: most flows, tens of thousands, are irrelevant, so data
# stays in columns and is unpacked late.
Numbers = tuple[int, ...]
COLUMNS = (
    "first",
    "client_mac",
    "client_hi",
    "client_lo",
    "vlan",
    "server_hi",
    "server_lo",
    "proto",
    "server_port",
    "server_mac",
)


class Learner(FlowDetector, DeviceDetector):
    """Must be the last of the detectors, so that each of them evaluates a flow before it is learned."""

    id = "baseline"

    def __init__(self, context: Context, baseline: Baseline) -> None:
        super().__init__(context)
        self.baseline = baseline
        self._news = self.tables.include("flows", RecentFlows(AGAIN))
        self._abroad = self.tables.include("external_flows", RecentFlows(AGAIN, apart=True))

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Numbers]]:
        news = self._news.fresh(changes)
        # A flow that is new anyway has the same information about the external server.
        abroad = sorted(set(self._abroad.fresh(changes)).difference(news))
        rows = changes.rows.take(news + abroad)
        columns = [rows[name].tolist() for name in COLUMNS]
        return zip(news + abroad, zip([0] * len(news) + [1] * len(abroad), *columns, strict=True), strict=True)

    def is_relevant(self, numbers: Numbers) -> bool:
        """Learn the flow; no candidate is evaluated."""
        abroad, first, mac, high, low, vlan, server_high, server_low, proto, port, server_mac = numbers
        client, server, service = high << 64 | low, server_high << 64 | server_low, proto << 16 | port
        if not abroad:
            self._learn(first, Subject(mac, client, vlan), Subject(server_mac, server, vlan), service)
        elif client in self.baseline.single:
            self.baseline.reach(first, Subject(mac, client, vlan), server, service)
        return False

    def _learn(self, first: int, client: Subject, server: Subject, service: int) -> None:
        inside = self.context.networks.inside
        if inside(client.address):
            self.baseline.learn(first, client, server, service, not inside(server.address))
        elif inside(server.address):
            self.baseline.serve_outside(first, server, service)

    def evaluate(self, flow: Flow, numbers: Numbers) -> Iterator[Alert]:
        return iter(())

    def review(self, change: DeviceChange) -> Iterator[Alert]:
        self.baseline.watch(change.ts)
        if change.action == "merged":
            self.baseline.merge(change.device.id, change.note.partition(" ")[0])
        return iter(())

    def tick(self, now: int) -> Iterator[Alert]:
        self.baseline.watch(now)
        return iter(())
