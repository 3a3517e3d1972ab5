"""Observations that all dissectors make of a capture, without an inventory: for drafts of fingerprints."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

import sensor.dissectors
from sensor.boundary import Boundary
from sensor.core.addresses import is_group_mac
from sensor.core.batch import Batch
from sensor.core.bounded import Bounded
from sensor.core.dissector import Dissector, Parsed
from sensor.core.flow import Change
from sensor.core.observation import Observation
from sensor.core.packet import Packets
from sensor.core.recent import RecentSet
from sensor.decode.flows import FlowTable
from sensor.decode.kernels import Kernels
from sensor.decode.select import Selector
from sensor.engine.dissection import Dissection
from sensor.registry import units

# (MAC of the sender, kind, value)
Observed = tuple[int, str, str]
OBSERVED_LIMIT = 65_536


def observations_of(batches: Iterable[Batch]) -> list[Observed]:
    """Each observation once, in the order of the packets; at most OBSERVED_LIMIT. Batches are released."""
    return _Listener(batches).observed


class _Listener:
    """Runs every dissector over the packets."""

    def __init__(self, batches: Iterable[Batch]) -> None:
        dissectors = {name: unit() for name, unit in units(sensor.dissectors, Dissector).items()}
        kernels = Kernels(FlowTable(), Selector([unit.interest for unit in dissectors.values()], RecentSet()))
        self._observed: Bounded[Observed, bool] = Bounded(OBSERVED_LIMIT)
        self._dissection = Dissection(dissectors, Boundary(), kernels.unfollow, self._collect)
        last = 0
        for batch in batches:
            work = kernels.run(batch.data, batch.rows)
            # of reassembled datagrams, too
            packets = Packets(batch.data if work.data is None else work.data, batch.rows)
            for row, wanted in zip(work.chosen.tolist(), work.wanted.tolist(), strict=True):
                self._dissection.row(packets, row, wanted)
            self._end(work.changes)
            last = int(batch.rows["ts"][-1]) if len(batch) else last
            batch.release()
        for part in range(FlowTable.PARTS):
            self._end(kernels.flows.finish(last, part))

    @property
    def observed(self) -> list[Observed]:
        return list(self._observed)

    def _collect(self, messages: Iterable[Parsed]) -> None:
        for one in messages:
            if isinstance(one, Observation) and one.subject.mac and not is_group_mac(one.subject.mac):
                self._observed.put((one.subject.mac, one.kind, one.value), True)

    def _end(self, changes: npt.NDArray[np.void]) -> None:
        """End the streams of flows that are over."""
        for flow in changes["flow"][changes["kind"] == Change.ENDED].tolist():
            self._dissection.end(flow)
