"""List, export and send tickets: one ticket for one fix.

All devices that need the same update, or have the same insecure setting, share one ticket: with owner, due date, steps for each
vendor, the packet that proves it for each device, and how to verify the fix. Ids are stable, so that the export of next month updates
those of this month. A ticket is done when traffic shows it: a fixed setting, another version, a device that is gone.

actions:
  list [FILTER…]               show tickets with a matching device (filters as in `sensor devices`): those of affected devices first, then those for
                               which it is unknown, the most severe first; their state is new (not sent yet), open, changed (since it was sent) or done
  show ID…                     show all details
  export [FILTER…|ID…]         write them as markdown, jira, jira_server, servicenow, github, csv, email or json
  send [OUTPUT [FILTER…|ID…]]  open, update and close them in the ticket systems of outputs of type tickets

The priority follows from the points of the most severe finding: P1 from 60, P2 from 40, P3 from 20, else P4; due dates from its
severity, by tickets: of the configuration. First seen and sent state are stored in tickets.json in the state folder; with --events
nothing is stored.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sensor.cli._actions import action_of, function_of
from sensor.cli._codes import USAGE
from sensor.cli._known import add_site_arguments
from sensor.cli._show import add_json_argument
from sensor.core.severities import SEVERITIES

EXAMPLES = """\
  sensor tickets
  sensor tickets list --status new --severity high
  sensor tickets type=camera vlan=30
  sensor tickets show ticket-5k2m8q
  sensor tickets export --format markdown -o tickets.md
  sensor tickets export --format jira --project OPS | while read -r body; do curl -d "$body" …/rest/api/3/issue/bulk; done
  sensor tickets send jira --dry-run
  sensor tickets send
"""
# Action → (module, function).
ACTIONS = {
    "list": ("_tickets_text", "list_tickets"),
    "show": ("_tickets_text", "show"),
    "export": ("_tickets_export", "export"),
    "send": ("_tickets_send", "send"),
}
STATES = ("new", "open", "changed", "done")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "operands", metavar="FILTER | ACTION", nargs="*", help="filters, or an action with its arguments"
    )
    parser.add_argument("--severity", choices=SEVERITIES, default=SEVERITIES[0], help="only this severity or higher")
    parser.add_argument("--owner", metavar="NAME", help="only those of an owner")
    parser.add_argument("--status", choices=STATES, help="only those in a state")
    parser.add_argument(
        "--format",
        metavar="FORMAT",
        help="of export: csv, email, github, jira, jira_server, json, markdown or servicenow (default: markdown)",
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, help="of export: output file; marks these tickets as sent"
    )
    parser.add_argument("--project", metavar="KEY", default="", help="of export: the project in Jira")
    parser.add_argument("--dry-run", action="store_true", help="of send: show the changes only")
    parser.add_argument("--csv", action="store_true", help="of list: CSV with a heading")
    add_json_argument(parser)
    add_site_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Run the action; 1 if a ticket is unknown or was rejected, 2 for invalid arguments, 3 if something cannot be read,
    written or reached.
    """
    return function_of(*ACTIONS[args.action])(args) if action_of(args, ACTIONS, "list", filters=True) else USAGE
