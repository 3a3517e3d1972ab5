"""List, show, test and learn fingerprints.

The arguments of list are filters: TEXT, or KEY=TEXT with kind, vendor, type, model, family, source or id. type matches exactly, other
keys match parts of the value; case is ignored. The same key twice matches either value; different keys must all match. Options follow
the filters.

actions:
  list FILTER…                 show matching fingerprints, and their number by protocol
  show FINGERPRINT…            show pattern, assertions with certainty, source and examples
  test PATH…                   load files (or folders of them) and run their examples; faults as file:line:column
  learn CAPTURE… --label …     draft fingerprints from the traffic of a device: review them before use
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._actions import function_of
from sensor.cli._codes import USAGE
from sensor.cli._setup import complain_of_faults
from sensor.cli._show import add_json_argument

if TYPE_CHECKING:
    from sensor.fingerprinting.entries import Knowledge

EXAMPLES = """\
  sensor fingerprints list type=camera vendor=axis
  sensor fingerprints list --summary
  sensor fingerprints show dhcp.vendor_class.hp
  sensor fingerprints test site/fingerprints/printers.yaml
  sensor fingerprints learn lobby.pcap --label type=camera vendor=Axis model=P3245-LV --mac ac:cc:8e:10:20:30 -o site/fingerprints
"""
# Action → (module, function).
ACTIONS = {
    "list": ("_fingerprints_list", "list_fingerprints"),
    "show": ("_fingerprints_list", "show"),
    "test": ("_fingerprints_test", "test"),
    "learn": ("_fingerprints_learn", "learn"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=tuple(ACTIONS), default="list", help="action (default: list)")
    parser.add_argument(
        "operands",
        metavar="FILTER | FINGERPRINT | PATH | CAPTURE",
        nargs="*",
        help="filters, ids, files or captures, by action",
    )
    add_json_argument(parser)
    parser.add_argument("--summary", action="store_true", help="of list: number by protocol, and asserted attributes")
    parser.add_argument(
        "--label",
        metavar="KEY=VALUE",
        nargs="+",
        default=[],
        help="of learn: attributes of the device, such as type=camera vendor=Axis model=P3245-LV",
    )
    parser.add_argument("--mac", metavar="MAC", help="of learn: MAC of the device, if the capture has several")
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, help="of learn: folder for the drafts (default: standard output)"
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="configuration whose fingerprint folders are read too (default: the system's)",
    )


def main(args: argparse.Namespace) -> int:
    """Run the action; 1 if a fingerprint is unknown, 2 if a file has a fault, 3 if something cannot be read
    or written.
    """
    knowledge = _knowledge(args)
    return USAGE if knowledge is None else function_of(*ACTIONS[args.action])(args, knowledge)


def _knowledge(args: argparse.Namespace) -> Knowledge | None:
    """Our fingerprints and those of the configured folders; None after printing the errors of the configuration."""
    from sensor.cli._configuration import configuration
    from sensor.documents import DocumentErrors
    from sensor.fingerprinting.load import load_knowledge

    try:
        knowledge = load_knowledge(configuration(args).fingerprints.folders)
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return None
    complain_of_faults(knowledge.faults)
    knowledge.faults.clear()
    return knowledge
