"""List the devices of an event log.

FILTER is KEY=TEXT or TEXT. type, vlan, id and state (present or gone) must be equal, all else must contain the text; case does not matter.
A key given twice means either, different keys mean both. TEXT alone is looked for in everything that a device has.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from sensor.cli._setup import complain
from sensor.cli._show import NOT_OPENED, USAGE, add_events_argument, add_json_argument, folded, part, table_of_devices, tidy

EXAMPLES = """\
  sensor devices
  sensor devices type=camera vendor=axis
  sensor devices type=printer type=label_printer vlan=30
  sensor devices --json 10.20.30. | jq -r .device.id
"""
EXACT = ("type", "vlan", "id", "state")
FIELDS = {
    **{name: (name,) for name in ("type", "vlan", "id", "vendor", "model", "firmware", "serial", "os", "contested")},
    "name": ("hostname", "names"),
    "ip": ("ips",),
    "mac": ("macs",),
    "role": ("roles",),
    "state": (),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("filters", metavar="FILTER", nargs="*", help=f"TEXT, or KEY=TEXT with one of the keys {', '.join(FIELDS)}")
    add_json_argument(parser)
    add_events_argument(parser)


def main(args: argparse.Namespace) -> int:
    """List; with --json the last record of each device."""
    wanted = _filters(args.filters)
    if wanted is None:
        return USAGE
    fold = folded(args.events)
    if fold is None:
        return NOT_OPENED
    found = [record for record in fold.devices.values() if _matches(record, wanted)]
    if args.json:
        for record in found:
            print(json.dumps(record, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))
    else:
        print(table_of_devices(found, sys.stdout))
    return 0


def _filters(words: list[str]) -> dict[str, list[str]] | None:
    """Key → texts; the key is empty where only a text was given. None after it was said what is wrong."""
    wanted: dict[str, list[str]] = {}
    for word in words:
        key, sign, text = word.partition("=")
        if not sign:
            key, text = "", word
        elif key not in FIELDS:
            from difflib import get_close_matches

            near = get_close_matches(key, FIELDS, 1)
            complain(f"no filter {key!r}" + (f": did you mean {near[0]}?" if near else f": there are {', '.join(FIELDS)}"))
            return None
        wanted.setdefault(key, []).append(text.casefold())
    return wanted


def _matches(record: dict[str, Any], wanted: dict[str, list[str]]) -> bool:
    for key, texts in wanted.items():
        values = _values(record, key)
        if not key:  # texts alone must all be there
            if not all(any(text in value for value in values) for text in texts):
                return False
        elif key in EXACT:
            if not any(text == value for text in texts for value in values):
                return False
        elif not any(text in value for text in texts for value in values):
            return False
    return True


def _values(record: dict[str, Any], key: str) -> list[str]:
    """What a device has under a key of FIELDS, or everything, in small letters."""
    if key == "state":
        return ["gone" if record.get("action") == "gone" else "present"]
    device = part(record, "device")
    names = FIELDS[key] if key else tuple(device)
    found: list[str] = []
    for name in names:
        value = device.get(name)
        several = value if isinstance(value, list) else value.values() if isinstance(value, dict) else [value]
        found += [tidy(one).casefold() for one in several if one is not None]
    return found
