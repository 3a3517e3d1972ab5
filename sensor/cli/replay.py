"""Analyze capture files: devices, alerts, incidents.

PATH is a capture file (pcap, pcapng, snoop; plain or compressed), a folder, a quoted glob, or - for standard input. Several are merged in
time order.

The result is a dataset, named after the capture. Other commands read it as the newest dataset, or with --data NAME. Replaying the same
capture again replaces its dataset; `sensor data` lists, renames and removes datasets. --events alone writes only the event log; --state
DIR continues the inventory in that folder.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from sensor.cli._codes import NOT_OPENED, USAGE, Exit
from sensor.cli._replay_place import ReplayLocations, place_of
from sensor.cli._setup import (
    add_engine_arguments,
    complain,
    complain_of_faults,
    keeper,
    lists_folder,
    log_failed,
    mutes_file,
    profiles_folder,
    records_of,
    rule_folders,
    settings,
)
from sensor.cli._show import add_view_arguments
from sensor.core.phrases import counted

if TYPE_CHECKING:
    from sensor.capture.files import CaptureFiles
    from sensor.config import Config
    from sensor.eventlog.fold import Fold
    from sensor.eventlog.writer import EventLog
    from sensor.runtime.daemon import Run

EXAMPLES = """\
  sensor replay office.pcapng
  sensor replay captures/ --intel blocklist.txt
  sensor replay monday.pcap --name before-the-change
  sensor replay office.pcapng --events - | jq 'select(.kind == "alert")'
  tcpdump -w - | sensor replay -
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", metavar="PATH", nargs="+", help="capture file, folder, quoted glob, or -")
    parser.add_argument(
        "--follow", action="store_true", help="wait for more packets in a file or folder that is still being written"
    )
    as_json = "devices, alerts, incidents and the summary as JSON, one object per line"
    parser.add_argument("--json", action="store_true", help=as_json)
    add_view_arguments(parser)
    parser.add_argument(
        "--name", metavar="NAME", default="", help="name of the dataset (default: that of the capture file)"
    )
    add_engine_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Replay; tables go to standard output, or to standard error if events go to standard output."""
    config = settings(args)
    if config is None:
        return USAGE
    if args.mutes is not None and not args.mutes.exists():
        raise Exit(NOT_OPENED, f"cannot read {args.mutes}: {os.strerror(errno.ENOENT)}", error="file.not-read")
    if args.evidence is not None:
        _check_writable(args.evidence)
    from sensor.capture.files import open_captures

    source = open_captures(args.paths, follow=args.follow)
    with place_of(args, all_unreadable=source.all_unreadable) as place:
        try:
            return _replay(args, config, source, place)
        finally:
            if not place.kept:
                place.abandon()


def _check_writable(folder: Path) -> None:
    """Raises Exit if the folder for packets of alerts cannot be written, or not be created."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        reason = os.strerror(errno.EACCES if there.is_dir() else errno.ENOTDIR)
        raise Exit(NOT_OPENED, f"cannot write to {folder}: {there}: {reason}", error="file.not-written")


def _replay(args: argparse.Namespace, config: Config, source: CaptureFiles, place: ReplayLocations) -> int:
    """Run the replay and print its summary; returns the exit code."""
    from sensor.cli._replay_records import collector, new_fold
    from sensor.documents import DocumentErrors
    from sensor.runtime.daemon import Run
    from sensor.runtime.process import give_back

    log = _log(place.log)
    keeping = keeper(place.inventory, live=False) if place.inventory is not None else None
    if place.inventory is not None and keeping is None:
        return NOT_OPENED
    fold, began, folder = new_fold(), time.monotonic(), args.state
    listener = None if place.log == Path(os.devnull) else collector(fold, whole=args.json)
    try:
        with _progress(source) as progress:
            run = Run(
                config, source, log, intel=args.intel, listener=listener, progress=progress, keeper=keeping,
                mutes=mutes_file(args, config, folder), lists=lists_folder(folder), rules=rule_folders(args, folder),
                evidence=args.evidence or (place.evidence if config.evidence.enabled else None),
                profiles=profiles_folder(folder), records=records_of(log),
            )  # fmt: skip
            with stopping(source) as stopped:
                run.run()
        log.close()
        place.keep(run.first, run.last, whole=not stopped or source.read_bytes >= source.total_bytes)
    except DocumentErrors as errors:
        if keeping is not None:
            keeping.abandon()
        complain_of_faults(errors.faults)
        return USAGE
    except OSError as error:
        return log_failed(error, log.path)
    finally:
        source.close()
    give_back()  # the memory of the batches: tables take as much
    _tidy_up(config, place)
    _print_summary(args, run, source, fold, place, time.monotonic() - began)
    if stopped:
        return 128 + stopped[0]
    return NOT_OPENED if source.unreadable or _is_nothing(source) else 0


def _is_nothing(source: CaptureFiles) -> bool:
    """Whether no packet was read because of faults: then nothing is known, and no table is printed."""
    return source.all_unreadable or bool(source.damages and not source.tally.packets)


