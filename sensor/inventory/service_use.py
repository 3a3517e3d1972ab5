"""The services that devices offer and use, from flow changes in bulk: only the first sighting of a service, and one an
hour after that, is processed in Python; all others cost a look-up in a table of fixed size.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sensor.core.flow import Change
from sensor.core.ip_protocols import TCP, UDP
from sensor.core.named_tables import NamedTables
from sensor.core.recent import RecentSet
from sensor.counting.contacts import fold
from sensor.inventory.services import EPHEMERAL, Sighted

WINDOW = 3_600_000_000_000
BITS = 16
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_USED = np.uint64(1 << 62)


class Services:
    """Remembers the services seen, in a table of fixed size."""

    def __init__(self) -> None:
        self.tables = NamedTables()
        self._recent = self.tables.add("recent", RecentSet(BITS))

    def fresh(self, changes: npt.NDArray[np.void]) -> Iterator[tuple[int, Sighted]]:
        """(index into ``changes``, sighting) of every service not seen of this endpoint within the last hour, in
        order.
        """
        picked = (changes["kind"] == Change.ANSWERED).nonzero()[0]
        proto, port = changes["proto"][picked], changes["server_port"][picked]
        picked = picked[((proto == TCP) | (proto == UDP)) & (port < EPHEMERAL) & (port > 0)]
        if not len(picked):
            return iter(())
        rows = changes.take(picked)
        service = rows["proto"].astype(np.uint64) << np.uint64(16) | rows["server_port"]
        ends = np.empty((len(rows), 2), np.uint64)
        with np.errstate(over="ignore"):
            ends[:, 0] = fold(rows["server_hi"].copy(), rows["server_lo"].copy()) * _SPREAD ^ service
            ends[:, 1] = fold(rows["client_hi"].copy(), rows["client_lo"].copy()) * _SPREAD ^ service ^ _USED
        new = self._recent.fresh((ends * _SPREAD).reshape(-1), np.repeat(rows["ts"], 2), WINDOW)
        found = new.nonzero()[0]
        at, offers = found >> 1, found & 1 == 0
        rows = rows.take(at)
        mac, high, low = (
            np.where(offers, rows[f"server_{part}"], rows[f"client_{part}"]).tolist() for part in ("mac", "hi", "lo")
        )
        address = [hi << 64 | lo for hi, lo in zip(high, low, strict=True)]
        seen = map(
            Sighted, rows["ts"].tolist(), mac, address, rows["vlan"].tolist(), service[at].tolist(), offers.tolist()
        )
        return zip(picked[at].tolist(), seen, strict=True)
