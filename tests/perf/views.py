"""Times of lists of alerts, and of rebuilding the tables: ``python -m tests.perf.views FOLDER [ALERTS]``, 1,000,000
alerts by default.

The folder is filled if it holds no log. Each line: the query, ms of wall time and of CPU time (the shortest of five,
which other load affects least), rows, total.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

from sensor.tables.build import rebuild
from sensor.views.alert_filter import AlertFilter
from sensor.views.alerts import SORTS, alerts
from sensor.views.dataset import Data, open_folder
from tests.perf.made_records import write_log

LIMIT_MS, TRIES = 50.0, 5


def timed(name: str, first_page: Callable[[], tuple[int, int]], tries: int = 1) -> float:
    """Run a query some times and print the shortest time; ms of CPU."""
    took = []
    for _ in range(tries):
        clock, processor = time.perf_counter(), time.process_time()
        rows, total = first_page()
        took.append(((time.process_time() - processor) * 1000, (time.perf_counter() - clock) * 1000))
    processor, clock = min(took)
    mark = " <--" if tries > 1 and processor > LIMIT_MS else ""
    print(f"{name:44}{clock:9.1f} {processor:9.1f} ms {rows:8,} {total:10,}{mark}", flush=True)
    return processor


def cases(data: Data) -> Iterator[tuple[str, AlertFilter]]:
    """Filters that match all, many, some and few."""
    low, high = data.base.execute("SELECT min(last), max(last) FROM alerts").fetchone()
    tenth = (high - low) // 10
    yield "all", AlertFilter()
    yield "closed, high", AlertFilter(state=("closed",), severity="high")
    yield "one detector", AlertFilter(detector=("discovery.case3",))
    yield "detectors, unassigned", AlertFilter(detector=("lateral*",), assignee=("nobody",))
    yield "site, no verdict, open", AlertFilter(site=("plant",), verdict=("none",), state=("open",))
    yield "rare text", AlertFilter(text="site1234.example.net")
    yield "text of all", AlertFilter(text="workstation")
    yield "text of some thousands", AlertFilter(text="case3 lateral_movement")
    yield "text of a tenth", AlertFilter(text="case1*")
    yield "technique, high", AlertFilter(text="T1046", severity="high")
    yield "text that nothing has", AlertFilter(text="nowhere")
    yield "open, critical, text", AlertFilter(state=("open",), severity="critical", text="credential_access")
    yield "text of two that exclude each other", AlertFilter(text="case3 case4")
    yield "id", AlertFilter(text="alert-00000000000ff")
    yield "source", AlertFilter(source="10.0.3.7")
    yield "device", AlertFilter(device="dev-000307")
    yield "name, open", AlertFilter(source="host-775", state=("open",))
    yield "VLAN", AlertFilter(vlan=30)
    for bits in (8, 16, 20, 22, 23, 24, 25, 26):
        yield f"network /{bits}", AlertFilter(device=f"10.0.0.0/{bits}")
    yield "network /24, high", AlertFilter(device="10.0.3.0/24", severity="high")
    yield "network /24, text", AlertFilter(device="10.0.3.0/24", text="discovery")
    yield "network /20, target /20", AlertFilter(source="10.0.0.0/20", target="10.1.0.0/20")
    yield "network /24, far back", AlertFilter(device="10.0.3.0/24", until=low + tenth)
    yield "text, far back", AlertFilter(text="discovery", until=low + tenth)
    yield "newest tenth", AlertFilter(since=high - tenth)
    yield "nine tenths, critical", AlertFilter(since=low + tenth, severity="critical")
    for part, name in ((10, "hundredth"), (1, "tenth")):
        yield f"oldest {name}", AlertFilter(until=low + tenth // part)
    yield "oldest third", AlertFilter(until=low + 3 * tenth)
    yield "middle tenth, medium", AlertFilter(since=low + 5 * tenth, until=low + 6 * tenth, severity="medium")
    yield "oldest tenth, one detector", AlertFilter(until=low + tenth, detector=("discovery.case3",))


def lists(folder: Path) -> float:
    """Each filter with each sort, both ways, with a connection of its own as in a command; the slowest, ms."""
    with open_folder(folder) as data:
        filters = list(cases(data))
    slowest = 0.0
    for (name, wanted), sort, backwards in product(filters, SORTS, (True, False)):

        def first_page(wanted: AlertFilter = wanted, sort: str = sort, backwards: bool = backwards) -> tuple[int, int]:
            with open_folder(folder) as data:
                page = alerts(data, wanted, sort, backwards=backwards)
            return len(page.rows), page.total

        way = "down" if backwards else "up"
        slowest = max(slowest, timed(f"{name} by {sort} {way}", first_page, TRIES))
    return slowest


def main(folder: Path, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "events.jsonl"
    if not log.exists():
        write_log(log, count)
        timed("tables rebuilt", lambda: (rebuild(folder, log).records, 0))
    print(f"{lists(folder):.1f} ms of the processor for the slowest list")
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB at most")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000)
