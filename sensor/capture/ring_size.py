"""The default ring size of an interface: by the speed of its link, within a share of ``memory_mib``. See
``capture.ring_mib``.

A ring buffers frames while the engine is busy: 64 MiB are half a second of a full link of 1,000 Mbit/s. A link of
unknown speed (veth, bridges, wireless cards) is assumed to have 1,000 Mbit/s.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

USUAL = 1_000
"""Mbit/s of a link of unknown speed."""

HELD_MS = 500
"""So much of a full link fits into its rings."""

LEAST, MOST = 16, 512
"""MiB of one ring."""

SHARE = 0.5
"""Of ``memory_mib``: what all rings together may take, on top of it."""

MIB = 1 << 20


def speed_of(name: str) -> int:
    """Mbit/s of an interface according to the kernel; 0 for virtual interfaces, for links that are down and if there is
    no such interface.
    """
    with contextlib.suppress(OSError, ValueError):
        return max(0, int(Path("/sys/class/net", name, "speed").read_text(encoding="ascii")))
    return 0


def size_for(speed: int, fanout: int, rings: int, memory_mib: int) -> int:
    """MiB of each of the ``fanout`` rings that share a link of ``speed`` Mbit/s (0: unknown), where there are ``rings``
    in all: a power of two.
    """
    wanted = (speed or USUAL) * 1_000_000 // 8 * HELD_MS // 1000 // MIB // fanout
    room = max(int(memory_mib * SHARE) // rings, 1)
    return max(LEAST, min(1 << max(wanted - 1, 0).bit_length(), 1 << room.bit_length() - 1, MOST))
