"""Show attack paths to critical devices, and the choke points that break most of them.

Paths start at the internet and at each fixed-function device (printers, phones, cameras, TVs …), and lead to devices with criticality
critical or high (`sensor devices set DEVICE criticality=critical`), else to domain controllers, else to servers. They use observed
facts: who used which service, administration sessions, services reachable from the internet, open alerts, and weaknesses; and marked
assumptions: that hosts of one segment reach each other.

The cost of a step is its effort: 1 without a password, 5 with passwords in cleartext, 12 where one has to be guessed, 24 for an unknown
vulnerability. The documentation lists all of them. Each rule, service, fix or segment that many paths need is removed and all paths are
searched again: the number of broken paths is exact.
"""

from __future__ import annotations

import argparse

from sensor.cli._codes import NOT_FOUND, NOT_OPENED
from sensor.cli._known import add_site_arguments
from sensor.cli._show import add_json_argument

EXAMPLES = """\
  sensor paths
  sensor paths --from internet
  sensor paths --from 10.20.10.62 --to 10.20.1.5
  sensor paths --to FS01 --json | jq 'select(.kind == "break")'
  sensor paths --dot | dot -Tsvg > paths.svg
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="source", metavar="DEVICE", help="only from this device, or from `internet`")
    parser.add_argument("--to", dest="goal", metavar="DEVICE", help="only to this device")
    parser.add_argument("--dot", action="store_true", help="as a graph for Graphviz")
    add_json_argument(parser)
    add_site_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Print the attack paths; 1 if a device is unknown, 3 if there is nothing to read."""
    from sensor.cli._site import picture_of

    picture = picture_of(args)
    if picture is None:
        return NOT_OPENED
    from sensor.cli._paths_text import named, put_dot, put_json, put_text
    from sensor.views.page import MOST
    from sensor.views.paths import PathFilter, paths

    source, goal = named(picture, args.source, outside=True), named(picture, args.goal, outside=False)
    if source is None or goal is None:
        return NOT_FOUND
    (put_dot if args.dot else put_json if args.json else put_text)(
        paths(picture, PathFilter(source, goal), limit=MOST), picture
    )
    return 0
