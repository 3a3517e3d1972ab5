"""Query traffic records with SQL, or run hunts from the library.

A query is one SELECT statement of DuckDB over the tables that `tables` lists. It runs in a separate process that can read only the
records and write nothing. in_cidr(ip, '10.0.0.0/8'), below(name, 'example.com') and is_private(ip) help with addresses and names. The
views DeviceInfo, DeviceNetworkInfo, DeviceNetworkEvents, AlertInfo and AlertEvidence have the columns of Microsoft Defender's advanced
hunting, as far as packets contain them.

actions:
  sql QUERY          show the rows of a query
  kql QUERY          the same in KQL (experimental; needs the extra kql)
  tables             list tables with their number of rows
  describe [TABLE]   list the columns of a table, or of all tables
  list               list the hunts of the library (default)
  run NAME…          run hunts: names from the library or your own, files, or `all`
  show NAME          show the text of a hunt
  test [NAME…]       run the tests in hunts (default: your own)
  try NAME…          show the alerts that hunts would have raised since
                     --since, run by their schedules; nothing is written
  serve              answer the queries of the hub that this sensor joined, over its own records, until stopped; used by the unit
                     sensor-hunt. Only SELECT, with limits on time, memory and rows

Your own hunts are YAML files in the folder hunts beside the configuration or in the state folder. Those with `schedule:` run by
themselves while `sensor run` runs; their results become alerts, once for each actor and target, subject to mutes and roles.

exit codes: 0 found, 1 nothing found, 2 wrong usage or query, 3 a file cannot be opened, 6 the dataset has no records
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sensor.cli._actions import action_of, function_of, has_arguments
from sensor.cli._codes import USAGE
from sensor.cli._records import add_output_arguments, add_records_arguments
from sensor.cli._setup import add_log_argument
from sensor.cli._show import row_count

EXAMPLES = """\
  sensor hunt sql "SELECT src_device, count(*) FROM conn GROUP BY 1 ORDER BY 2 DESC"
  sensor hunt kql "DeviceNetworkEvents | where RemotePort == 3389 | summarize count() by DeviceName"
  sensor hunt describe dns
  sensor hunt list
  sensor hunt run beacons --since 24h
  sensor hunt run all --json
  sensor hunt show beacons > /var/lib/sensor/hunts/beacons.yaml
  sensor hunt try beacons --since 30d
"""
# Action → (function, number of arguments, None for one or more, and their names).
ACTIONS: dict[str, tuple[str, range | None, str]] = {
    "sql": ("sql", range(1, 2), "QUERY"),
    "kql": ("kql", range(1, 2), "QUERY"),
    "tables": ("tables", range(1), ""),
    "describe": ("describe", range(2), "[TABLE]"),
    "list": ("listed", range(1), ""),
    "run": ("run", None, "NAME…"),
    "show": ("show", range(1, 2), "NAME"),
    "test": ("test", range(1000), "[NAME…]"),
    "try": ("backtest", None, "NAME…"),
    "serve": ("serve", range(1), ""),
}
MODULES = {"test": "_hunt_schedule", "try": "_hunt_schedule", "serve": "_hunt_serve"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operands", metavar="ACTION", nargs="*", help="action with its arguments (default: list)")
    parser.add_argument(
        "-n", "--count", metavar="NUMBER", type=row_count, default=1000, help="maximum number of rows (default: 1000)"
    )
    parser.add_argument("--config", metavar="FILE", type=Path, help="of serve: configuration (default: the system's)")
    add_records_arguments(parser)
    add_output_arguments(parser)
    add_log_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the action of the first argument."""
    if not action_of(args, ACTIONS, "list"):
        return USAGE
    name, count, form = ACTIONS[args.action]
    if not has_arguments(args, count, form):
        return USAGE
    return function_of(MODULES.get(args.action, "_hunt"), name)(args)
