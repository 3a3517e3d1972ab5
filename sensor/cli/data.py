"""List and manage datasets: the results of replays and of the live sensor.

Commands that read data use one dataset, and print its name first. It is the first of: --data NAME; $SENSOR_DATA; the one chosen by
`sensor data use`; that of the live sensor, if it is running or installed; the newest. Empty datasets are used only by name. A replay
creates a dataset named after its capture; the newest 20 replays are kept (datasets.replays in the configuration).

actions:
  list                         list datasets: name, kind, time span, devices, alerts, size, missing parts; `>` marks the current one
  show [NAME]                  show a dataset: files, captures, missing parts (default: the current one)
  use NAME                     choose a dataset; without NAME, remove the choice
  rename NAME NEW              rename a replay
  remove NAME…                 delete replays with all their files
  rebuild [NAME]               rebuild the tables of alerts, incidents and recommendations from the event log
  export NAME                  write a dataset to an archive (-o FILE.tar.gz); unpack it in `datasets` on another host

exit codes: 0 done, 1 no such dataset, 2 wrong usage, or the dataset cannot be changed, 3 nothing to read, or a file cannot be read or
written, 6 no event log to rebuild from
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sensor.cli._actions import action_of, function_of
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
# Action → function of _data_actions.
ACTIONS = {
    "list": "list_datasets",
    "show": "show",
    "use": "use",
    "rename": "rename",
    "remove": "remove",
    "rebuild": "rebuild",
    "export": "export",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operands", metavar="ACTION", nargs="*", help="action with its arguments (default: list)")
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, help="of export: archive to write (default: NAME.tar.gz)"
    )
    parser.add_argument(
        "--state",
        metavar="DIR",
        type=Path,
        help="state folder (default: $SENSOR_STATE, else ~/.local/state/sensor, else that of the service)",
    )
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the action of the first argument."""
    return function_of("_data_actions", ACTIONS[args.action])(args) if action_of(args, ACTIONS, "list") else USAGE
