"""Conversations as those who learn see them: over and answered, each pair and service at most once within a while, in bulk.

TCP counts when it ended and something was said, so that knocks and scans are learned by nobody; UDP when it was answered. Ports that systems lend to
clients are no services, and answers that look like questions (from 53, 67, 5353 …) none either.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensor.core.changes import CLIENT_INSIDE, SERVER_INSIDE, TCP, UDP, Changes
from sensor.core.flow import Change
from sensor.core.recent import RecentSet

BITS = 16
# The first port that Linux lends to clients (ip_local_port_range).
LENT = 32768
# A conversation in which something was said has at least so many packets of its client and of its server.
SAID = (4, 3)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_OUTSIDE = np.uint64(1)


class Acquaintances:
    """Which conversations are news; a table of fixed size remembers those of the last ``window`` ns.

    ``at_once``: TCP counts as soon as it is answered, knocks too. ``wanted``: 65536 places for the ports of TCP, then as many for those of UDP; those with 0 do
    not count.
    """

    def __init__(self, window: int, bits: int = BITS, *, at_once: bool = False, wanted: npt.NDArray[np.uint8] | None = None) -> None:
        self._window, self._recent = window, RecentSet(bits)
        self._tcp = Change.ANSWERED if at_once else Change.ENDED
        self._said = (0, 0) if at_once else SAID
        self._wanted = wanted

    def fresh(self, changes: Changes) -> list[int]:
        """Indexes into ``changes.rows`` of the conversations of inside machines that are news, in order. All outside servers count as one."""
        kind = changes.contacts["kind"]
        near = (kind == self._tcp) | (kind == Change.ANSWERED)
        contacts, flooded = changes.contacts[near], changes.flooded[near]
        if not len(contacts):
            return []
        port, proto = contacts["service"] >> 8, contacts["service"] & 0xFF
        over = np.where(proto == TCP, contacts["kind"] == self._tcp, (proto == UDP) & (contacts["kind"] == Change.ANSWERED))
        if self._wanted is not None:
            over &= self._wanted[port + ((proto == UDP) << 16)] > 0
        picked = (over & (port < LENT) & (port > 0) & ((contacts["flags"] & (CLIENT_INSIDE | SERVER_INSIDE)) > 0) & ~flooded).nonzero()[0]
        if not len(picked):
            return []
        found = contacts[picked]
        rows = changes.rows[found["row"]]
        heard = (found["service"] & 0xFF == UDP) | ((rows["client_packets"] >= self._said[0]) & (rows["server_packets"] >= self._said[1]))
        asked = (found["service"] & 0xFF == TCP) | (found["client_port"] >= 1024) | (found["client_port"] == found["service"] >> 8)
        kept = heard & asked
        found = found[kept]
        with np.errstate(over="ignore"):
            server = np.where(found["flags"] & SERVER_INSIDE, found["server"], _OUTSIDE)
            client = np.where(found["flags"] & CLIENT_INSIDE, found["client"], _OUTSIDE)
            keys = ((client * _SPREAD ^ server) * _SPREAD ^ found["service"].astype(np.uint64)) * _SPREAD
        new = self._recent.fresh(keys, np.ascontiguousarray(rows["ts"][kept]), self._window)
        news: list[int] = found["row"][new].tolist()
        return news
