"""Batch: a block of captured bytes and one row for each frame in it.

Rows are a numpy structured array with the same memory layout as the C struct in ``row.pxd``. A source fills ``ts`` (ns
since the epoch, UTC), ``frame`` (offset of the frame in ``data``), ``caplen``, ``wirelen`` (bytes), ``link`` (link type
number of the pcap registry) and ``source`` (index into the sources of the run); the decode pass fills the rest. IPv4
addresses are stored as IPv4-mapped IPv6 (``hi`` 0, ``lo`` 0xffff_aabbccdd), so that one 128-bit integer names an
address of either family.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ROW = np.dtype(
    [
        ("ts", "i8"),
        ("frame", "i8"),
        ("src_hi", "u8"),
        ("src_lo", "u8"),
        ("dst_hi", "u8"),
        ("dst_lo", "u8"),
        ("src_mac", "u8"),
        ("dst_mac", "u8"),
        ("flow", "u8"),
        ("wanted", "u8"),
        ("caplen", "u4"),
        ("wirelen", "u4"),
        ("payload", "u4"),
        ("payload_len", "u4"),
        ("seq", "u4"),
        ("slot", "i4"),
        ("link", "u2"),
        ("source", "u2"),
        ("vlan", "u2"),
        ("ethertype", "u2"),
        ("sport", "u2"),
        ("dport", "u2"),
        ("problem", "u2"),
        ("spare", "u2"),
        ("ip_version", "u1"),
        ("proto", "u1"),
        ("ttl", "u1"),
        ("fragment", "u1"),
        ("tcp_flags", "u1"),
        ("tunnels", "u1"),
        ("direction", "u1"),
        ("begins", "u1"),
    ]
)


class Problem(enum.IntFlag):
    """Faults of a frame that its headers show, or of the capture; the bits of column ``problem``."""

    CUT = 1
    LINK_SHORT = 2
    NETWORK_SHORT = 4
    NETWORK_HEADER = 8
    NETWORK_LENGTH = 16
    EXTENSIONS = 32
    TRANSPORT_SHORT = 64
    TRANSPORT_HEADER = 128
    TUNNEL_DEPTH = 256
    TUNNEL_HEADER = 512
    TAGS = 1024
    LINK_UNKNOWN = 2048
    ONE_SIDED = 4096
    FOREIGN_RESET = 8192
    NESTED_TAG = 16384


def _keep() -> None:
    """Release function of batches from sources that do not reuse their memory."""


@dataclass(slots=True)
class Batch:
    """``data``: u8 block, read-only for all users; ``rows``: array of ROW. Both are valid until ``release`` is called;
    then the source reuses the memory.
    """

    data: npt.NDArray[np.uint8]
    rows: npt.NDArray[np.void]
    release: Callable[[], None] = _keep

    def __len__(self) -> int:
        return len(self.rows)

    def frame(self, index: int) -> bytes:
        """The captured bytes of one frame."""
        row = self.rows[index]
        start = int(row["frame"])
        return self.data[start : start + int(row["caplen"])].tobytes()
