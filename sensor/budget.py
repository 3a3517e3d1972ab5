"""The memory budget: one number, ``memory_mib``, determines the sizes of all tables.

Before the first packet the interpreter, the units and their data take ``PROGRAM``; packets being processed and the
small tables of detectors and dissectors, which do not grow with a network, take ``IN_FLIGHT`` and ``SMALL``. Flows and
the windows in which detectors count are fixed tables, in powers of two. The rest is divided among the tables that grow
with the network; bytes per entry are measured (tests/test_budget.py). The ring of a live run is kernel memory and comes
on top (``capture.ring_mib``).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec

MIB = 1 << 20
# MiB: a replay of one packet; blocks and rows that are read ahead; all containers with individual limits, as far as
# traffic fills them.
PROGRAM, IN_FLIGHT, SMALL = 84, 30, 45
# MiB of all detector windows at their declared size, and the shares of the whole budget that fixed tables may take.
WINDOWS = 60
WINDOWS_SHARE, FLOWS_SHARE, REPEATS_SHARE = 0.12, 0.07, 0.0025
FLOW, REPEAT = 136, 16
# A smaller budget is too small for any useful network; a larger one has no use.
LEAST, USUAL, MOST = 208, 256, 32_768


class Share(NamedTuple):
    """Share of the memory left for growing tables, and bytes of one entry."""

    share: float
    entry: int


TABLES = {
    "devices": Share(0.49, 1250),
    "viewed": Share(0.04, 900),
    "pending": Share(0.03, 1050),
    "endpoints": Share(0.05, 200),
    "leases": Share(0.05, 110),
    "conversations": Share(0.10, 2550),
    "packets": Share(0.05, 1),
    "held": Share(0.035, 1),
    "names": Share(0.03, 240),
    "learned": Share(0.075, 400),
    "alerts": Share(0.05, 2500),
}


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes, in entries. ``flow_bits``, ``repeat_bits``: fixed tables, as powers of two; ``more_bits``: powers of two
    by which detector windows are larger than declared; ``packets``: bytes of packets kept for possible alerts;
    ``held``: bytes of out-of-order segments. ``TABLES`` describes the others.
    """

    flow_bits: int
    repeat_bits: int
    more_bits: int
    devices: int
    viewed: int
    pending: int
    endpoints: int
    leases: int
    conversations: int
    packets: int
    held: int
    names: int
    learned: int
    alerts: int

    @property
    def advice(self) -> int:
        """Number of recommendations: one takes half of the memory of an alert."""
        return 2 * self.alerts

    @classmethod
    def of(cls, mib: int) -> Budget:
        """The sizes for ``mib`` MiB, at least ``LEAST``."""
        more = _bits(mib * WINDOWS_SHARE / WINDOWS)
        flows, repeats = _bits(mib * FLOWS_SHARE * MIB / FLOW), _bits(mib * REPEATS_SHARE * MIB / REPEAT)
        left = (mib - PROGRAM - IN_FLIGHT - SMALL - WINDOWS * 2**more) * MIB - FLOW * 2**flows - REPEAT * 2**repeats
        entries = {name: int(left * table.share / table.entry) for name, table in TABLES.items()}
        return cls(flow_bits=flows, repeat_bits=repeats, more_bits=more, **entries)


def _bits(size: float) -> int:
    """The logarithm to base 2, rounded down."""
    return math.floor(math.log2(size))


def enough(mib: int) -> int:
    """A budget that is large enough for the program. Raises ValueError if it is too small."""
    if mib < LEAST:
        wanted = f"at least {LEAST}: the program and its data use {PROGRAM} of them, and the tables need the rest"
        raise ValueError(f"found {mib}, expected {wanted}")
    return mib
