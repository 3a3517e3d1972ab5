"""The default ring size of an interface: by link speed, within ``memory_mib``. See ``capture.ring_mib``.

A ring buffers frames while the engine is busy: 64 MiB hold half a second of a fully loaded link of 1,000 Mbit/s. Links
of unknown speed (bridges, wireless cards) are assumed to have 1,000 Mbit/s.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

USUAL = 1_000
"""Assumed Mbit/s of a link of unknown speed."""

HELD_MS = 500
"""Milliseconds of a fully loaded link that its rings can buffer."""

LEAST, MOST = 16, 512
"""Limits of one ring, in MiB."""

MIB = 1 << 20


def speed_of(name: str) -> int:
    """Mbit/s of an interface as reported by the kernel; 0 for virtual and missing interfaces and for links that are
    down.
    """
    with contextlib.suppress(OSError, ValueError):
        return max(0, int(Path("/sys/class/net", name, "speed").read_text(encoding="ascii")))
    return 0


def size_for(speed: int, fanout: int, rings: int, memory_mib: int) -> int:
    """MiB of each of the ``fanout`` rings of a link of ``speed`` Mbit/s (0: unknown), with ``rings`` rings in total: a
    power of two. All rings together may use ``memory_mib``, in addition to the memory of the run.
    """
    wanted = (speed or USUAL) * 1_000_000 // 8 * HELD_MS // 1000 // MIB // fanout
    room = max(memory_mib // rings, 1)
    return max(LEAST, min(1 << max(wanted - 1, 0).bit_length(), 1 << room.bit_length() - 1, MOST))
