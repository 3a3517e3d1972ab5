"""Statistics of an interface or a capture, computed on columns: without dissectors, inventory, or packet objects.

All frames are counted and followed as flows; other statistics use the first ``LOOKED`` frames of each batch, so that
the doctor keeps up with any rate.
"""

from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np
import numpy.typing as npt

from sensor.core.addresses import Networks, is_multicast
from sensor.core.batch import Batch
from sensor.core.flow import Change
from sensor.core.ip_protocols import TCP
from sensor.decode.flows import FlowTable
from sensor.decode.frames import decode
from sensor.doctor.duplicate_frames import ETHERNET, GROUP, DuplicateFrames
from sensor.doctor.local_hosts import LocalHosts
from sensor.doctor.subnets import Subnets

LOOKED = 4096
FLOW_BITS = 14
COUNTED_LIMIT = 4096
"""Limit of addresses and blocks that are counted individually."""

TALKING_BYTES = 1000
"""A connection in which one side sent this much was answered, even if the other side is not visible."""

BROADCAST = (1 << 48) - 1


class Seen(msgspec.Struct):
    """Input of checks. ``live``: captured by us now; ``mtu``: of the interface, 0 if there is none.

    Of all frames: ``packets``, ``truncated``, ``longest`` (bytes captured), ``first``, ``last`` (ns), ``lost`` by our
    own ring, ``lag`` (minimum ns from capture to processing; None if unknown), ``both``, ``one``: connections seen in
    both directions and in one. Of sampled frames: ``ethernet``, and of these ``broadcast``, ``group``, ``unicast``, of
    unicast ``own`` (from or to our MAC) and ``busiest`` (from or to the most frequent MAC); ``tagged`` and ``vlans``;
    ``compared``, and of these ``repeats``; ``addressed``: between two hosts by IP, of these ``outside``: both ends
    external; ``local``: both ends on the mirrored links, of these ``local_outside``: both ends external, most often in
    ``blocks`` (/24, /64); ``networks``: blocks with untagged ARP requests.
    """

    live: bool = False
    mtu: int = 0
    packets: int = 0
    truncated: int = 0
    longest: int = 0
    first: int = 0
    last: int = 0
    lost: int = 0
    lag: int | None = None
    both: int = 0
    one: int = 0
    ethernet: int = 0
    broadcast: int = 0
    group: int = 0
    unicast: int = 0
    own: int = 0
    busiest: int = 0
    busiest_mac: int = 0
    tagged: int = 0
    vlans: set[int] = set()
    compared: int = 0
    repeats: int = 0
    addressed: int = 0
    outside: int = 0
    local: int = 0
    local_outside: int = 0
    blocks: list[str] = []
    networks: list[int] = []


class Sample:
    """Sampled frames: hosts, and the networks they communicate between. ``networks``: internal networks; ``mac``,
    ``mtu``: of our own interface, 0: there is none.
    """

    def __init__(self, networks: Networks, *, live: bool = False, mac: int = 0, mtu: int = 0) -> None:
        self._networks, self._mac = networks, mac
        self._seen = Seen(live=live, mtu=mtu)
        self._macs: Counter[int] = Counter()
        self._local = LocalHosts()

    def look(self, rows: npt.NDArray[np.void]) -> None:
        """Process decoded frames."""
        self._hosts(rows)
        self.look_at_ends(rows)

    def seen(self) -> Seen:
        """The figures so far."""
        seen = self._seen
        if self._macs:
            seen.busiest_mac, seen.busiest = self._macs.most_common(1)[0]
        seen.local, seen.local_outside = self._local.counts()
        seen.blocks = self._local.blocks()
        return seen

    def _hosts(self, rows: npt.NDArray[np.void]) -> None:
        """Count hosts by MAC."""
        seen, rows = self._seen, rows[rows["link"] == ETHERNET]
        to_all, to_group = rows["dst_mac"] == BROADCAST, (rows["dst_mac"] & GROUP) != 0
        single = rows[~to_group]
        seen.ethernet += len(rows)
        seen.broadcast += int(np.count_nonzero(to_all))
        seen.group += int(np.count_nonzero(to_group))
        seen.unicast += len(single)
        if self._mac:
            seen.own += int(np.count_nonzero((single["src_mac"] == self._mac) | (single["dst_mac"] == self._mac)))
        _count(self._macs, np.concatenate((single["src_mac"], single["dst_mac"])))
        tags = rows["vlan"][rows["vlan"] != 0]
        seen.tagged += len(tags)
        seen.vlans = seen.vlans.union(tags.tolist())

    def look_at_ends(self, rows: npt.NDArray[np.void]) -> None:
        """Count only frames between two hosts, and those with both ends external."""
        source, target = self._placed(rows, "src"), self._placed(rows, "dst")
        single = (rows["ip_version"] != 0) & (source != NOWHERE) & (target != NOWHERE)
        outside = single & (source == OUTSIDE) & (target == OUTSIDE)
        self._seen.addressed += int(np.count_nonzero(single))
        self._seen.outside += int(np.count_nonzero(outside))
        self._local.look(rows[single], outside[single])

    def _placed(self, rows: npt.NDArray[np.void], end: str) -> npt.NDArray[np.uint8]:
        """Location of each address. IPv6 is classified by its /64."""
        narrow = rows["ip_version"] == 4
        keys = np.where(narrow, rows[f"{end}_lo"], rows[f"{end}_hi"])
        places = np.zeros(len(rows), np.uint8)
        for chosen, shift in ((narrow, 0), (~narrow, 64)):
            found, back = np.unique(keys[chosen], return_inverse=True)
            places[chosen] = np.array([self._place(key << shift) for key in found.tolist()], np.uint8)[back]
        return places

    def _place(self, address: int) -> int:
        if (not address & 0xFFFFFFFF and not address >> 64) or is_multicast(address):
            return NOWHERE
        return INSIDE if self._networks.inside(address) else OUTSIDE


