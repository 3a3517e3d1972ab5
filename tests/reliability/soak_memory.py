"""Memory over time: `sensor run` on a veth pair, with the same mixed traffic in a loop. ``make soak-memory`` runs it.

    python -m tests.reliability.soak_memory [--minutes 120] [--pps 2000] [--capture FILE] [--config FILE]

Prints a line every minute: anonymous memory, memory with the kernel's ring, descriptors and threads. Finally the slope
of anonymous memory after the first quarter, which must be below 1 MB an hour, and whether descriptors and threads
stayed constant; exit code 1 otherwise. Requires root and tcpreplay.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median_high
from typing import NamedTuple

import numpy as np

from tests.perf.live import namespaces
from tests.reliability.harness import ROOT, until
from tests.reliability.run_stories import Listener

OFFICE = ROOT / "pcaps" / "office.pcapng"
EVERY_S, START_S, RESTART_S = 60, 60, 900
MB_AN_HOUR = 1.0
# Samples that a slope requires.
FEWEST = 4


class Sample(NamedTuple):
    """``seconds`` since the start; ``anonymous``: MB of private memory, ``resident``: MB of all."""

    seconds: float
    anonymous: float
    resident: float
    files: int
    threads: int


class Watched(Listener):
    """``more``: additional arguments."""

    def __init__(self, log: Path, space: str, more: Sequence[str]) -> None:
        super().__init__(log, space)
        self._more = more

    def command(self) -> Sequence[str]:
        return [*super().command(), *self._more]

    def sample(self, began: float) -> Sample:
        reported = dict(line.split(":", 1) for line in Path(f"/proc/{self.pid}/status").read_text().splitlines())
        size = {name: int(reported[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "RssAnon")}
        files = len(list(Path(f"/proc/{self.pid}/fd").iterdir()))
        return Sample(time.monotonic() - began, size["RssAnon"], size["VmRSS"], files, int(reported["Threads"]))


@contextlib.contextmanager
def replayed(space: str, capture: Path, rate: int) -> Iterator[subprocess.Popen[bytes]]:
    """Replay a capture in a loop. tcpreplay is restarted regularly: after 45 minutes it sends at full speed."""
    play = [
        "tcpreplay",
        "-q",
        "--preload-pcap",
        "--loop",
        "0",
        "--duration",
        str(RESTART_S),
        "--pps",
        str(rate),
        "-i",
        "va",
        str(capture),
    ]
    command = ["ip", "netns", "exec", space, "sh", "-c", 'while "$@"; do :; done', "sh", *play]
    player = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield player
    finally:
        os.killpg(player.pid, signal.SIGKILL)
        player.wait()


def slope(samples: Sequence[Sample]) -> float:
    """MB an hour after the first quarter, by linear regression."""
    later = [one for one in samples if one.seconds >= samples[-1].seconds / 4]
    if len(later) < FEWEST:
        raise ValueError(f"{len(later)} samples after the first quarter: at least {FEWEST} are wanted")
    return float(np.polyfit([one.seconds / 3600 for one in later], [one.anonymous for one in later], 1)[0])


def flat(samples: Sequence[Sample]) -> bool:
    """Whether the median of descriptors and threads does not grow in the second half after the first quarter: a file
    that is open in a single sample is no growth.
    """
    later = [one for one in samples if one.seconds >= samples[-1].seconds / 4]
    first, last = later[: len(later) // 2], later[len(later) // 2 :]
    return all(
        median_high(getattr(one, name) for one in last) <= median_high(getattr(one, name) for one in first)
        for name in ("files", "threads")
    )


def watched(sensor: Watched, minutes: float, every_s: float = EVERY_S) -> Iterator[Sample]:
    """Regular samples while the sensor runs. RuntimeError if it exits."""
    began = time.monotonic()
    while (passed := time.monotonic() - began) < minutes * 60:
        if not sensor.running:
            raise RuntimeError(f"the sensor ended after {passed:.0f} s: {sensor.output.read_text()[-2000:]}")
        yield sensor.sample(began)
        time.sleep(every_s)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--pps", type=int, default=2000)
    parser.add_argument("--capture", type=Path, default=OFFICE)
    parser.add_argument("--config", type=Path)
    args = parser.parse_args()
    more = ["--config", str(args.config)] if args.config else []
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory() as folder, namespaces("soak-src", "soak-dst"):
        sensor = Watched(Path(folder) / "events.jsonl", "soak-dst", more)
        with sensor, replayed("soak-src", args.capture, args.pps):
            if not until(lambda: sensor.listens, START_S):
                print(sensor.output.read_text(), file=sys.stderr)
                return 1
            print(f"{'minute':>6} {'own MB':>8} {'resident':>9} {'files':>6} {'threads':>8}")
            for one in watched(sensor, args.minutes):
                samples.append(one)
                print(
                    f"{one.seconds / 60:6.0f} {one.anonymous:8.1f} {one.resident:9.1f} {one.files:6} {one.threads:8}",
                    flush=True,
                )
            ended = sensor.end(signal.SIGINT)
            if ended:
                print(sensor.output.read_text(), file=sys.stderr)
    grown, same = slope(samples), flat(samples)
    held = grown < MB_AN_HOUR and same and not ended
    print(
        f"{grown:+.2f} MB/h after the first quarter (below {MB_AN_HOUR:g}), descriptors and threads "
        f"{'flat' if same else 'NOT flat'}, exit code {ended}"
    )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
