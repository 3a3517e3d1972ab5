"""The graph of a site as arrays: a million edges take forty bytes each, and are processed in bulk.

Nodes are the internet (0), devices, segments, and services of devices. A compromised device reaches services, and a
device is compromised through one of its services: so a rule removes one node, a fix some edges, and machines of a
segment that may all reach each other are one node instead of a square of edges.
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
    """Columns: from, to, cost, ``Kind``; ``via``: the node of the service that is used, -1 for none; ``ref``: number of
    the weakness or alert, -1 for none.
    """

    src: Ints
    dst: Ints
    cost: Ints
    kind: Ints
    via: Ints
    ref: Ints


def edges(src: object, dst: object, cost: object, kind: int, via: object = -1, ref: object = -1) -> Edges:
    """Some edges of one kind; what is one number is the same for all."""
    columns = np.broadcast_arrays(*(np.asarray(one, np.int32) for one in (src, dst, cost, kind, via, ref)))
    return Edges(*(np.atleast_1d(one) for one in columns))


class Graph:
    """``devices``: ids, node ``1 + number``; then ``segments``, then services, of which ``owner`` is the node of the
    device and ``service`` what it is.

    Edges lie in the order of where they lead; their columns are those of ``Edges``.
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
        """Numbers of the edges that lead to some nodes."""
        return _ranges(self._into, nodes)

    def out(self, nodes: npt.NDArray[np.integer]) -> Ints:
        """Numbers of the edges that lead away from some nodes."""
        return self._by_src[_ranges(self._out, nodes)]

    @functools.cached_property
    def doors(self) -> Ints:
        """Of each node, the one whose rule is its own: all services by which a machine is administered are closed
        together, or a guess finds the other.
        """
        found = np.arange(self.nodes, dtype=np.int32)
        at = np.flatnonzero(np.isin(self.service, sorted(ADMINISTRATION)))
        _, first, which = np.unique(self.owner[at], return_index=True, return_inverse=True)
        found[self.first_service + at] = self.first_service + at[first[which]]
        return found

    @functools.cached_property
    def attacked(self) -> npt.NDArray[np.int64]:
        """Who attacked over which service, as ``pairs`` has them."""
        return self.pairs(np.flatnonzero((self.kind == Kind.ATTACK) & (self.via >= 0)))

    def pairs(self, edges: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Of edges over services: from where, and by which door, in one number."""
        return np.asarray(self.src[edges].astype(np.int64) * self.nodes + self.doors[self.via[edges]], np.int64)

    def is_device(self, node: int) -> bool:
        return OUTER < node < self.first_segment

    def of_service(self, node: int) -> tuple[int, int]:
        """(node of the device, service) of the node of a service."""
        number = node - self.first_service
        return int(self.owner[number]), int(self.service[number])


def once(numbers: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """Each number once, in order: ``np.unique`` without its other talents, which cost most of its time."""
    numbers = np.sort(numbers)
    return numbers[np.append(True, numbers[1:] != numbers[:-1])] if len(numbers) else numbers


def _ranges(starts: npt.NDArray[np.int64], nodes: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """All numbers from ``starts[n]`` to ``starts[n + 1]`` of each node, one after the other."""
    first = starts[nodes]
    lengths = starts[nodes + 1] - first
    before = np.cumsum(lengths) - lengths
    found: npt.NDArray[np.int64] = np.arange(int(lengths.sum())) + np.repeat(first - before, lengths)
    return found
