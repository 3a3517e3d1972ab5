"""Suggest firewall rules, tested on recorded traffic.

WHAT is an alert (its id, the beginning of its key, or a detector), an incident, or a recommendation (its id, or a setting such as
telnet, on all devices that have it); --address blocks an address or a block. All hosts that communicated with the same external
address, or used the same service of the same hosts, share one request. Without --format requests are described: hosts, reasons, side
effects. With it, rules are written to standard output, with the description as comments, and warnings to standard error.

An external address is blocked completely and in both directions, unless --service names a port; between internal hosts only the
observed service is blocked. Side effects are known from the baseline of the dataset. Multicast, broadcast and
gateways are excluded unless --force is given.

For a recommendation the insecure service is blocked for all clients: known clients are listed, and excepted with --allow seen, except
fixed-function devices at administration services. This is a workaround: fix the setting itself. A device with
unnecessary internet access (internet) is blocked from all external addresses except those named with --allow.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sensor.cli._data import add_data_arguments
from sensor.cli._show import add_json_argument

EXAMPLES = """\
  sensor firewall suggest alert-5k2m8q
  sensor firewall suggest incident-n1j4j6 --format fortios --expires 30d --comment CHG0012345
  sensor firewall suggest command_and_control.malicious_address --format nftables > block.nft
  sensor firewall suggest command_and_control.malicious_address --format nftables --undo > unblock.nft
  sensor firewall suggest --address 203.0.113.0/24 --everyone --format ios
  sensor firewall suggest --address 10.20.10.5 --service tcp/445 --simulate
  sensor firewall suggest --address 10.20.10.5 --service tcp/445 --backtest 30d
  sensor firewall suggest telnet --allow seen --format ios
"""
DEFAULT_SPAN = "7d"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", metavar="suggest", choices=("suggest",), help="the only action")
    parser.add_argument(
        "what", metavar="WHAT", nargs="?", help="an alert, a detector, an incident, a recommendation or a setting"
    )
    parser.add_argument("--address", metavar="ADDRESS", help="an address or CIDR block to block, internal or external")
    parser.add_argument(
        "--service", metavar="SERVICE", default="", help="only this service, such as tcp/8443, udp/53 or smb/445"
    )
    parser.add_argument("--everyone", action="store_true", help="for all hosts, not only for those seen")
    parser.add_argument(
        "--allow",
        metavar="DEVICE",
        action="append",
        default=[],
        help="except this host, or all hosts 'seen' using the service; may be repeated",
    )
    _add_rules_arguments(parser)
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="configuration whose networks: and outputs: apply (default: the system's)",
    )
    add_json_argument(parser)
    add_data_arguments(parser)


def _add_rules_arguments(parser: argparse.ArgumentParser) -> None:
    """What is printed: rules, or their effect on recorded traffic."""
    parser.add_argument(
        "--format",
        metavar="FORMAT",
        help="csv, fortios, ios, ip6tables, iptables, junos, nftables, panos, pf or windows",
    )
    parser.add_argument("--simulate", action="store_true", help="only show the side effects")
    parser.add_argument(
        "--backtest",
        metavar="SPAN",
        default="",
        help="only show which connections in the traffic records of the last SPAN, such as 30d, it would have blocked",
    )
    parser.add_argument("--undo", action="store_true", help="write the commands that remove the rules of --format")
    parser.add_argument(
        "--expires",
        metavar="SPAN",
        default=DEFAULT_SPAN,
        help=f"duration, such as 12h, 7d, 4w or never (default: {DEFAULT_SPAN})",
    )
    parser.add_argument("--comment", metavar="TEXT", default="", help="comment for the rules, such as a change number")
    parser.add_argument("--force", action="store_true", help="block multicast, broadcast and gateways too")


def main(args: argparse.Namespace) -> int:
    """Suggest rules; 1 if nothing is known or all was refused, 2 for invalid arguments, 3 if there is
    nothing to read.
    """
    from sensor.cli._firewall_suggest import suggest

    return suggest(args)
