"""List alerts, most severe first, and manage them.

Repeated detections are one alert with a count. States, verdicts, assignees and comments are stored beside the event log. A running
sensor closes an alert within a second; a later detection then raises a new alert. ALERT is an id or the beginning of an id. Actions
that take ALERT… also take filters: they then apply to every alert that matches, and --dry-run only lists those.

actions:
  list                         list alerts (default)
  incidents                    list incidents: alerts that belong together
  show ALERT|INCIDENT…         show all details, with notes
  ack ALERT…                   acknowledge
  close ALERT…                 close; --reason gives the reason, --as the verdict
  reopen ALERT…                open again
  assign NAME ALERT…           assign to a user; the name nobody removes the assignment
  verdict VERDICT ALERT…       set a verdict: true_positive, benign or false_positive
  comment ALERT TEXT…          add a comment
  muted                        list alerts suppressed by mutes, and the mute of each
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from sensor.cli._actions import is_action
from sensor.cli._alerts_list import add_filter_arguments
from sensor.cli._codes import USAGE
from sensor.cli._data import add_data_arguments
from sensor.cli._setup import complain
from sensor.cli._show import add_json_argument

EXAMPLES = """\
  sensor alerts
  sensor alerts --severity high --open --since 24h
  sensor alerts --detector 'discovery.*' --src 10.20.10.0/24
  sensor alerts show incident-n1j4j6
  sensor alerts close alert-5k2m8q --as benign --reason 'the scanner of the network team'
  sensor alerts close --detector discovery.port_scan --src 10.20.10.5 --dry-run
  sensor alerts assign anna --severity critical --assignee nobody
  sensor alerts --json | jq -r .alert.key
"""
ACTIONS = ("list", "incidents", "show", "ack", "close", "reopen", "assign", "verdict", "comment", "muted")
ALONE = ("list", "incidents", "muted")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operands", metavar="ACTION", nargs="*", help="action with its arguments (default: list)")
    add_filter_arguments(parser)
    parser.add_argument("--dry-run", action="store_true", help="of actions: only list the alerts they apply to")
    parser.add_argument("--as", dest="judged", metavar="VERDICT", default="", help="of close: also set this verdict")
    parser.add_argument("--reason", metavar="TEXT", default="", help="of actions: the reason")
    parser.add_argument("--author", metavar="NAME", help="of actions: the author (default: the user)")
    add_json_argument(parser)
    add_data_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """List alerts, or run the action of the first argument; 1 if an alert is not known, 3 if there is nothing to read,
    6 if there is no event log.
    """
    args.action = args.operands.pop(0) if args.operands else "list"
    if not is_action(args.action, ACTIONS):
        return USAGE
    if args.operands and args.action in ALONE:
        complain(
            f"{args.action} has no arguments, found {' '.join(args.operands)!r}: `sensor alerts show` shows one",
            error="usage.unexpected-argument",
        )
        return USAGE
    if args.action == "list":
        from sensor.cli._alerts_list import list_alerts

        return list_alerts(args)
    if args.action == "incidents":
        from sensor.cli._incidents import list_incidents

        return list_incidents(args)
    from sensor.cli import _alerts_actions

    action: Callable[[argparse.Namespace], int] = getattr(_alerts_actions, args.action)
    return action(args)
