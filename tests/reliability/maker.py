"""Event writer: a process that writes realistic records through the event log of live runs, at a given rate, until it
has written enough or is killed.

``python -m tests.reliability.maker LOG`` prints a number each time that all records up to it are durable. Their ids are
known beforehand.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sensor.config import Retention
from sensor.core.record import Record
from sensor.core.record_ids import record_id
from sensor.core.record_parts import time_text
from sensor.eventlog.live_log import LiveLog
from tests.outputs.samples import RECORDS

# As in a network: mostly devices, some alerts.
MIX = ("device_new",) * 8 + ("device_identified",) * 6 + ("sensor_health",) * 5 + ("alert_open",)
DEVICES = 64
# Records between two checks of the clock, and between two waits for the disk where there is no rate.
SLICE, GROUP = 20, 2000
SYNC_EVERY_S = 0.05
MILLISECOND = 1_000_000


def id_of(lifetime: int, number: int) -> str:
    """The id of a record from its writer and the number of records before it."""
    return record_id(number * MILLISECOND, hashlib.sha256(f"{lifetime} {number}".encode()).digest())


def records(lifetime: int) -> Iterator[Record]:
    """Endless records with the current time."""
    makes = [msgspec.convert(copy.deepcopy(RECORDS[name]), Record) for name in MIX]
    for number, record in enumerate(itertools.cycle(makes), 1):
        record.id, record.ts = id_of(lifetime, number), time_text(time.time_ns())
        if isinstance(record.device, dict):
            record.device["id"] = f"d{number % DEVICES}"
        yield record


def opened(log: Path) -> LiveLog:
    """Small segments, so that they are rotated and compressed while they are read."""
    return LiveLog(log, Retention(segment_mib=4, commit_ms=50), complain=lambda line: print(line, file=sys.stderr))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("--life", type=int, default=1)
    parser.add_argument("--count", type=int, default=0, help="records; 0: without end")
    parser.add_argument("--rate", type=float, default=0, help="records a second; 0: as fast as they come down")
    args = parser.parse_args()
    log, began = opened(args.log), time.monotonic()
    made, reported_at = 0, began
    for made, record in enumerate(records(args.life), 1):
        log.write(record)
        if made == args.count:
            break
        if made % SLICE == 0 and args.rate:
            time.sleep(max(0.0, began + made / args.rate - time.monotonic()))
        if made % GROUP == 0 or (args.rate and made % SLICE == 0 and time.monotonic() - reported_at > SYNC_EVERY_S):
            assert log.sync()
            print(made, flush=True)
            reported_at = time.monotonic()
    log.close()
    assert not log.lost
    print(made, flush=True)


if __name__ == "__main__":
    main()
