"""What was learned of the network: who talks to whom with what, how well each device is known by now, and what you allow or forbid of it.

Read is the inventory that `sensor run` keeps, or `sensor replay --state`; what a running sensor learned is written every ten minutes. Maturity is the share of
--hours in which a device was watched; findings that need learning wait for it. Services are written as tcp/22, udp/161 or ssh/22.

actions:
  list [FILTER…]               the devices of which something was learned, as `sensor devices` filters them (default)
  show DEVICE                  what it serves and uses, with whom and since when
  forget DEVICE [SERVICE]      it is learned anew, or one service of it is; --all: everything
  allow CLIENT SERVER SERVICE  counts as learned, so that it is no news
  forbid CLIENT SERVER SERVICE is never learned, so that it is news each time
  rules                        what is allowed and forbidden, by whom and why
  undo NUMBER                  take a rule back
CLIENT and SERVER are devices or addresses; SERVER may be outside, and either may be * for anybody.
"""

from __future__ import annotations

import argparse

from sensor.cli._actions import action_of, deed
from sensor.cli._codes import USAGE
from sensor.cli._data import add_data_arguments
from sensor.cli._show import add_json_argument

EXAMPLES = """\
  sensor baseline
  sensor baseline list type=camera
  sensor baseline show 10.20.30.41
  sensor baseline allow 10.20.1.9 '*' ssh/22 --reason 'the jump host'
  sensor baseline forbid '*' FS01 rdp/3389
  sensor baseline forget 10.20.30.41
"""
# Action → function of _baseline_words.
ACTIONS = {"list": "list_learned", "show": "show", "forget": "forget", "allow": "rule", "forbid": "rule", "rules": "rules", "undo": "undo"}
HOURS = 72.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", metavar="ACTION …", nargs="*", help="an action with what it needs (default: list)")
    add_json_argument(parser)
    parser.add_argument("--all", action="store_true", help="of forget: everything that was learned")
    parser.add_argument("--hours", type=float, default=HOURS, help=f"hours in which a device counts as known (default: {HOURS:g})")
    add_data_arguments(parser, events=False)
    parser.add_argument("--reason", metavar="TEXT", default="", help="why: kept with what is allowed, forbidden or forgotten")
    parser.add_argument("--author", metavar="NAME", help="who says it (default: the user)")


def main(args: argparse.Namespace) -> int:
    """List, or do what the first word says; 1 where a device is not known, 3 where there is nothing to read."""
    return deed("_baseline_words", ACTIONS[args.action])(args) if action_of(args, ACTIONS, "list") else USAGE
