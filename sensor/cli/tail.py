"""Print the event log, to its end or as it grows.

One readable line a record, coloured by severity on a terminal; with --json the lines of the log as they are. FILE is an event log, or - for standard input;
without one it is the log in the state folder that was written last.
"""

from __future__ import annotations

import argparse
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from sensor.cli._setup import complain
from sensor.cli._show import (
    NOT_FOUND,
    NOT_OPENED,
    SEVERITIES,
    STYLES,
    add_events_argument,
    add_json_argument,
    clock,
    coloured,
    level,
    log_of,
    paint,
    part,
    tidy,
)

EXAMPLES = """\
  sensor tail
  sensor tail -f --severity medium
  sensor tail -f --json --kind alert | jq .msg
  sensor tail --detector 'lateral_movement.*' events.jsonl
"""
KINDS = ("device", "alert", "incident", "recommendation", "sensor", "flow")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", type=Path)
    parser.add_argument("-f", "--follow", action="store_true", help="wait for more, until Ctrl-C, also for a log that is not there yet")
    parser.add_argument("--kind", action="append", default=[], choices=KINDS, help="only records of this kind; may be given often")
    parser.add_argument("--severity", choices=SEVERITIES, default=SEVERITIES[0], help="only records at least as grave")
    parser.add_argument("--detector", metavar="GLOB", help="only alerts of detectors whose name matches")
    add_json_argument(parser)
    add_events_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Print; 1 where no log is there yet, 3 where it cannot be opened."""
    path = log_of(args.file or args.events)
    if path is None:
        return NOT_FOUND
    from sensor.eventlog.reader import Reader

    reader, colours, terminal = Reader(path, follow=args.follow), coloured(sys.stdout), sys.stdout.isatty()
    try:
        for line, record in reader.pairs():
            if _wanted(record, args):
                text = _raw(line, terminal) if args.json else _sentence(record, colours)
                print(text, flush=args.follow)
    except BrokenPipeError:
        raise
    except OSError as error:
        complain(f"cannot read {path}: {error.strerror}")
        return NOT_OPENED
    if reader.broken:
        complain(f"{path}: left out what is no record: {reader.broken:,} lines")
    return 0


def _wanted(record: dict[str, Any], args: argparse.Namespace) -> bool:
    if args.kind and record.get("kind") not in args.kind:
        return False
    if args.detector and not fnmatchcase(tidy(part(record, "alert").get("detector")), args.detector):
        return False
    return level(record) >= SEVERITIES.index(args.severity)


def _raw(line: bytes, terminal: bool) -> str:
    """The line as it is; what would steer a terminal is kept from one."""
    text = line.decode("utf-8", "replace")
    return tidy(text, len(text)) if terminal else text


def _sentence(record: dict[str, Any], colours: bool) -> str:
    severity = SEVERITIES[level(record)]
    detector = tidy(part(record, "alert").get("detector"))
    what = f"{tidy(record.get('kind'))} {tidy(record.get('action'))}"
    said = f"{detector}: {tidy(record.get('msg'))}" if detector else tidy(record.get("msg"))
    style = STYLES.get(severity, "")
    return f"{paint(clock(record.get('ts')), 'dim', colours)} {paint(f'{severity:8}', style, colours)} {what:22} {paint(said, style, colours)}".rstrip()
