"""List the devices of the network, and say what you know of them.

Without an action the words are filters: TEXT, KEY=TEXT, KEY!=TEXT, seen<24h, first>7d, confidence>0.8. type, vlan, id, criticality and state (present or
gone) must be equal, all else must contain the text; case does not matter. A key given twice means either, different keys mean both. TEXT alone is looked for in
everything that a device has. Read is the inventory that `sensor run` keeps, or the log of a replay that was written later.

actions:
  set DEVICE KEY=VALUE…        what you say wins over every packet and stays; KEY= takes it back
  tag DEVICE TAG…              add tags (untag removes them)
  merge DEVICE OTHER           both are one device; the first goes on
  split DEVICE MAC|ADDRESS     that is a device of its own
  undo DEVICE|NUMBER           take back the latest word, merger or split of a device, or the one of that number
  history DEVICE               what became of it, what was said of it, which addresses it had
  import FILE                  rows of CSV or JSON as your word, NetBox's columns included
  export [FILE]                CSV or JSON; --format netbox for NetBox's columns
  diff EXPECTED                what is missing, unexpected or different; exit code 1 where anything is
"""

from __future__ import annotations

import argparse

from sensor.cli._actions import deed
from sensor.cli._data import add_data_arguments
from sensor.cli._show import add_json_argument

EXAMPLES = """\
  sensor devices
  sensor devices type=camera vendor=hikvision vlan=30 'seen<24h'
  sensor devices --summary
  sensor devices --json 10.20.30. | jq -r .id
  sensor devices set 10.20.30.41 type=camera name="Lobby" owner=facilities criticality=high
  sensor devices export --format netbox --site HQ devices.csv
  sensor devices diff expected.csv
"""
# Action → (module, function).
ACTIONS = {
    "set": ("_devices_words", "set_words"),
    "tag": ("_devices_words", "tag"),
    "untag": ("_devices_words", "tag"),
    "merge": ("_devices_words", "merge"),
    "split": ("_devices_words", "split"),
    "undo": ("_devices_words", "undo"),
    "history": ("_devices_words", "history"),
    "import": ("_devices_files", "import_words"),
    "export": ("_devices_files", "export"),
    "diff": ("_devices_files", "diff"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", metavar="FILTER | ACTION …", nargs="*", help="filters, or an action with what it needs")
    add_json_argument(parser)
    parser.add_argument("--csv", action="store_true", help="CSV with a heading; nothing in it becomes a formula of a spreadsheet")
    parser.add_argument("--summary", action="store_true", help="how many of each type are in each VLAN")
    parser.add_argument("--sort", metavar="COLUMN", help="order by a column (type, vendor, name, ip, seen, first …); -COLUMN backwards, as --sort=-seen")
    add_data_arguments(parser)
    parser.add_argument("--reason", metavar="TEXT", help="why: kept with what is set, merged or split")
    parser.add_argument("--author", metavar="NAME", help="who says it (default: the user)")
    parser.add_argument("--format", choices=("csv", "json", "netbox"), help="of export (default: by the ending, else csv)")
    parser.add_argument("--site", metavar="NAME", help="of export --format netbox: the site of the devices")


def main(args: argparse.Namespace) -> int:
    """List, or do what the first word says; 1 where a device is not known, 3 where there is nothing to read."""
    args.action = args.words.pop(0) if args.words and args.words[0] in ACTIONS else ""
    module, name = ACTIONS.get(args.action, ("_devices_list", "list_devices"))
    return deed(module, name)(args)
