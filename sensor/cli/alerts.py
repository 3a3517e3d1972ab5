"""List the alerts of an event log, the gravest first, and say what you think of them.

Repeats of a finding are one alert with a count. Without an action, or with `list`, they are listed. A close or a comment is noted beside the log; a
running sensor that writes it closes the alert within a second, and what comes again is a new one.

actions:
  list                         the alerts
  incidents                    the stories that they are part of
  show ALERT|INCIDENT…         all about one, with what was noted
  close ALERT…                 it is dealt with; --reason says how
  comment ALERT TEXT…          note something
  why                          what mutes kept silent, and which mute did it
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from sensor.cli._codes import USAGE
from sensor.cli._data import add_data_arguments
from sensor.cli._log import fold_of
from sensor.cli._setup import complain
from sensor.cli._show import SEVERITIES, add_json_argument, level, part, table_of_alerts, tidy

if TYPE_CHECKING:
    from sensor.eventlog.fold import Fold

EXAMPLES = """\
  sensor alerts
  sensor alerts --severity high --open
  sensor alerts --detector 'discovery.*'
  sensor alerts show incident-n1j4j6
  sensor alerts close alert-5k2m8q --reason 'the scanner of the network team'
  sensor alerts why
  sensor alerts --json | jq -r .alert.key
"""
ACTIONS = ("list", "incidents", "show", "close", "comment", "why")
ALONE = ("list", "incidents", "why")
Record = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", metavar="ACTION …", nargs="*", help="an action with what it needs (default: list)")
    parser.add_argument("--severity", choices=SEVERITIES, default=SEVERITIES[0], help="only alerts at least as grave")
    parser.add_argument("--detector", metavar="GLOB", default="*", help="only alerts of detectors whose name matches")
    parser.add_argument("--open", action="store_true", help="only alerts that are not closed")
    parser.add_argument("--reason", metavar="TEXT", default="", help="of close: why")
    parser.add_argument("--author", metavar="NAME", help="of close and comment: who says it (default: the user)")
    add_json_argument(parser)
    add_data_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """List, or do what the first word says; 1 when an alert is not known, 3 when there is nothing to read, 6 when no event log is there."""
    args.action = args.words.pop(0) if args.words else "list"
    if args.action not in ACTIONS:
        complain(f"no action {args.action!r}, expected one of {', '.join(ACTIONS)}")
        return USAGE
    if args.words and args.action in ALONE:
        complain(f"{args.action} takes nothing more, found {' '.join(args.words)!r}: `sensor alerts show` tells of one")
        return USAGE
    if args.action not in ("list", "incidents"):
        from sensor.cli import _alerts_words

        deed: Callable[[argparse.Namespace], int] = getattr(_alerts_words, args.action)
        return deed(args)
    fold = fold_of(args, args.action if args.action == "incidents" else "alerts")
    if args.action == "incidents":
        return _incidents(args, fold)
    found = [one for one in fold.alerts.values() if _wanted(one, args)]
    if args.json:
        _put_lines(found)
    else:
        print(table_of_alerts(found, sys.stdout))
    return 0


def _wanted(record: Record, args: argparse.Namespace) -> bool:
    if args.open and record.get("action") == "close":
        return False
    return level(record) >= SEVERITIES.index(args.severity) and fnmatchcase(tidy(part(record, "alert").get("detector")), args.detector)


def _incidents(args: argparse.Namespace, fold: Fold) -> int:
    from sensor.cli._incidents import table_of_incidents

    least = SEVERITIES.index(args.severity)
    found = [one for one in fold.incidents.values() if level(one) >= least and not (args.open and one.get("action") == "close")]
    if args.json:
        _put_lines(found)
    else:
        print(table_of_incidents(found, sys.stdout))
    return 0


def _put_lines(records: list[Record]) -> None:
    for record in records:
        print(json.dumps(record, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))
