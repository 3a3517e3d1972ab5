"""Completed, answered flows for units that learn from them, in bulk; each pair and service at most once within a time
window.

TCP flows count when they end with data exchanged, so that connection attempts and scans are not learned; UDP flows when
answered. Ephemeral ports of clients are not services, nor are replies that look like requests (from 53, 67, 5353 …).
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.core.flow import Change
from sensor.core.ip_protocols import TCP, UDP
from sensor.core.named_tables import NamedTables
from sensor.core.recent import RecentSet
from sensor.counting.changes import CLIENT_INSIDE, SERVER_INSIDE, Changes

BITS = 16
# First ephemeral port of Linux (ip_local_port_range).
EPHEMERAL = 32768
# Smallest number of packets, of the client and of the server, in a flow with data exchanged.
ANSWERED_PACKETS = (4, 3)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_OUTSIDE = np.uint64(1)


class _Conversations(NamedTuple):
    """Flows that count: ``rows``: indexes into the changes; ``keys``: client, server and service, with all external
    servers as one; ``ts``: ns; ``abroad``: the server is external; ``apart``: keys in which external servers are
    distinguished.
    """

    rows: npt.NDArray[np.int64]
    keys: npt.NDArray[np.uint64]
    ts: npt.NDArray[np.int64]
    abroad: npt.NDArray[np.bool_]
    apart: npt.NDArray[np.uint64]


class RecentFlows:
    """Finds new flows; a table of fixed size remembers those of the last ``window`` ns.

    ``at_once``: TCP flows count as soon as they are answered, connection attempts too. ``wanted``: 65536 entries for
    the ports of TCP, then as many for UDP; ports with 0 do not count. All external servers count as one; ``apart``:
    only flows with external servers, each counted separately; ``near``: only flows with internal servers.
    """

    def __init__(
        self, window: int, bits: int = BITS, *, at_once: bool = False, wanted: npt.NDArray[np.uint8] | None = None,
        apart: bool = False,
        near: bool = False,
    ) -> None:  # fmt: skip
        self.tables = NamedTables()
        self._window, self._recent = window, self.tables.add("recent", RecentSet(bits))
        self._apart, self._near = apart, near
        self._reading = (
            _ended
            if not at_once and wanted is None
            else partial(_conversations, tcp=Change.ANSWERED if at_once else Change.ENDED, wanted=wanted)
        )

    def fresh(self, changes: Changes) -> list[int]:
        """Indexes into ``changes.rows`` of the new flows of internal hosts, in order."""
        conversations = changes.once(self._reading)
        if not len(conversations.rows):
            return []
        if self._apart:
            rows = conversations.rows[conversations.abroad]
            keys = conversations.apart[conversations.abroad]
            ts = conversations.ts[conversations.abroad]
        elif self._near:
            rows = conversations.rows[~conversations.abroad]
            keys = conversations.keys[~conversations.abroad]
            ts = conversations.ts[~conversations.abroad]
        else:
            rows, keys, ts = conversations.rows, conversations.keys, conversations.ts
        news: list[int] = rows[self._recent.fresh(keys, ts, self._window)].tolist()
        return news


def _ended(changes: Changes) -> _Conversations:
    """The flows with the default settings, shared by most units that learn."""
    return _conversations(changes, tcp=Change.ENDED, wanted=None)


def _conversations(changes: Changes, *, tcp: Change, wanted: npt.NDArray[np.uint8] | None) -> _Conversations:
    """``tcp``: the kind of change at which TCP flows count."""
    kind = changes.contacts["kind"]
    near = (kind == tcp) | (kind == Change.ANSWERED)
    contacts, flooded = changes.contacts.compress(near), changes.flooded[near]
    port, proto = contacts["service"] >> 8, contacts["service"] & 0xFF
    over = np.where(proto == TCP, contacts["kind"] == tcp, (proto == UDP) & (contacts["kind"] == Change.ANSWERED))
    if wanted is not None:
        over &= wanted[port + ((proto == UDP) << 16)] > 0
    found = contacts.compress(
        over & (port < EPHEMERAL) & (port > 0) & ((contacts["flags"] & (CLIENT_INSIDE | SERVER_INSIDE)) > 0) & ~flooded
    )
    rows = changes.rows.take(found["row"])
    least = ANSWERED_PACKETS if tcp == Change.ENDED else (0, 0)
    answered = (found["service"] & 0xFF == UDP) | (
        (rows["client_packets"] >= least[0]) & (rows["server_packets"] >= least[1])
    )
    requested = (
        (found["service"] & 0xFF == TCP)
        | (found["client_port"] >= 1024)
        | (found["client_port"] == found["service"] >> 8)
    )
    kept = answered & requested
    found = found.compress(kept)
    with np.errstate(over="ignore"):
        abroad = (found["flags"] & SERVER_INSIDE) == 0
        client = np.where(found["flags"] & CLIENT_INSIDE, found["client"], _OUTSIDE) * _SPREAD
        service = found["service"].astype(np.uint64)
        keys = ((client ^ np.where(abroad, _OUTSIDE, found["server"])) * _SPREAD ^ service) * _SPREAD
        apart = ((client ^ found["server"]) * _SPREAD ^ service) * _SPREAD
    return _Conversations(found["row"].astype(np.int64), keys, np.ascontiguousarray(rows["ts"][kept]), abroad, apart)
