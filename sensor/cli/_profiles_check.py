"""``sensor profiles check``: observed traffic that an installed profile does not allow."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from sensor.cli._codes import NOT_FOUND, NOT_OPENED
from sensor.cli._profiles_target import folder_of
from sensor.cli._setup import complain, complain_of_faults
from sensor.cli._show import put, tidy
from sensor.cli._site import site_of
from sensor.cli._table import table
from sensor.cli._times import clock
from sensor.core.phrases import counted
from sensor.core.record_parts import time_text
from sensor.core.service_names import service_text
from sensor.documents import nearest
from sensor.posture.profiles.drift import Drift, drifts
from sensor.posture.profiles.installed import load
from sensor.posture.site import Site

COLUMNS = ("device", "profile", "does", "service", "with", "since", "last", "seen")


def check(args: argparse.Namespace) -> int:
    """1 if there are violations."""
    found = load(folder_of(args))
    complain_of_faults(found.faults)
    names = [one.name for one in found.installed]
    for argument in args.operands:
        if argument not in names:
            complain(
                f"no profile {argument!r}" + (f", {nearest(argument, names)}" if names else ": none is installed"),
                error="profile.unknown",
            )
            return NOT_FOUND
    if not names:
        complain("no profile is installed: install one with `sensor profiles install`", error="profile.none-installed")
        return NOT_FOUND
    site = site_of(args)
    if site is None:
        return NOT_OPENED
    beyond = list(drifts(site, [one for one in found.installed if not args.operands or one.name in args.operands]))
    bodies = [_body(site, one) for one in beyond]
    if args.json:
        for body in bodies:
            put(json.dumps(body, ensure_ascii=sys.stdout.isatty()))
    elif bodies:
        put(table(COLUMNS, [_row(body) for body in bodies], sys.stdout))
    if not args.json:
        devices = len({one.node.id for one in beyond})
        summary = (
            f"{counted(len(beyond), 'service')} of {counted(devices, 'device')} not allowed by a profile"
            if beyond
            else "all observed traffic is allowed by the profiles"
        )
        put(summary if site.seen.habits else "no baseline yet: specify the folder of an inventory with --state")
    return 1 if beyond else 0


def _body(site: Site, one: Drift) -> dict[str, Any]:
    other = site.nodes.get(one.other)
    return {
        "device": one.node.id,
        "address": one.node.address,
        "name": one.node.name,
        "profile": one.installed.name,
        "lists": one.breach.lists,
        "does": "serves" if one.serves else "uses",
        "service": service_text(one.service),
        "with": other.text if other is not None else tidy(one.other),
        "since": time_text(one.use.first),
        "last": time_text(one.use.last),
        "seen": one.use.count,
    }


def _row(body: dict[str, Any]) -> list[str]:
    name = f" ({tidy(body['name'])})" if body["name"] else ""
    cells = [str(body[name]) for name in COLUMNS[1:5]]
    return [
        f"{body['address'] or body['device']}{name}",
        *cells,
        clock(body["since"]),
        clock(body["last"]),
        str(body["seen"]),
    ]
