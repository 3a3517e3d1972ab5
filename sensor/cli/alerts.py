"""List the alerts of an event log, the gravest first.

Repeats of a finding are one alert with a count. `sensor explain` tells all about one.
"""

from __future__ import annotations

import argparse
import json
import sys
from fnmatch import fnmatchcase

from sensor.cli._show import NOT_OPENED, SEVERITIES, add_events_argument, add_json_argument, folded, level, part, table_of_alerts, tidy

EXAMPLES = """\
  sensor alerts
  sensor alerts --severity high
  sensor alerts --detector 'discovery.*'
  sensor alerts --json | jq -r .alert.key
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--severity", choices=SEVERITIES, default=SEVERITIES[0], help="only alerts at least as grave")
    parser.add_argument("--detector", metavar="GLOB", default="*", help="only alerts of detectors whose name matches")
    add_json_argument(parser)
    add_events_argument(parser)


def main(args: argparse.Namespace) -> int:
    """List; with --json the last record of each alert."""
    fold = folded(args.events)
    if fold is None:
        return NOT_OPENED
    least = SEVERITIES.index(args.severity)
    found = [one for one in fold.alerts.values() if level(one) >= least and fnmatchcase(tidy(part(one, "alert").get("detector")), args.detector)]
    if args.json:
        for record in found:
            print(json.dumps(record, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))
    else:
        print(table_of_alerts(found, sys.stdout))
    return 0
