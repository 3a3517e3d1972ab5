"""Suggest firewall rules for what was found, tried out beforehand on what was seen of the network.

WHAT is an alert (its id, the beginning of its key, or a detector), an incident, or a recommendation (its id, or a setting such as telnet, on all machines
that have it); --address cuts off an address or a block. All machines that talked to the
same address outside, or used the same service of the same machines, share one request. Without --format requests are told for people: machines, reasons,
what else would break. With it, rules are written to standard output, with all that in comments above them, and warnings to standard error.

An address outside is cut off whole and both ways, unless --service names a port; between inside machines only the service is cut that was seen. What else would
break is told by the baseline that `sensor run` keeps, or `sensor replay --state`. Multicast, broadcast and gateways are left out unless --force is given.

Of a recommendation the service that is set wrong is cut off from everybody: who was seen using it is told, and left alone with --allow seen, but for devices
with one job, which administer nothing. It is the second best: the setting itself is still to be mended. A device that talks to the internet and need not
(internet) is cut off all that is outside, but for addresses named with --allow.
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
  sensor firewall suggest telnet --allow seen --format ios
"""
DEFAULT_SPAN = "7d"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("suggest",))
    parser.add_argument("what", metavar="WHAT", nargs="?", help="an alert, a detector, an incident, a recommendation or a setting")
    parser.add_argument("--address", metavar="ADDRESS", help="an address or a CIDR block to cut off, outside or inside")
    parser.add_argument("--service", metavar="SERVICE", default="", help="only this service, such as tcp/8443, udp/53 or smb/445")
    parser.add_argument("--everyone", action="store_true", help="for all machines, not only for those that were seen")
    parser.add_argument(
        "--allow", metavar="DEVICE", action="append", default=[], help="leave this machine alone, or all that were 'seen' using the service; more than once"
    )
    parser.add_argument("--format", metavar="FORMAT", help="csv, fortios, ios, ip6tables, iptables, junos, nftables, panos, pf or windows")
    parser.add_argument("--simulate", action="store_true", help="only tell what would break")
    parser.add_argument("--undo", action="store_true", help="write what takes the rules of --format back")
    parser.add_argument("--expires", metavar="SPAN", default=DEFAULT_SPAN, help=f"how long it is to last, as 12h, 7d, 4w or never (default: {DEFAULT_SPAN})")
    parser.add_argument("--comment", metavar="TEXT", default="", help="goes into the rules, such as the number of a change")
    parser.add_argument("--force", action="store_true", help="block multicast, broadcast and gateways too")
    parser.add_argument("--config", metavar="FILE", type=Path, help="configuration, for its networks: and outputs: (default: the system's)")
    add_json_argument(parser)
    add_data_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Suggest; 1 where nothing is known or all of it was refused, 2 where something makes no sense, 3 where there is nothing to read."""
    from sensor.cli._firewall_suggest import suggest

    return suggest(args)
