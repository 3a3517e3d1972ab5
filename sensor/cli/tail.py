"""Show events of the log, or follow them live.

Each event is one line, coloured by severity on a terminal; --json prints the lines of the log unchanged. FILE is an event log, or - for
standard input (default: the log of the dataset). All segments are read, compressed ones included; -f continues across rotation without
gaps or repeats. Times are in UTC. With --kind conn,dns and other tables of traffic records these are shown instead.
"""

from __future__ import annotations

import argparse
import sys
from collections import deque
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensor.cli._codes import NOT_OPENED, USAGE
from sensor.cli._colors import STYLES, coloured, paint
from sensor.cli._data import add_data_arguments, dataset_of, need_log, now_of
from sensor.cli._log import left_out
from sensor.cli._setup import complain
from sensor.cli._show import FULL, add_json_argument, level, part, tidy
from sensor.cli._tail_filter import RECORDS, add_filter_arguments, moment, wanted
from sensor.cli._times import clock
from sensor.core.severities import SEVERITIES

if TYPE_CHECKING:
    from sensor.eventlog.log_offsets import LineOffset
    from sensor.eventlog.reader import Reader

    Pair = tuple[bytes, dict[str, Any]]

LAST = 10
"""Number of earlier records with -f."""

OLDER = 1000
"""This many consecutive records from before a time mean that all earlier ones are older: records are nearly sorted by
time.
"""

EXAMPLES = """\
  sensor tail
  sensor tail -n 20 --kind alert
  sensor tail -f --severity medium
  sensor tail -f --json --kind alert | jq .msg
  sensor tail --since 1h --src 10.20.10.0/24
  sensor tail --since 2026-11-24T08:10 --device KM1A2B3C
  sensor tail -f --kind conn,dns --src 10.20.10.61
  sensor tail --detector 'lateral_movement.*' events.jsonl
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", type=Path, help="event log, or - for standard input")
    parser.add_argument(
        "-f",
        "--follow",
        action="store_true",
        help="follow new events until Ctrl-C; waits for the log if it does not exist yet",
    )
    parser.add_argument(
        "-n",
        "--lines",
        metavar="N",
        type=_count,
        help=f"only the last N matching events (default: all; {LAST} with -f and no --since)",
    )
    add_filter_arguments(parser)
    add_json_argument(parser)
    add_data_arguments(parser)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a number of records such as 10, or 0")
    return int(text)


def main(args: argparse.Namespace) -> int:
    """Print; 3 if there is nothing to read, 6 if the dataset has no event log."""
    if set(args.kind) & set(RECORDS):
        return _records(args)
    args.events = args.file or args.events
    path = dataset_of(args, waiting=True).log if args.follow else need_log(args, "events")
    from sensor.eventlog.reader import Reader

    args.since = moment(args.since, now_of(args)) if args.since else None
    reader, colours, terminal = Reader(path, follow=args.follow), coloured(sys.stdout), sys.stdout.isatty()
    try:
        for line, record in _chosen(reader, args):
            print(_raw(line, terminal) if args.json else _sentence(record, colours), flush=args.follow)
    except OSError as error:
        if isinstance(error, BrokenPipeError) or error.errno in FULL:  # an error of writing
            raise
        complain(f"cannot read {path}: {error.strerror}", error="file.not-read")
        return NOT_OPENED
    except KeyboardInterrupt:
        _left_out(path, reader)
        raise
    _left_out(path, reader)
    return 0


def _records(args: argparse.Namespace) -> int:
    """Print traffic records instead of the event log."""
    from sensor.cli._tail_records import tail_records

    if args.file is not None or not set(args.kind) <= set(RECORDS):
        complain(
            "found traffic records beside events or a FILE, expected only events or only records",
            error="usage.unexpected-argument",
        )
        return USAGE
    return tail_records(args)


def _left_out(path: Path, reader: Reader) -> None:
    left_out(path, reader.broken, str(reader.damages[0]) if reader.broken else "", reader.missing)


def _chosen(reader: Reader, args: argparse.Namespace) -> Iterator[Pair]:
    """The records to print: the last ones, then new ones if the log is followed."""
    from sensor.eventlog.log_end import end_of
    from sensor.eventlog.log_offsets import place_since

    count = args.lines if args.lines is not None or not args.follow or args.since else LAST
    # A pipe can only be read forward.
    end = reader.begin(lambda: end_of(reader.path)) if count is not None and reader.path.is_file() else None
    before: list[Pair] = []
    if end is not None and count is not None:
        before = _last(reader.path, end, count, args)
    elif args.since:
        reader.begin(lambda: place_since(reader.path, args.since))
    found = chain(before, (pair for pair in reader.pairs() if wanted(pair[1], args)))
    return found if args.follow or count is None else iter(deque(found, count))


def _last(path: Path, end: LineOffset, count: int, args: argparse.Namespace) -> list[Pair]:
    """The last matching records before the end, in order."""
    from sensor.eventlog.log_end import backwards
    from sensor.eventlog.reader import record_of

    found: list[Pair] = []
    older = 0
    for record, line in ((record_of(line), line) for line in backwards(path, end)):
        if len(found) == count or older == OLDER:
            break
        if record is not None and wanted(record, args):
            found.append((line, record))
        older = older + 1 if record is not None and args.since and record["ts"] < args.since else 0
    return found[::-1]


def _raw(line: bytes, terminal: bool) -> str:
    """The unchanged line; control characters are removed for a terminal."""
    text = line.decode("utf-8", "replace")
    return tidy(text, len(text)) if terminal else text


def _sentence(record: dict[str, Any], colours: bool) -> str:
    severity = SEVERITIES[level(record)]
    detector = tidy(part(record, "alert").get("detector"))
    what = f"{tidy(record.get('kind'))} {tidy(record.get('action'))}"
    message = f"{detector}: {tidy(record.get('msg'))}" if detector else tidy(record.get("msg"))
    style = STYLES.get(severity, "")
    return f"{paint(clock(record.get('ts')), 'dim', colours)} {paint(f'{severity:8}', style, colours)} {what:22} {paint(message, style, colours)}".rstrip()
