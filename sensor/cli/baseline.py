"""Show and edit the baseline: learned communication of each device, and allowed and forbidden flows.

The baseline is part of each dataset; a running sensor writes it every ten minutes.
Maturity is the share of --hours in which a device was monitored; detections with a learning period wait for it. Services are written
as tcp/22, udp/161 or ssh/22.

actions:
  list [FILTER…]                show devices with a baseline, with the filters of `sensor devices` (default)
  show DEVICE                   show its services and peers, and since when
  forget DEVICE [SERVICE]       delete the baseline of a device or of one service, to learn it again; --all: everything
  allow CLIENT SERVER SERVICE   treat as learned: raises no alert
  forbid CLIENT SERVER SERVICE  never learn: raises an alert each time
  rules                         show allowed and forbidden flows, with author and reason
  undo NUMBER                   remove a rule
CLIENT and SERVER are devices or addresses; SERVER may be external, and either may be * for any.
"""

from __future__ import annotations

import argparse

from sensor.cli._actions import action_of, function_of
from sensor.cli._codes import USAGE
from sensor.cli._data import add_data_arguments
from sensor.cli._show import add_json_argument

EXAMPLES = """\
  sensor baseline
  sensor baseline list type=camera
  sensor baseline show 10.20.10.62
  sensor baseline allow 10.20.1.9 '*' ssh/22 --reason 'the jump host'
  sensor baseline forbid '*' FS01 rdp/3389
  sensor baseline forget 10.20.10.62
"""
# Action → function of _baseline_actions.
ACTIONS = {
    "list": "list_learned",
    "show": "show",
    "forget": "forget",
    "allow": "rule",
    "forbid": "rule",
    "rules": "rules",
    "undo": "undo",
}
HOURS, HOURS_LIMIT = 72.0, 8784


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operands", metavar="ACTION", nargs="*", help="action with its arguments (default: list)")
    add_json_argument(parser)
    parser.add_argument("--all", action="store_true", help="of forget: the whole baseline")
    parser.add_argument(
        "--hours", type=hours, default=HOURS, help=f"hours after which a device is mature (default: {HOURS:g})"
    )
    add_data_arguments(parser, events=False)
    parser.add_argument("--reason", metavar="TEXT", default="", help="reason, stored with the rule")
    parser.add_argument("--author", metavar="NAME", help="author (default: the user)")


def hours(text: str) -> float:
    """The argument of --hours. Raises ArgumentTypeError."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found <= HOURS_LIMIT:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected hours, more than 0 and at most {HOURS_LIMIT:,}")
    return found


def main(args: argparse.Namespace) -> int:
    """List, or run the action of the first argument; 1 if a device is not known, 3 if there is nothing to read."""
    return function_of("_baseline_actions", ACTIONS[args.action])(args) if action_of(args, ACTIONS, "list") else USAGE