class Traffic(Sample):
    """All frames of an interface or of a capture."""

    def __init__(self, networks: Networks, *, live: bool = False, mac: int = 0, mtu: int = 0) -> None:
        super().__init__(networks, live=live, mac=mac, mtu=mtu)
        self._flows = FlowTable(FLOW_BITS)
        self._repeats, self._subnets = DuplicateFrames(), Subnets()

    def add(self, batch: Batch, now: int = 0) -> None:
        """Process the frames of one batch. ``now``: our clock, ns, if they were captured with it."""
        rows = batch.rows
        if not len(rows):
            return
        decode(batch.data, rows)
        looked = rows[:LOOKED]
        self._all(rows, now)
        self.look(looked)
        self._repeats.add(batch, LOOKED)
        self._subnets.add(batch, LOOKED)
        self._follow(self._flows.follow(rows, 0, len(rows)))

    def seen(self, lost: int = 0) -> Seen:
        """The figures. Ends all connections: nothing can be added afterwards."""
        seen = super().seen()
        for part in range(self._flows.PARTS):
            self._follow(self._flows.finish(seen.last, part))
        seen.lost, seen.compared, seen.repeats = lost, self._repeats.compared, self._repeats.repeats
        seen.networks = self._subnets.networks()
        return seen

    def _all(self, rows: npt.NDArray[np.void], now: int) -> None:
        seen, newest = self._seen, int(rows["ts"].max())
        seen.first = seen.first or int(rows["ts"].min())
        seen.packets = seen.packets + len(rows)
        seen.last = max(seen.last, newest)
        seen.longest = max(seen.longest, int(rows["caplen"].max()))
        seen.truncated += int(np.count_nonzero(rows["caplen"] < rows["wirelen"]))
        if now:
            seen.lag = min(now - newest, now - newest if seen.lag is None else seen.lag)

    def _follow(self, changes: npt.NDArray[np.void]) -> None:
        """Count finished connections: seen in both directions, or in either one."""
        over = changes[(changes["proto"] == TCP) & (changes["kind"] == Change.ENDED)]
        talking = over[(over["client_bytes"] >= TALKING_BYTES) | (over["server_bytes"] >= TALKING_BYTES)]
        both = int(np.count_nonzero((talking["client_packets"] > 0) & (talking["server_packets"] > 0)))
        self._seen.both += both
        self._seen.one += len(talking) - both


NOWHERE, INSIDE, OUTSIDE = 0, 1, 2
"""Location of an address: not of a host, internal, external."""


def _count(counter: Counter[int], values: npt.NDArray[np.uint64]) -> None:
    """New values are ignored once there are too many."""
    found, counts = np.unique(values, return_counts=True)
    for value, count in zip(found.tolist(), counts.tolist(), strict=True):
        if value in counter or len(counter) < COUNTED_LIMIT:
            counter[value] += count
