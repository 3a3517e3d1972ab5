"""The learner: hears flow changes as detectors do, after all of them, and raises nothing; what it hears becomes the baseline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

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


class Abroad(NamedTuple):
    """A conversation with a server outside, as far as it is learned of. ``ts``: when it began, ns."""

    ts: int
    client: Subject
    server: int
    service: int


class Learner(FlowDetector, DeviceDetector):
    """To be the last of the detectors, so that each of them judges a conversation before it is known."""

    id = "baseline"

    def __init__(self, context: Context, baseline: Baseline) -> None:
        super().__init__(context)
        self.baseline, self._news, self._abroad = baseline, Acquaintances(AGAIN), Acquaintances(AGAIN, apart=True)

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Flow | Abroad]]:
        found: list[tuple[int, Flow | Abroad]] = [(at, flow_of(changes.rows[at])) for at in self._news.fresh(changes)]
        abroad = self._abroad.fresh(changes)
        return found + list(zip(abroad, map(_abroad, changes.rows[abroad].tolist()), strict=True)) if abroad else found

    def worth(self, numbers: Flow | Abroad) -> bool:
        """Learn, and let nobody judge."""
        if isinstance(numbers, Flow):
            self._learn(numbers)
        else:
            self.baseline.reach(numbers.ts, numbers.client, numbers.server, self.context.names_of(numbers.server), numbers.service)
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


def _abroad(row: tuple[int, ...]) -> Abroad:
    """Of a change (the columns of CHANGE)."""
    return Abroad(row[1], Subject(row[7], row[3] << 64 | row[4], row[17]), row[5] << 64 | row[6], row[20] << 16 | row[16])
