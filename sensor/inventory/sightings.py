"""Sightings: endpoints that took part in a conversation, taken from flow changes in bulk.

Whoever says anything in a discovery protocol is known from that. An endpoint that only converses is shown when it still does so a minute after it was
first seen, and then at most once a minute: so hosts seen once, invented ones among them, cost no Python. Those seen but never shown are shown at the end.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sensor.core.addresses import Networks
from sensor.core.flow import Change
from sensor.core.recent import RecentSet

WINDOW = 60_000_000_000
BITS = 16
# How many endpoints seen once are remembered for the end.
WAITING = 1024
# An unanswered sender counts once it has sent so much: a lone packet may be spoofed.
PATIENT_SENDER = 5

Sighting = tuple[int, int, int, int]


class Sightings:
    """Remembers whom it has seen, in tables of fixed size."""

    def __init__(self, networks: Networks) -> None:
        self._networks = networks
        self._recent = RecentSet(BITS)
        self._waiting: list[Sighting] = []

    def fresh(self, changes: npt.NDArray[np.void]) -> Iterator[tuple[int, Sighting]]:
        """(index into ``changes``, (ts, mac, address, vlan)) of each endpoint seen before, but not within the last minute, in order."""
        kind = changes["kind"]
        answered = kind == Change.ANSWERED
        patient = (kind == Change.ENDED) & (changes["answered"] == 0) & (changes["client_packets"] >= PATIENT_SENDER)
        clients = np.flatnonzero(answered | patient)
        if not len(clients):
            return
        servers = np.flatnonzero(answered)
        index = np.concatenate((clients, servers))
        mac = np.concatenate((changes["client_mac"][clients], changes["server_mac"][servers]))
        hi = np.concatenate((changes["client_hi"][clients], changes["server_hi"][servers]))
        lo = np.concatenate((changes["client_lo"][clients], changes["server_lo"][servers]))
        order = np.argsort(index, kind="stable")
        index, mac, hi, lo = index[order], mac[order], hi[order], lo[order]
        inside = self._networks.inside_each(hi, lo)
        keep = inside | (mac != 0)
        index, mac, hi, lo, inside = index[keep], mac[keep], hi[keep], lo[keep], inside[keep]
        # Outside addresses only tell that their MAC is a gateway: eight networks of them are enough.
        network = ((hi ^ (lo >> np.uint64(8))) & np.uint64(7)) + np.uint64(1)
        key = (mac + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) ^ np.where(inside, hi ^ lo, network)
        times = np.ascontiguousarray(changes["ts"][index])
        seen = self._recent.look(key, times, WINDOW)
        for i in np.flatnonzero(seen).tolist():
            sighting = int(times[i]), int(mac[i]), int(hi[i]) << 64 | int(lo[i]), int(changes["vlan"][index[i]])
            if seen[i] == RecentSet.AGAIN:
                yield int(index[i]), sighting
            elif len(self._waiting) < WAITING:
                self._waiting.append(sighting)

    def waiting(self) -> list[Sighting]:
        """The first endpoints that were seen and not shown yet, in the order in which they were seen; they are forgotten here."""
        waiting, self._waiting = self._waiting, []
        return waiting
