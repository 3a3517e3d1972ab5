"""The graph of a site as arrays: a million edges take forty bytes each, and are processed in bulk.

Nodes are the internet (0), devices, segments, and services of devices. A compromised device reaches services, and a
device is compromised through one of its services. A rule thus removes one node, a fix some edges, and a segment whose
hosts all reach each other is one node instead of a quadratic number of edges.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from sensor.posture.administration import ADMINISTRATION
from sensor.posture.paths.costs import Kind

Number = TypeVar("Number", bound=np.integer)
Ints = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

OUTER = 0


class Edges(NamedTuple):
    """Columns: from, to, cost, ``Kind``; ``via``: node of the service used, -1 for none; ``ref``: number of the
    weakness or alert, -1 for none.
    """

    src: Ints
    dst: Ints
    cost: Ints
    kind: Ints
    via: Ints
    ref: Ints


def edges(src: object, dst: object, cost: object, kind: int, via: object = -1, ref: object = -1) -> Edges:
    """Edges of one kind; scalars apply to all."""
    columns = np.broadcast_arrays(*(np.asarray(one, np.int32) for one in (src, dst, cost, kind, via, ref)))
    return Edges(*(np.atleast_1d(one) for one in columns))


class Graph:
    """``devices``: ids, node ``1 + number``; then ``segments``, then services, with ``owner`` the node of the device
    and ``service`` the service number.

    Edges are sorted by destination; their columns are those of ``Edges``.
    """

    src: Ints
    dst: Ints
    cost: Ints
    kind: Ints
    via: Ints
    ref: Ints

    def __init__(
        self, devices: Sequence[str], segments: Sequence[str], owner: Ints, service: Ints, several: Iterable[Edges]
    ) -> None:
        self.devices, self.segments, self.owner, self.service = devices, segments, owner, service
        self.first_segment = 1 + len(devices)
        self.first_service = self.first_segment + len(segments)
        self.nodes = self.first_service + len(owner)
        columns = [np.concatenate(column) for column in zip(*several, strict=True)]
        order = np.argsort(columns[1], kind="stable")
        self.src, self.dst, self.cost, self.kind, self.via, self.ref = (column[order] for column in columns)
        self._into = np.searchsorted(self.dst, np.arange(self.nodes + 1))
        self._by_src = np.argsort(self.src, kind="stable").astype(np.int32)
        self._out = np.searchsorted(self.src[self._by_src], np.arange(self.nodes + 1))

    def __len__(self) -> int:
        return len(self.src)

    def into(self, nodes: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Indexes of the edges into some nodes."""
        return _ranges(self._into, nodes)

    def out(self, nodes: npt.NDArray[np.integer]) -> Ints:
        """Indexes of the edges out of some nodes."""
        return self._by_src[_ranges(self._out, nodes)]

    @functools.cached_property
    def doors(self) -> Ints:
        """For each node, the node whose rule covers it: administration services of a host are closed together, since
        password guessing would use the other one.
        """
        found = np.arange(self.nodes, dtype=np.int32)
        at = np.flatnonzero(np.isin(self.service, sorted(ADMINISTRATION)))
        _, first, which = np.unique(self.owner[at], return_index=True, return_inverse=True)
        found[self.first_service + at] = self.first_service + at[first[which]]
        return found

    @functools.cached_property
    def attacked(self) -> npt.NDArray[np.int64]:
        """Attackers and the services that they attacked, encoded as ``pairs``."""
        return self.pairs(np.flatnonzero((self.kind == Kind.ATTACK) & (self.via >= 0)))

    def pairs(self, edges: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """For edges over services: source and rule node (``doors``), in one number."""
        return np.asarray(self.src[edges].astype(np.int64) * self.nodes + self.doors[self.via[edges]], np.int64)

    def is_device(self, node: int) -> bool:
        return OUTER < node < self.first_segment

    def of_service(self, node: int) -> tuple[int, int]:
        """(node of the device, service) of a service node."""
        number = node - self.first_service
        return int(self.owner[number]), int(self.service[number])


def once(numbers: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """Sorted distinct numbers: ``np.unique`` without features that take most of its time."""
    numbers = np.sort(numbers)
    return numbers[np.append(True, numbers[1:] != numbers[:-1])] if len(numbers) else numbers


def _ranges(starts: npt.NDArray[np.int64], nodes: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """All numbers from ``starts[n]`` to ``starts[n + 1]`` of each node, concatenated."""
    first = starts[nodes]
    lengths = starts[nodes + 1] - first
    before = np.cumsum(lengths) - lengths
    found: npt.NDArray[np.int64] = np.arange(int(lengths.sum())) + np.repeat(first - before, lengths)
    return found
