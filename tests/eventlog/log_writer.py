"""Writes as many records as a live run, with segments of 64 KiB, in bursts, and an alert now and then."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.reliability.live_logs import open_log, record

SEGMENT = 1 / 16
BURST = 50


def written(path: Path, first: int, count: int) -> None:
    """Segments rotate every 200 records or so, are compressed at once, and never removed."""
    log = open_log(path, segment_mib=SEGMENT)
    for number in range(first, first + count):
        log.write(record(number, "alert" if number % 97 == 0 else "device", 200))
        if number % BURST == 0:
            time.sleep(0.004)
    log.close()


if __name__ == "__main__":
    written(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
