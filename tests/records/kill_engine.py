"""An engine that passes on flows with increasing numbers, and prints which of them it no longer holds. For
test_kill.py.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from sensor.core.time_units import SECOND
from sensor.records.block import CONNECTION, SECTION
from sensor.records.messages import CONNECTIONS
from sensor.records.tail import Tail

ROWS = 50


def section(first: int, ts: int) -> bytes:
    """Ended flows with these numbers."""
    rows = np.zeros(ROWS, CONNECTION)
    rows["flow"] = np.arange(first, first + ROWS)
    rows["kind"], rows["proto"], rows["first"], rows["last"], rows["ts"] = 4, 17, ts, ts, ts
    rows["client_lo"], rows["server_lo"] = 0xFFFF << 32 | 0x0A000001, 0xFFFF << 32 | 0x0A000002
    reported = np.zeros(1, SECTION)
    reported[0] = (CONNECTIONS, CONNECTION.itemsize, 3, 0, ROWS, 0)
    return reported.tobytes() + rows.tobytes() + np.zeros((ROWS, 3), np.uint64).tobytes()


if __name__ == "__main__":
    context = {"version": 1, "run": 1, "kinds": [], "sensor": "s", "site": "", "networks": [], "interfaces": ["eth0"]}
    tail = Tail(Path(sys.argv[1]), context, wait=True, dropped=lambda _: os._exit(1), complain=print, file_mib=0.05)
    flow = int(sys.argv[2])
    while True:
        tail.put(section(flow, flow * SECOND), flow * SECOND, ROWS)
        while not tail._queue.empty():
            pass
        flow += ROWS
        print(flow - ROWS, flush=True)  # all flows before this block are written: at most the last block is not
