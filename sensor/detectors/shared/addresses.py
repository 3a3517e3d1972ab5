"""Columns of addresses: invalid sources and groups, and windows that count addresses."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from sensor.core.flow import Change
from sensor.counting.changes import FAILED, Changes
from sensor.counting.windows import DistinctWindow

V4 = np.uint64(0xFFFF)
LOOPBACK, MULTICAST, RESERVED = np.uint64(127), np.uint64(224), np.uint64(240)
BROADCAST = np.uint64(0xFFFFFFFF)
# The bit of values that are hashes of IPv6 addresses (``contacts.fold``).
HASHED = 1 << 63
# Windows Delivery Optimization: clients of a network fetch updates from each other, and many of the peers are off.
UPDATE_PORTS = (7680,)

U64 = npt.NDArray[np.uint64]
Found = list[tuple[int, int, int, list[int]]]


def illegal(hi: U64, lo: U64) -> npt.NDArray[np.bool_]:
    """Invalid source addresses (RFC 1122, 3.2.1.3; RFC 4291, 2.7): 0/8 but 0.0.0.0, loopback, multicast, 240/4;
    multicast of IPv6.
    """
    first, is_v4 = lo >> np.uint64(24) & np.uint64(0xFF), (hi == 0) & (lo >> np.uint64(32) == V4)
    broken = (first == 0) & (lo & np.uint64(0xFFFFFFFF) != 0) | (first == LOOPBACK) | (first >= MULTICAST)
    found: npt.NDArray[np.bool_] = is_v4 & broken | (hi >> np.uint64(56) == np.uint64(0xFF))
    return found


def illegal_sources(changes: Changes) -> npt.NDArray[np.intp]:
    """Indexes among the new flows of those with an invalid source."""
    rows = changes.of(Change.NEW).rows
    return illegal(rows["client_hi"], rows["client_lo"]).nonzero()[0]


def group(hi: U64, lo: U64) -> npt.NDArray[np.bool_]:
    """Group addresses: multicast of both versions, and the broadcast address 255.255.255.255."""
    is_v4 = (hi == 0) & (lo >> np.uint64(32) == V4)
    first = lo >> np.uint64(24) & np.uint64(0xFF)
    many = (first >= MULTICAST) & (first < RESERVED) | (lo & BROADCAST == BROADCAST)
    found: npt.NDArray[np.bool_] = is_v4 & many | (hi >> np.uint64(56) == np.uint64(0xFF))
    return found


def counted(window: DistinctWindow, keys: U64, values: U64, ts: npt.NDArray[np.int64]) -> Found:
    """(row, values counted, values answered, sample) where a key reaches the threshold of distinct values; rows are
    counted one by one.
    """
    if not len(keys):
        return []
    return window.follow(keys, values, ts, ts, np.full(len(keys), FAILED, np.int8))


def addresses_in(sample: Iterable[int]) -> list[int]:
    """The addresses in the sample of a window; a hash does not show the address of IPv6."""
    return [value for value in sample if not value & HASHED]
