"""Throughput of a live log. The minimum is per second of CPU time, far below an idle machine
(docs/operate/performance.md): a busy one is no defect.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.reliability.live_logs import BadDisk, numbers, open_log, record

RECORDS = 60_000
FLOOR = 20_000


def test_many_records_a_second_in_few_groups(tmp_path: Path) -> None:
    """Records are queued, written and durable, with the thread switches of a live run and few waits for the disk."""
    path, disk, given = tmp_path / "events.jsonl", BadDisk(), [record(number, size=200) for number in range(1000)]
    log = open_log(path, disk, commit_ms=200, memory_mib=256)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.0001)
    try:
        began, cpu = time.perf_counter(), time.process_time()
        for _ in range(RECORDS // len(given)):
            for one in given:
                log.write(one)
        reported = time.perf_counter() - began
        assert log.sync(30)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    finally:
        sys.setswitchinterval(interval)
        log.close()
    print(
        f"{RECORDS / seconds:,.0f} records/s down, {RECORDS / cpu:,.0f} a second of CPU, "
        f"{reported / RECORDS * 1e6:.2f} us to tell one, {disk.syncs} groups"
    )
    assert RECORDS / cpu > FLOOR
    assert disk.syncs < 5 + seconds / 0.2 + RECORDS * 600 / (4 << 20)
    assert log.lost.total() == 0
    assert numbers(path) == list(range(1, RECORDS + 1))
