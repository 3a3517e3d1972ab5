"""How long lists of alerts take, and making the tables anew: ``python -m tests.perf.views FOLDER [ALERTS]``, 1,000,000
alerts where none are said.

The folder is filled where it holds no log. Each line: what was asked, seconds of the clock and of the processor in ms,
rows, total. Times are those of an idle machine only where nothing else runs; the processor's are nearer to it.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sensor.tables.build import rebuild
from sensor.views.alert_filter import AlertFilter
from sensor.views.alerts import SORTS, alerts
from sensor.views.dataset import Data, open_folder
from tests.perf.made_records import write_log


def timed(name: str, ask: Callable[[], tuple[int, int]]) -> None:
    """Ask once and tell how long it took."""
    clock, processor = time.perf_counter(), time.process_time()
    rows, total = ask()
    spent = f"{(time.perf_counter() - clock) * 1000:9.1f} {(time.process_time() - processor) * 1000:9.1f} ms"
    print(f"{name:32}{spent} {rows:8,} {total:10,}")


def cases(data: Data) -> Iterator[tuple[str, AlertFilter]]:
    """Filters that leave all, many, some and few."""
    low, high = data.base.execute("SELECT min(last), max(last) FROM alerts").fetchone()
    tenth = (high - low) // 10
    yield "all", AlertFilter()
    yield "closed, high", AlertFilter(state=("closed",), severity="high")
    yield "one detector", AlertFilter(detector=("discovery.case3",))
    yield "rare text", AlertFilter(text="site1234.example.net")
    yield "text of all", AlertFilter(text="workstation")
    yield "text of a quarter, high", AlertFilter(text="discovery", severity="high")
    yield "source", AlertFilter(source="10.0.3.7")
    yield "network /24", AlertFilter(device="10.0.3.0/24")
    yield "network /8", AlertFilter(device="10.0.0.0/8")
    yield "newest tenth", AlertFilter(since=high - tenth)
    yield "nine tenths, critical", AlertFilter(since=low + tenth, severity="critical")
    yield "oldest hundredth", AlertFilter(until=low + tenth // 10)


def main(folder: Path, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "events.jsonl"
    if not log.exists():
        write_log(log, count)
        timed("tables made anew", lambda: (rebuild(folder, log).records, 0))
    with open_folder(folder) as data:
        alerts(data)
        for name, wanted in cases(data):
            for sort in SORTS:
                timed(
                    f"{name} by {sort}",
                    lambda wanted=wanted, sort=sort: (len((page := alerts(data, wanted, sort)).rows), page.total),
                )
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB at most")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000)
