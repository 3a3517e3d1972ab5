"""List the devices on the network, and set what you know about them.

Filters: TEXT, KEY=TEXT, KEY!=TEXT, seen<24h, first>7d, confidence>0.8. type, vlan, id, criticality and state (present or gone) match
exactly, other keys match parts of the value; case is ignored. The same key twice matches either value; different keys must all match.
TEXT alone searches all attributes.

actions:
  list [FILTER…]               list devices (default)
  show DEVICE                  show a device with its evidence, as `sensor explain` does
  set DEVICE KEY=VALUE…        set attributes; your values override observations until KEY= removes them
  tag DEVICE TAG…              add tags; untag removes them
  merge DEVICE OTHER           merge two devices into the first
  split DEVICE MAC|ADDRESS     make a separate device of a MAC or an address
  undo DEVICE|NUMBER           undo the latest change to a device, or the change with that number
  history DEVICE               show changes, operator values and addresses over time
  import FILE                  import attributes from CSV or JSON; columns of NetBox are recognized
  export [FILE]                export as CSV or JSON; --format netbox writes columns of NetBox
  diff EXPECTED                show missing, unexpected and different devices; exit code 1 if there are any
"""

from __future__ import annotations

import argparse

from sensor.cli._actions import function_of
from sensor.cli._data import add_data_arguments
from sensor.cli._show import add_json_argument

EXAMPLES = """\
  sensor devices
  sensor devices type=camera vendor=hikvision vlan=30 'seen<24h'
  sensor devices --summary
  sensor devices show 10.20.10.62
  sensor devices --json 10.20.30. | jq -r .id
  sensor devices set 10.20.10.62 type=camera name="Lobby" owner=facilities criticality=high
  sensor devices export --format netbox --site HQ devices.csv
  sensor devices diff expected.csv
  sensor devices type=camera --at 2026-11-24T08:10
"""
# Action → (module, function).
ACTIONS = {
    "list": ("_devices_list", "list_devices"),
    "show": ("_devices_actions", "show"),
    "set": ("_devices_actions", "set_words"),
    "tag": ("_devices_actions", "tag"),
    "untag": ("_devices_actions", "tag"),
    "merge": ("_devices_actions", "merge"),
    "split": ("_devices_actions", "split"),
    "undo": ("_devices_actions", "undo"),
    "history": ("_devices_actions", "history"),
    "import": ("_devices_files", "import_words"),
    "export": ("_devices_files", "export"),
    "diff": ("_devices_files", "diff"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "operands", metavar="FILTER | ACTION", nargs="*", help="filters, or an action with its arguments"
    )
    add_json_argument(parser)
    parser.add_argument(
        "--csv", action="store_true", help="CSV with a heading; cells are safe to open in a spreadsheet"
    )
    parser.add_argument(
        "--at", metavar="TIME", default="", help="devices as they were at TIME, by the history in the traffic records"
    )
    parser.add_argument("--summary", action="store_true", help="count devices by type and VLAN")
    parser.add_argument(
        "--sort",
        metavar="COLUMN",
        help="sort by a column (type, vendor, name, ip, seen, first …); descending with --sort=-seen",
    )
    add_data_arguments(parser)
    parser.add_argument("--reason", metavar="TEXT", help="reason, stored with the change")
    parser.add_argument("--author", metavar="NAME", help="author (default: the user)")
    parser.add_argument(
        "--format", choices=("csv", "json", "netbox"), help="of export (default: by the file name extension, else csv)"
    )
    parser.add_argument("--site", metavar="NAME", help="of export --format netbox: site of the devices")


def main(args: argparse.Namespace) -> int:
    """List, or run the action of the first argument; 1 if a device is not known, 3 if there is nothing to read."""
    args.action = args.operands.pop(0) if args.operands and args.operands[0] in ACTIONS else ""
    module, name = ACTIONS.get(args.action, ("_devices_list", "list_devices"))
    return function_of(module, name)(args)
