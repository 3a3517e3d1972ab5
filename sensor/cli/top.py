"""Monitor a running sensor: rates, interfaces, devices, latest alerts, outputs and faults. Press Ctrl-C to exit.

The sensor is queried at its socket, as by `sensor status`. If standard output is not a terminal, or with --once, it prints once and
exits.

exit codes: 0 ended, 1 no sensor runs, or it stopped, 2 usage or configuration error, 4 no permission to query
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sensor.cli._codes import USAGE
from sensor.cli._setup import complain
from sensor.cli._status_client import NotPermitted, NotRunning, add_place_arguments, place_of, status_of

if TYPE_CHECKING:
    from pathlib import Path

    from sensor.cli._status_client import Status

EXAMPLES = """\
  sensor top
  sensor top --interval 5
  sensor top --once
"""
NOT_RUNNING, NOT_PERMITTED = 1, 4
LEAST_S, MOST_S = 0.5, 3600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_place_arguments(parser)
    parser.add_argument(
        "--interval", metavar="SECONDS", type=float, default=1.0, help="time between two updates (default: %(default)g)"
    )
    parser.add_argument(
        "-n", "--count", metavar="N", type=int, default=0, help="exit after N updates (default: at Ctrl-C)"
    )
    parser.add_argument("--once", action="store_true", help="the same as -n 1")


def main(args: argparse.Namespace) -> int:
    """Monitor until the end."""
    if not LEAST_S <= args.interval <= MOST_S or args.count < 0:
        complain(
            f"found --interval {args.interval:g} and -n {args.count}, expected {LEAST_S:g} to {MOST_S:g} seconds, and a count or none",
            error="usage.invalid-value",
        )
        return USAGE
    place = place_of(args)
    if place is None:
        return USAGE
    count = args.count or int(args.once or not sys.stdout.isatty())
    try:
        _watch(place.sockets, args.interval, count)
    except NotPermitted as error:
        complain(str(error), error="permission.denied")
        return NOT_PERMITTED
    except NotRunning as error:
        complain(str(error), error="sensor.not-running")
        return NOT_RUNNING
    except KeyboardInterrupt:
        pass
    return 0


def _watch(sockets: list[Path], interval: float, count: int) -> None:
    """A terminal is redrawn each time; other outputs get one snapshot after another."""
    from sensor.cli._top_view import AlternateScreen, drawn

    looks = _looks(sockets, interval, count)
    before, status = next(looks), next(looks)
    if not sys.stdout.isatty():
        print(drawn(before, status, time.time()))
        for later in looks:
            before, status = status, later
            print(drawn(before, status, time.time()), flush=True)
        return
    with AlternateScreen() as live:
        live.draw(before, status, time.time())
        for later in looks:
            before, status = status, later
            live.draw(before, status, time.time())


def _looks(sockets: list[Path], interval: float, count: int) -> Iterator[Status]:
    """One status before the first, since rates need two; then ``count`` of them, 0: without end."""
    done = -1
    while not count or done < count:
        yield status_of(sockets)
        done += 1
        if not count or done < count:
            time.sleep(interval)
