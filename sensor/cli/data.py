"""List and manage datasets: each holds what one source gave, the live sensor or one replay.

Every command that reads takes one dataset, and its first line names it. It is, in this order: the one of --data NAME; of $SENSOR_DATA; what `sensor data use`
chose; that of the live sensor, when one is running or installed; the newest. One that holds nothing is only taken by its name. A replay makes a dataset named
after its capture, in the folder `datasets` of the state folder; the same capture again replaces it. The newest 20 are kept (datasets.replays: of the
configuration).

actions:
  list                         all datasets: name, kind, time span, devices, alerts, size, what is missing; `>` marks the one that commands read now
  show [NAME]                  all about one: its files, its captures, what is missing (default: the one that commands read now)
  use NAME                     read this one from now on; without NAME go by the rule again
  rename NAME NEW              give a replay another name
  remove NAME…                 delete replays with all their files
  rebuild [NAME]               make the tables of alerts, incidents and recommendations again from the event log; devices stay as they are
  export NAME                  write one into an archive (-o FILE.tar.gz), for another machine: unpack it in `datasets` there

exit codes: 0 done, 1 no dataset of that name, 2 wrong usage, or one that may not be changed, 3 nothing there, or a file could not be read or written, 6 no
event log to rebuild from
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sensor.cli._actions import action_of, deed
from sensor.cli._codes import USAGE
from sensor.cli._show import add_json_argument

EXAMPLES = """\
  sensor data
  sensor data list --json | jq -r 'select(.devices > 0).name'
  sensor data show office
  sensor data use office
  sensor data rename office before-the-change
  sensor data remove stdin stdin-2
  sensor data rebuild office
  sensor data export office -o office.tar.gz
"""
# Action → function of _data_words.
ACTIONS = {"list": "list_datasets", "show": "show", "use": "use", "rename": "rename", "remove": "remove", "rebuild": "rebuild", "export": "export"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", metavar="ACTION …", nargs="*", help="an action with what it needs (default: list)")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="of export: the archive to write (default: NAME.tar.gz)")
    parser.add_argument("--state", metavar="DIR", type=Path, help="state folder to look in (default: the usual one)")
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Do what the first word says."""
    return deed("_data_words", ACTIONS[args.action])(args) if action_of(args, ACTIONS, "list") else USAGE
