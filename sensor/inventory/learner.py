"""The learner: hears flow changes as detectors do, after all of them, and raises nothing; what it hears becomes the baseline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sensor.core.acquaintances import Acquaintances
from sensor.core.alert import Alert
from sensor.core.changes import Changes
from sensor.core.detector import Context, DeviceDetector, FlowDetector
from sensor.core.device import DeviceChange
from sensor.core.flow import Flow, flow_of
from sensor.core.observation import Subject
from sensor.inventory.baseline import Baseline

# A conversation of the same two about the same is looked at once within so long, ns.
AGAIN = 3_600_000_000_000


# A conversation with a server outside, as far as it is learned of; tens of thousands of them concern nobody, so it is made of columns and unpacked late.
Abroad = tuple[int, ...]
ABROAD = ("first", "client_mac", "client_hi", "client_lo", "vlan", "server_hi", "server_lo", "proto", "server_port")


class Learner(FlowDetector, DeviceDetector):
    """To be the last of the detectors, so that each of them judges a conversation before it is known."""

    id = "baseline"

    def __init__(self, context: Context, baseline: Baseline) -> None:
        super().__init__(context)
        self.baseline, self._news, self._abroad = baseline, Acquaintances(AGAIN), Acquaintances(AGAIN, apart=True)

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Flow | Abroad]]:
        news = self._news.fresh(changes)
        found: list[tuple[int, Flow | Abroad]] = [(at, flow_of(changes.rows[at])) for at in news]
        # What is news anyway says the same of the server outside.
        if abroad := sorted(set(self._abroad.fresh(changes)).difference(news)):
            rows = changes.rows[abroad]
            found += zip(abroad, zip(*(rows[name].tolist() for name in ABROAD), strict=True), strict=True)
        return found

    def worth(self, numbers: Flow | Abroad) -> bool:
        """Learn, and let nobody judge."""
        if isinstance(numbers, Flow):
            self._learn(numbers)
        elif numbers[2] << 64 | numbers[3] in self.baseline.single:
            first, mac, high, low, vlan, server_high, server_low, proto, port = numbers
            self.baseline.reach(first, Subject(mac, high << 64 | low, vlan), server_high << 64 | server_low, proto << 16 | port)
        return False

    def _learn(self, flow: Flow) -> None:
        inside = self.context.networks.inside
        client, server = Subject(flow.client_mac, flow.client, flow.vlan), Subject(flow.server_mac, flow.server, flow.vlan)
        if inside(flow.client):
            self.baseline.learn(flow.first, client, server, flow.proto << 16 | flow.server_port, not inside(flow.server))
        elif inside(flow.server):
            self.baseline.serve_outside(flow.first, server, flow.proto << 16 | flow.server_port)

    def judge(self, flow: Flow, numbers: Flow | Abroad) -> Iterator[Alert]:
        return iter(())

    def review(self, change: DeviceChange) -> Iterator[Alert]:
        self.baseline.watch(change.ts)
        if change.action == "merged":
            self.baseline.merge(change.device.id, change.note.partition(" ")[0])
        return iter(())

    def tick(self, now: int) -> Iterator[Alert]:
        self.baseline.watch(now)
        return iter(())