def _log(path: Path | None) -> EventLog:
    """The event log. Raises Exit if it cannot be written."""
    from sensor.eventlog.writer import EventLog

    try:
        return EventLog(path, fresh=True)
    except OSError as error:
        raise Exit(
            NOT_OPENED, f"cannot write the event log {path}: {error.strerror}", error="file.not-written"
        ) from None


def _tidy_up(config: Config, place: ReplayLocations) -> None:
    """Print changes of other datasets: one of the same capture was replaced, the oldest were removed."""
    if place.replay is None:
        return
    from sensor.datasets.replays import prune

    if place.replay.replaced:
        complain(f"the dataset {place.name!r} of the same capture was replaced", "info")
    try:
        if gone := prune(place.replay.folder.parents[1], config.datasets.replays, place.name):
            complain(f"removed to keep the newest {config.datasets.replays}: {', '.join(gone)}", "info")
    except OSError as error:
        complain(f"cannot remove the oldest datasets: {error.strerror}", error="file.not-written")


@contextlib.contextmanager
def stopping(source: Any) -> Iterator[list[int]]:
    """Inside of the block, SIGINT and SIGTERM stop the run in order; the list then has the signal. A second one stops
    at once.
    """
    stopped: list[int] = []

    def stop(number: int, _: object) -> None:
        if stopped:
            raise KeyboardInterrupt
        stopped.append(number)
        source.stop()

    former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _progress(source: CaptureFiles) -> Iterator[Callable[[], None] | None]:
    """A progress bar on standard error, if that is a terminal and the size is known."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[packets]:,} packets"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=source.total_bytes or None, packets=0)
        yield lambda: bar.update(task, completed=source.read_bytes, packets=source.tally.packets)


def _print_summary(
    args: argparse.Namespace, run: Run, source: CaptureFiles, fold: Fold, place: ReplayLocations, seconds: float
) -> None:
    """Print results and figures of the run."""
    path = run.log.path
    out = sys.stderr if path is None else sys.stdout
    place.see_last(fold)
    if place.name:
        print(_head(place, run), file=sys.stderr if args.json else out)
    for unreadable in source.unreadable:
        complain(str(unreadable), error="capture.not-read")
    for damage in source.damages:
        complain(str(damage), error="capture.damaged")
    summary = run.summary()
    if args.json:
        last = {"kind": "sensor", "action": "summary", "seconds": round(seconds, 3), "capture": summary}
        for one in (*fold.devices.values(), *fold.alerts.values(), *fold.incidents.values(), last):
            print(json.dumps(one, ensure_ascii=False, separators=(",", ":")), file=out)
        return
    if _is_nothing(source):
        return
    written = ""
    if path != Path(os.devnull):
        _print_found(run, fold, out)
        written = f"; {counted(run.log.written, 'event')} in {path or 'standard output'}"
    rate = summary["packets"] / seconds if seconds else 0
    print(
        f"{counted(summary['packets'], 'packet')} in {seconds:.2f} s ({rate:,.0f}/s), "
        f"{counted(summary['flows'], 'flow')}, {summary['malformed']:,} malformed, {summary['dropped']:,} dropped, "
        f"{counted(len(source.damages), 'damaged file')}{written}",
        file=out,
    )
    if unknown := _not_decoded(summary):
        print(f"link types that are not decoded: {unknown}", file=out)
    if lacks := _lacks(summary):
        print(f"incomplete capture: {lacks}; alerts may be missing or less certain", file=out)


def _print_found(run: Run, fold: Fold, out: TextIO) -> None:
    """Print devices, alerts and incidents in tables."""
    from sensor.cli._show import alert_table, device_table

    print(device_table(fold, out), file=out)
    print(alert_table(fold, out), file=out)
    if left_out := sum(run.files.mutes.counts.values()):
        print(f"suppressed by mutes: {counted(left_out, 'finding')}; `sensor alerts muted` lists the alerts", file=out)
    if fold.incidents:
        from sensor.cli._incidents import table_of_incidents

        print(table_of_incidents(fold.incidents.values(), out), file=out)


def _not_decoded(summary: dict[str, Any]) -> str:
    """Link types of frames that were only counted, with their numbers; empty if there are none."""
    from sensor.capture.linktypes import DECODED

    found = summary["linktypes"].items()
    return ", ".join(f"{name}: {counted(count, 'frame')}" for name, count in found if name not in DECODED)


def _lacks(summary: dict[str, Any]) -> str:
    """Parts that the capture lacks; empty if none is known."""
    names = {"truncated": "truncated frames", "one_way": "connections in one direction only"}
    return ", ".join(f"{what}: {count:,}" for name, what in names.items() if (count := summary.get(name, 0)))


def _head(place: ReplayLocations, run: Run) -> str:
    """The first line of reading commands."""
    from sensor.cli._show import tidy
    from sensor.cli._times import span_text
    from sensor.core.record_parts import time_text

    span = span_text(time_text(run.first), time_text(run.last)) if run.first else "no packets"
    return f"{tidy(place.name)} · replay · {span}"
