"""Create, install and check least-privilege profiles: MUD files (RFC 8520) or allow-lists.

Profiles are based on the baseline of the dataset; each has a confidence. Traffic of a device that an
installed profile does not allow raises an alert (lateral_movement.role_violation). A sensor reads profiles at its start and on SIGHUP.

actions:
  make DEVICE…                 write a MUD file of required traffic; --type and --product: all devices of a type, or of a vendor and model
  install FILE                 install a profile for --for DEVICE, --type or --product; FILE may come from a vendor
  list                         show installed profiles and their devices (default)
  show NAME                    show what it allows; --json: as a MUD file
  check [NAME…]                show past traffic that a profile does not allow; exit code 1 if there is any
  remove NAME                  remove a profile
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sensor.cli._actions import function_of
from sensor.cli._codes import USAGE
from sensor.cli._data import add_data_arguments
from sensor.cli._setup import complain
from sensor.cli._show import add_json_argument

EXAMPLES = """\
  sensor profiles make 10.20.10.62 -o camera.json
  sensor profiles make --type voip_phone
  sensor profiles make --product 'Axis P3245' --format fortios
  sensor profiles install camera.json --type camera
  sensor profiles install vendor.json --for 10.20.10.62 --controller my-controller=10.20.10.5
  sensor profiles check
"""
# Action → module and function.
ACTIONS = {
    "make": ("_profiles_make", "make"), "install": ("_profiles_installed", "install"), "list": ("_profiles_installed", "list_installed"),
    "show": ("_profiles_installed", "show"), "check": ("_profiles_check", "check"), "remove": ("_profiles_installed", "remove"),
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", metavar="ACTION", nargs="?", choices=tuple(ACTIONS), default="list", help="action (default: list)"
    )
    parser.add_argument("operands", metavar="WHAT", nargs="*", help="devices, a file, or names of profiles")
    parser.add_argument("--for", dest="device", metavar="DEVICE", help="of install: device of the profile")
    parser.add_argument("--type", metavar="TYPE", help="all devices of a type, such as camera")
    parser.add_argument(
        "--product", metavar="PRODUCT", help="all devices of a vendor and model, as `sensor devices` writes them"
    )
    parser.add_argument(
        "--format",
        metavar="FORMAT",
        help="of make: an allow-list as csv, fortios, ios, ip6tables, iptables or nftables, instead of a MUD file",
    )
    parser.add_argument("--alerted", action="store_true", help="of make: include traffic of open alerts")
    parser.add_argument("--url", metavar="URL", default="", help="of make: where the file will be kept")
    parser.add_argument(
        "--controller",
        metavar="CLASS=ADDRESS",
        action="append",
        default=[],
        help="of install: devices of a controller class; may be repeated",
    )
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="of make: write to a file")
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="configuration whose networks: apply (default: the system's)"
    )
    add_json_argument(parser)
    add_data_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Run the action of the first argument; 1 if a name is unknown, 2 for invalid arguments, 3 if there is nothing to
    read or it cannot be written.
    """
    if sum(bool(one) for one in (args.device, args.type, args.product, args.action == "make" and args.operands)) > 1:
        complain("expected one of DEVICE, --type and --product, found several", error="usage.conflicting-options")
        return USAGE
    return function_of(*ACTIONS[args.action])(args)
