"""Ask the traffic records by SQL, or run a hunt from the library.

A query is one SELECT of DuckDB over the tables that `tables` lists. It runs in a process of its own, which can read nothing but the records and write nothing.
in_cidr(ip, '10.0.0.0/8'), below(name, 'example.com') and is_private(ip) help with addresses and names. The views DeviceInfo, DeviceNetworkInfo,
DeviceNetworkEvents, AlertInfo and AlertEvidence have the columns that Microsoft Defender's advanced hunting gives them, as far as packets can fill them.

actions:
  sql QUERY          the rows of a query
  tables             the tables, with how many rows each has
  describe [TABLE]   the columns of a table, or of all
  list               the hunts of the library
  run NAME…          run hunts: names of the library, files, or `all`
  show NAME          the text of a hunt

exit codes: 0 found, 1 nothing found, 2 wrong usage or query, 3 something cannot be opened, 6 the dataset has no records
"""

from __future__ import annotations

import argparse

from sensor.cli._actions import action_of, deed
from sensor.cli._codes import USAGE
from sensor.cli._records import add_output_arguments, add_records_arguments
from sensor.cli._setup import complain

EXAMPLES = """\
  sensor hunt sql "SELECT src_device, count(*) FROM conn GROUP BY 1 ORDER BY 2 DESC"
  sensor hunt describe dns
  sensor hunt list
  sensor hunt run beacons --since 24h
  sensor hunt run all --json
"""
# Action → (function, how many words it takes; None: one or more).
ACTIONS: dict[str, tuple[str, range | None]] = {
    "sql": ("sql", range(1, 2)),
    "tables": ("tables", range(1)),
    "describe": ("describe", range(2)),
    "list": ("listed", range(1)),
    "run": ("run", None),
    "show": ("show", range(1, 2)),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", metavar="ACTION …", nargs="*", help="an action with what it needs (default: list)")
    parser.add_argument("-n", metavar="COUNT", type=int, default=1000, help="rows at most (default: 1000)")
    add_records_arguments(parser)
    add_output_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Do it."""
    if not action_of(args, ACTIONS, "list"):
        return USAGE
    name, count = ACTIONS[args.action]
    if not (args.words if count is None else len(args.words) in count):
        complain(f"found {len(args.words)} words after {args.action}: see sensor hunt --help")
        return USAGE
    if not 1 <= args.n <= 1_000_000:
        complain(f"found -n {args.n}, expected 1 to 1000000")
        return USAGE
    return deed("_hunt", name)(args)
