"""Response times of pages of the console: ``python -m tests.perf.console FOLDER [ALERTS DEVICES]``, 1,000,000 and
100,000 by default.

The folder is filled if it holds no log. Each line: the request, the best of five in ms of wall time and of CPU time,
and the size of the page. No socket is used: it is the time in which the server renders a page. On a busy machine only
the CPU time is reliable.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request

from sensor.console import assess
from sensor.console.app import PAGES, app_of
from sensor.console.listen_address import place_of
from sensor.console.request_handling import of_dataset
from sensor.console.security.session import user_of
from sensor.console.serve import console_of
from sensor.console.settings import Console
from sensor.tables.build import rebuild
from tests.perf.made_devices import fill, fill_baseline
from tests.perf.made_records import write_log

REQUESTED = (
    "/", "/alerts", "/alerts?severity=high&state=open", "/alerts?text=workstation", "/alerts?device=10.0.3.0/24",
    "/alerts?sort=risk", "/devices", "/devices?text=kyocera", "/devices?text=10.0.12", "/devices?type=camera&sort=ip",
    "/incidents", "/recommendations", "/timeline", "/search?q=host-77",
)  # fmt: skip
# Pages over all devices at once.
ASSESSED = ("/map", "/posture")


def request_of(app: Starlette, url: str, session: str) -> Request:
    """A request as a browser sends it."""
    path, _, query = url.partition("?")
    headers = [(b"host", b"localhost"), (b"cookie", f"sensor={session}".encode())]
    where = {"app": app, "scheme": "http", "server": ("localhost", 80), "client": ("127.0.0.1", 1), "path_params": {}}
    return Request(
        {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": headers, **where}
    )


def timed(console: Console, url: str, session: str) -> None:
    """Send the request five times, and print the best."""
    clocks, processors, size, app = [], [], 0, app_of(console)
    for _ in range(5):
        clock, processor = time.perf_counter(), time.process_time()
        request = request_of(app, url, session)
        who = user_of(console, request)
        assert who is not None
        found = of_dataset(PAGES[url.partition("?")[0]])(console, request, who, {})
        clocks.append(time.perf_counter() - clock)
        processors.append(time.process_time() - processor)
        assert found.status_code == 200, url
        size = len(found.body)
    print(f"{url:40}{min(clocks) * 1000:9.1f} {min(processors) * 1000:9.1f} ms {size / 1024:8.0f} KiB")


def main(folder: Path, alerts: int, devices: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "events.jsonl"
    if not log.exists():
        write_log(log, alerts)
        fill(folder, devices)
        fill_baseline(folder, devices)
        rebuild(folder, log)
    console = console_of(folder, place_of("127.0.0.1:0"))
    session = console.keys.begin(console.keys.link("nobody", "read"))
    # Larger sites are left to the commands.
    for url in (*REQUESTED, *(ASSESSED if devices <= assess.MOST else ())):
        timed(console, url, session)
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB at most")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(map(int, sys.argv[2:4]) if len(sys.argv) > 3 else (1_000_000, 100_000)))
