"""``sensor profiles make``: required access of devices, as a MUD file or an allow-list, and whether the observation was
sufficient.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path

from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE
from sensor.cli._data import need_inventory
from sensor.cli._profiles_target import chosen
from sensor.cli._setup import complain
from sensor.cli._site import site_of
from sensor.documents import nearest
from sensor.posture.firewall.formats import allowing, written
from sensor.posture.profiles.allowlist import allow_list
from sensor.posture.profiles.model import MY_CONTROLLER
from sensor.posture.profiles.observed import Observed, observed, service_name
from sensor.posture.profiles.write import mud_file
from sensor.posture.site import Site

SHOWN = 6


def make(args: argparse.Namespace) -> int:
    if not _is_valid(args):
        return USAGE
    args.for_programs = args.output is None or str(args.output) == "-"
    need_inventory(args, "required traffic")
    site = site_of(args)
    if site is None:
        return NOT_OPENED
    title, nodes = chosen(args, site)
    if not nodes:
        return NOT_FOUND
    seen = observed(site, nodes, alerted=args.alerted)
    if seen is None:
        complain(
            f"no baseline of {title} yet: profiles need the inventory of a sensor or a replay",
            error="profile.nothing-learned",
        )
        return NOT_FOUND
    text = _text(args, site, seen, title)
    if not _put(text, args.output):
        return NOT_OPENED
    _report_gaps(args, seen)
    return 0


def _is_valid(args: argparse.Namespace) -> bool:
    """Whether the arguments select devices and a format that supports allow-lists."""
    if not (args.operands or args.type or args.product):
        complain("expected a DEVICE, --type TYPE or --product PRODUCT", error="usage.missing-argument")
        return False
    if args.format is not None and args.format not in allowing():
        complain(
            f"--format: found {args.format!r} for an allow-list, {nearest(args.format, allowing())}",
            error="usage.invalid-value",
        )
        return False
    if args.url and not args.url.startswith("https://"):
        complain(
            f"--url: found {args.url!r}, expected one that begins with https:// (RFC 8520, section 1.4)",
            error="usage.invalid-value",
        )
        return False
    return True


def _text(args: argparse.Namespace, site: Site, seen: Observed, title: str) -> str:
    if args.format is None:
        return json.dumps(mud_file(seen, title, site.now, args.url), indent=2) + "\n"
    machines = [machine.party for node in seen.nodes if (machine := site.machine(node.id)) is not None]
    return written(args.format, [allow_list(seen, machines, site.networks, title, datetime.fromisoformat(site.now))])


def _put(text: str, path: Path | None) -> bool:
    if path is None or str(path) == "-":
        sys.stdout.write(text)
        return True
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        complain(f"cannot write {path}: {error.strerror}", error="file.not-written")
        return False
    return True


def _report_gaps(args: argparse.Namespace, seen: Observed) -> None:
    """Print limits of the profile on standard error: they must not get into the file."""
    complain(seen.confidence.text, "info")
    if seen.confidence.missing:
        complain(seen.confidence.missing, "info")
    for what, alert in seen.left_out[:SHOWN]:
        complain(
            f"skipped: {what}, because of {alert}; if this traffic is legitimate, close the alert or add --alerted",
            "info",
        )
    if len(seen.left_out) > SHOWN:
        complain(f"skipped: {len(seen.left_out) - SHOWN} more, because of alerts", "info")
    if seen.vague:
        names = ", ".join(map(service_name, seen.vague[:SHOWN]))
        complain(f"the external servers of {names} are unknown, so all are allowed", "info")
    if args.format is None and seen.controllers:
        parties = ", ".join(party.text for party in seen.controllers[:SHOWN])
        options = " ".join(f"--controller {MY_CONTROLLER}={party.texts[0]}" for party in seen.controllers[:SHOWN])
        complain(f"{MY_CONTROLLER} is {parties}; install it with {options}", "info")
