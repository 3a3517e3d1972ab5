"""First paint of pages of the console in headless Chromium: ``python -m tests.perf.console_paint FOLDER [PATH ...]``.

A console shows the folder, as ``tests.perf.console`` fills it. Each page is loaded a few times; a line has the best
and the median of: the first byte of the response, the first contentful paint (Paint Timing, W3C) and the time when the
page is interactive, each in ms after the navigation began; and the longest frame of a second of scrolling. Wall times:
measure on a quiet machine. Needs playwright and Chromium.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from sensor.console.security.keys import Keys
from sensor.console.security.store import StateStore

PATHS = (
    "/", "/alerts", "/alerts?severity=high&state=open", "/alerts?text=workstation", "/devices", "/devices?text=kyocera",
    "/incidents", "/recommendations", "/timeline",
)  # fmt: skip
TIMES = 5
_TIMINGS = """() => new Promise((resolve) => {
  const page = performance.getEntriesByType("navigation")[0];
  new PerformanceObserver((list) => {
    const paint = list.getEntriesByName("first-contentful-paint")[0];
    if (paint) resolve([page.responseStart, paint.startTime, page.domInteractive]);
  }).observe({ type: "paint", buffered: true });
})"""
_FRAMES = """() => new Promise((resolve) => {
  const began = performance.now(), bottom = document.body.scrollHeight;
  let last = began, longest = 0;
  const step = (now) => {
    longest = Math.max(longest, now - last);
    last = now;
    window.scrollTo(0, (bottom * (now - began)) / 1000);
    if (now - began < 1000) requestAnimationFrame(step); else resolve(longest);
  };
  requestAnimationFrame((now) => { last = now; requestAnimationFrame(step); });
})"""


@contextmanager
def console_on(folder: Path) -> Iterator[str]:
    """The URL of a console."""
    command = [sys.executable, "-m", "sensor", "console", "--state", str(folder), "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[1]
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def measured(page: Any, path: str) -> list[list[float]]:
    """Each measure over all loads: first byte, first paint, interactive, longest frame."""
    rows = []
    for _ in range(TIMES):
        answer = page.goto(path)
        assert answer.status == 200, path
        rows.append([*page.evaluate(_TIMINGS), page.evaluate(_FRAMES)])
    return [list(column) for column in zip(*rows, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("paths", nargs="*", default=PATHS)
    args = parser.parse_args()
    from playwright import sync_api

    with console_on(args.folder) as url, sync_api.sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 800})
        session = Keys(StateStore(args.folder)).open("anna", "write")
        context.add_cookies([{"name": "sensor", "value": session, "url": url}])
        page = context.new_page()
        print(f"{'best / median, ms':40}{'first byte':>15}{'first paint':>15}{'interactive':>15}{'longest frame':>15}")
        for path in args.paths:
            cells = (f"{min(some):.0f} / {median(some):.0f}" for some in measured(page, path))
            print(f"{path:40}{''.join(f'{cell:>15}' for cell in cells)}", flush=True)
        browser.close()
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
