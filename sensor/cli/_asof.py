"""The output for `--at TIME`: devices at an earlier time, from the history in the traffic records."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from sensor.cli._codes import NOT_FOUND, USAGE, Exit
from sensor.cli._records import asking, folder_of, moment_in
from sensor.cli._setup import complain
from sensor.cli._show import part, put, tidy
from sensor.cli._times import clock
from sensor.posture.lookup import handles, mac_of

Record = dict[str, Any]
SHOWN = ("type", "vendor", "model", "os", "hostname", "vlan", "ips", "macs")


def devices_then(args: argparse.Namespace) -> list[Record]:
    """The devices present at ``args.at``. Raises Exit for an invalid time, or without records of that time."""
    from sensor.records.asof import devices_at
    from sensor.records.query import as_sql
    from sensor.records.schedule import first_of

    own = argparse.Namespace(**{"records": None, "since": "", "until": ""} | vars(args))
    with asking(own) as query:
        folder = folder_of(own)
        moment, first = moment_of(args, own), first_of(folder)
        if moment < first:
            raise Exit(
                NOT_FOUND, f"unknown: the traffic records begin at {as_sql(first)[:19]} UTC", error="records.too-early"
            )
        complain(
            (
                f"devices whose last change was before {as_sql(first)[:19]} UTC, when the traffic records "
                "begin, are unknown"
            ),
            "info",
        )
        return devices_at(query, as_sql(moment))


def moment_of(args: argparse.Namespace, own: argparse.Namespace) -> int:
    """Microseconds since the epoch. Raises Exit for an invalid time."""
    try:
        return moment_in(folder_of(own), args.at) or 0
    except argparse.ArgumentTypeError as error:
        raise Exit(USAGE, str(error), error="usage.invalid-value") from None


def explain_then(args: argparse.Namespace) -> int:
    """One device at an earlier time; 1 if no device had that name."""
    word, mac = args.what.casefold(), mac_of(args.what)
    found = [one for one in devices_then(args) if not handles(one).isdisjoint((word, mac))]
    if not found:
        complain(f"no device {tidy(args.what)!r} was known at that time", error="device.unknown")
        return NOT_FOUND
    for record in found:
        if args.json:
            print(json.dumps(record, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))
        else:
            put("\n".join(_lines(record, args)))
    return 0


def _lines(record: Record, args: argparse.Namespace) -> Iterator[str]:
    device = part(record, "device")
    until = tidy(record.get("valid_to"))
    yield f"{tidy(device.get('id'))} at {tidy(args.at)}"
    yield f"  {'valid':9} {clock(record['ts'])} to {clock(until) if until else 'now'}"
    for name in SHOWN:
        value = device.get(name)
        if value not in (None, ""):
            yield f"  {name:9} {', '.join(map(tidy, value)) if isinstance(value, list) else tidy(value)}"
    yield f"  {'around':9} sensor search {tidy(device.get('id'))} --at {tidy(args.at)}"
