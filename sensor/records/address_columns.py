"""Vectorized tests of addresses: internal, multicast, or a single host; ``core.addresses`` has them for one address."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensor.core.addresses import V4, Networks
from sensor.records.columns import Numbers

Flags = npt.NDArray[np.bool_]
MASK, BITS = (1 << 64) - 1, 128
_BROADCAST = V4 | 0xFFFFFFFF


def multicast(hi: Numbers, lo: Numbers) -> Flags:
    """Like ``addresses.is_multicast``."""
    four = (hi == 0) & (lo >> np.uint64(32) == 0xFFFF)
    found: Flags = np.where(
        four, (lo >> np.uint64(28) & np.uint64(15) == 14) | (lo == _BROADCAST), hi >> np.uint64(56) == 0xFF
    )
    return found


def hosts(hi: Numbers, lo: Numbers) -> Flags:
    """Like ``addresses.is_host``."""
    found: Flags = ~multicast(hi, lo) & ((hi != 0) | ((lo != 0) & (lo != V4)))
    return found


class Inside:
    """Like ``Networks.inside``, for a fixed set of networks."""

    def __init__(self, networks: Networks) -> None:
        # An address is internal if an odd number of borders is at or below it.
        borders = [border for border in networks.borders if not border >> BITS]
        self._borders = np.array([border.to_bytes(16, "big") for border in borders], "S16")
        self._low = np.array([border for border in borders if not border >> 64], np.uint64)

    def of(self, hi: Numbers, lo: Numbers) -> Flags:
        """One flag for each address."""
        below = np.searchsorted(self._low, lo, "right")
        far = np.flatnonzero(hi)
        below[far] = np.searchsorted(self._borders, _keys(hi[far], lo[far]), "right")
        found: Flags = below % 2 == 1
        return found


def _keys(hi: Numbers, lo: Numbers) -> npt.NDArray[np.bytes_]:
    """Addresses as bytes, which sort like addresses: NumPy pads missing bytes with zeros."""
    cells = np.empty((len(hi), 2), ">u8")
    cells[:, 0], cells[:, 1] = hi, lo
    return cells.view("S16")[:, 0]
