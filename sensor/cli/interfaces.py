"""List the network interfaces of this host, with settings that impair a capture."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from sensor.cli._show import add_json_argument, tidy
from sensor.cli._table import table

if TYPE_CHECKING:
    from sensor.capture.interfaces import Interface

EXAMPLES = """\
  sensor interfaces
  sensor interfaces --json | jq -r 'select(.running) | .name'
"""
COLUMNS = ("name", "state", "link type", "MAC", "MTU", "speed", "addresses")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Print the table, and warnings below it."""
    from sensor.capture.interfaces import list_interfaces

    found = list_interfaces()
    if args.json:
        import dataclasses
        import json

        for one in found:
            print(json.dumps(dataclasses.asdict(one), separators=(",", ":")))
        return 0
    print(table(COLUMNS, [_row(one) for one in found], sys.stdout))
    for one in found:
        for warning in one.warnings:
            print(f"{tidy(one.name)}: {warning}")
    return 0


def _row(one: Interface) -> tuple[str, ...]:
    from sensor.capture.linktypes import link_name

    state = "running" if one.up and one.running else "up" if one.up else "down"
    speed = f"{one.speed} Mbit/s" if one.speed else ""
    return tidy(one.name), state, link_name(one.link), one.mac, str(one.mtu or ""), speed, ", ".join(one.addresses)
