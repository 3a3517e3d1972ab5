"""Sightings: endpoints that took part in a conversation, taken from flow changes in bulk. At most one in two minutes for each (MAC, address)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sensor.core.addresses import Networks
from sensor.core.flow import Change
from sensor.core.recent import RecentSet

WINDOW = 120_000_000_000
BITS = 16
# An unanswered sender counts once it has sent so much: a lone packet may be spoofed.
PATIENT_SENDER = 5

Sighting = tuple[int, int, int, int]


class Sightings:
    """Remembers whom it has shown lately, in a table of fixed size."""

    def __init__(self, networks: Networks) -> None:
        self._networks = networks
        self._recent = RecentSet(BITS)

    def fresh(self, changes: npt.NDArray[np.void]) -> Iterator[tuple[int, Sighting]]:
        """(index into ``changes``, (ts, mac, address, vlan)) of each endpoint not shown within the last two minutes, in order."""
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
        shown = np.flatnonzero(self._recent.fresh(key, np.ascontiguousarray(changes["ts"][index]), WINDOW))
        for i in shown.tolist():
            change = changes[index[i]]
            yield int(index[i]), (int(change["ts"]), int(mac[i]), int(hi[i]) << 64 | int(lo[i]), int(change["vlan"]))
