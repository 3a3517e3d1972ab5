"""Least privilege: write down what devices need as MUD files (RFC 8520) or allow-lists, install profiles, and see who does not keep to them.

What is made rests on what `sensor run` learned, or `sensor replay --state`; how sure it is that enough was seen is told each time. Of an installed profile a
running sensor takes its word: what a device does beyond it is an alert (lateral_movement.role_violation). It reads profiles at its start and on SIGHUP.

actions:
  make DEVICE…                 a MUD file of what they need; --type and --product: all devices of a type, or of a maker and model
  install FILE                 --for DEVICE, --type or --product says whom it is for; FILE may come from a maker
  list                         what is installed, and whom it is for
  show NAME                    what it allows; --json: as a MUD file
  check [NAME…]                what was seen so far that a profile does not allow; 1 where there is any
  remove NAME                  it is installed no more
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sensor.cli._actions import deed
from sensor.cli._codes import USAGE
from sensor.cli._data import add_data_arguments
from sensor.cli._setup import complain
from sensor.cli._show import add_json_argument

EXAMPLES = """\
  sensor profiles make 10.20.30.41 -o camera.json
  sensor profiles make --type voip_phone
  sensor profiles make --product 'Axis P3245' --format fortios
  sensor profiles install camera.json --type camera
  sensor profiles install maker.json --for 10.20.30.41 --controller my-controller=10.20.10.5
  sensor profiles check
"""
# Action → module and function.
ACTIONS = {
    "make": ("_profiles_make", "make"), "install": ("_profiles_installed", "install"), "list": ("_profiles_installed", "list_installed"),
    "show": ("_profiles_installed", "show"), "check": ("_profiles_check", "check"), "remove": ("_profiles_installed", "remove"),
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", metavar="ACTION", choices=tuple(ACTIONS), help="make, install, list, show, check or remove")
    parser.add_argument("words", metavar="WHAT", nargs="*", help="devices, a file, or names of profiles")
    parser.add_argument("--for", dest="device", metavar="DEVICE", help="of install: the device it is for")
    parser.add_argument("--type", metavar="TYPE", help="all devices of a type, such as camera")
    parser.add_argument("--product", metavar="PRODUCT", help="all devices of a maker and model, as `sensor devices` writes them")
    parser.add_argument(
        "--format", metavar="FORMAT", help="of make: an allow-list as csv, fortios, ios, ip6tables, iptables or nftables, instead of a MUD file"
    )
    parser.add_argument("--alerted", action="store_true", help="of make: with what alerts that are open are about")
    parser.add_argument("--url", metavar="URL", default="", help="of make: where the file will be kept")
    parser.add_argument(
        "--controller", metavar="CLASS=ADDRESS", action="append", default=[], help="of install: who a class of controllers is; again for more of them"
    )
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="of make: write to a file")
    parser.add_argument("--config", metavar="FILE", type=Path, help="configuration, for its networks: (default: the system's)")
    add_json_argument(parser)
    add_data_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Do what the first word says; 1 where something is not known, 2 where it makes no sense, 3 where there is nothing to read or no place to write."""
    if sum(bool(one) for one in (args.device, args.type, args.product, args.action == "make" and args.words)) > 1:
        complain("expected one of DEVICE, --type and --product, found several")
        return USAGE
    return deed(*ACTIONS[args.action])(args)
