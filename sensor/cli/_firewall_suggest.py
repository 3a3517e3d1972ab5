"""``sensor firewall suggest``: what to ask the firewall for, tried out first."""

from __future__ import annotations

import argparse
import ipaddress
import re
import time
from datetime import UTC, datetime, timedelta

from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE
from sensor.cli._firewall_text import put_json, put_requests, put_rules
from sensor.cli._setup import complain, complain_of_faults
from sensor.cli._show import tidy
from sensor.cli._site import firewall_view
from sensor.cli._times import clock
from sensor.config import Config, load_config, usual
from sensor.documents import DocumentErrors, nearest
from sensor.inventory.rules import parse_service
from sensor.posture.firewall.contacts import (
    about_a_name,
    alerts_of,
    contacts_of,
    contacts_with,
    inside,
    without_refused,
)
from sensor.posture.firewall.formats import names
from sensor.posture.firewall.model import Block, Match, Party, Request, block_text
from sensor.posture.firewall.refuse import Refusals
from sensor.posture.firewall.requests import Contact, Spec, request_without_contacts, requests_of
from sensor.posture.firewall.simulate import simulate
from sensor.posture.firewall.view import View
from sensor.posture.firewall.work import (
    TooWide,
    UnknownParty,
    allowed,
    is_about_work,
    requests_of_work,
    work_of,
)

UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def suggest(args: argparse.Namespace) -> int:
    spec = _spec(args)
    config = _config(args) if spec is not None else None
    if spec is None or config is None:
        return USAGE
    args.for_programs = bool(args.format) and not args.simulate
    view = firewall_view(args, config)
    if view is None:
        return NOT_OPENED
    try:
        found = _requests(args, spec, view)
    except UnknownParty as error:
        complain(str(error), error="device.unknown")
        return NOT_FOUND
    except TooWide as error:
        complain(str(error), error="firewall.too-wide")
        return NOT_FOUND
    if not found:
        return NOT_FOUND
    seen = view.seen._replace(
        moved=view.moved(party for request in found for party in (*request.machines, *request.peers))
    )
    simulated = [(request, simulate(request, seen)) for request in found]
    if args.json:
        put_json(simulated, args.format)
    elif args.format and not args.simulate:
        put_rules(simulated, args.format, undo=args.undo)
    else:
        put_requests(simulated, rules=not args.simulate)
    return 0


# What is asked for.


def _spec(args: argparse.Namespace) -> Spec | None:
    """The options; None after it was said what is wrong with them."""
    now = datetime.fromtimestamp(int(time.time()), UTC)
    try:
        _sound(args)
        match = _match(args.service) if args.service else None
        return Spec(
            now,
            _expiry(now, args.expires),
            args.comment,
            match,
            _block(args.address) if args.address else None,
            args.everyone,
        )
    except ValueError as error:
        complain(str(error), error="usage.invalid-value")
        return None


def _sound(args: argparse.Namespace) -> None:
    """ValueError where options do not go together."""
    if (args.what is None) == (args.address is None):
        raise ValueError("expected an alert, an incident or a recommendation, or --address ADDRESS, and not both")
    if args.format is not None and args.format not in names():
        raise ValueError(f"found --format {args.format}, {nearest(args.format, names())}")
    if args.undo and not args.format:
        raise ValueError("--undo needs --format")


def _expiry(now: datetime, span: str) -> datetime | None:
    found = re.fullmatch(r"([1-9]\d{0,3})([hdw])", span)
    if not found and span != "never":
        raise ValueError(f"found --expires {span}, expected a span such as 12h, 7d or 4w, or never")
    return now + timedelta(**{UNITS[found[2]]: int(found[1])}) if found else None


def _match(service: str) -> Match:
    number = parse_service(service)
    return Match(number >> 16, number & 0xFFFF)


def _block(text: str) -> Block:
    try:
        block = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError(
            f"found --address {text}, expected an address or a block such as 203.0.113.66 or 203.0.113.0/24"
        ) from None
    mapped = block.network_address.ipv4_mapped if isinstance(block, ipaddress.IPv6Network) else None
    return (
        ipaddress.ip_network((mapped, block.prefixlen - 96)) if mapped is not None and block.prefixlen >= 96 else block
    )


def _config(args: argparse.Namespace) -> Config | None:
    try:
        return load_config(usual(args.config))
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return None


# What there is.


def _requests(args: argparse.Namespace, spec: Spec, view: View) -> list[Request]:
    """The requests; none after it was said why. TooWide, UnknownParty."""
    if args.what is not None and is_about_work(args.what):
        return _of_work(args, spec, view)
    contacts = _contacts(args, spec, view)
    if contacts is None:
        return []
    spared = _spared(args, contacts, spec, view)
    spec, contacts = (
        spec._replace(allow=spared),
        [one for one in contacts if one.machine.key not in {party.key for party in spared}],
    )
    if spec.block is not None and not args.force and (why := Refusals(view.seen.machines).of_block(spec.block)):
        complain(f"refused: {why}; --force suggests it regardless", error="firewall.refused")
        return []
    if not args.force and contacts:
        contacts, reasons = without_refused(
            contacts, view, whole=spec.block is not None and spec.match is None and not spec.everyone
        )
        for reason in reasons:
            complain(
                f"{'left out' if contacts else 'refused'}: {reason}; --force suggests it regardless",
                error="firewall.refused",
            )
        if not contacts:
            return []
    if not contacts and spec.block is not None:
        none_seen, others = ("only who is left alone", "all other") if spared else ("nobody", "all")
        complain(
            f"{none_seen} was seen talking to {block_text(spec.block)}: the rules are for {others} machines",
            error="firewall.nothing-to-block",
        )
        return [request_without_contacts(spec, spec.block, outside=not inside(spec.block, view))]
    if not contacts:
        complain(f"{args.what}: all its hosts are exempt: nothing to block", error="firewall.nothing-to-block")
    made = requests_of(contacts, spec)
    for one in made:
        if not one.rules:
            complain(
                f"left out: {one.title}: the hosts have no addresses of the same family", error="firewall.left-out"
            )
    return [one for one in made if one.rules]


def _of_work(args: argparse.Namespace, spec: Spec, view: View) -> list[Request]:
    records = work_of(view.known, args.what)
    if not records:
        complain(
            f"no recommendation {args.what!r} in the log: `sensor posture recommendations` lists them",
            error="recommendation.unknown",
        )
        return []
    asked = requests_of_work(records, spec, view, args.allow, clock, force=args.force)
    for one in asked.left_out:
        complain(f"left out: {one}", error="firewall.left-out")
    return asked.requests


def _spared(args: argparse.Namespace, contacts: list[Contact], spec: Spec, view: View) -> tuple[Party, ...]:
    """Whom --allow names. TooWide, UnknownParty."""
    users, servers = dict.fromkeys(one.machine for one in contacts), dict.fromkeys(one.peer for one in contacts)
    return allowed(args.allow, list(users), list(servers), spec.match or Match(), view)


def _contacts(args: argparse.Namespace, spec: Spec, view: View) -> list[Contact] | None:
    """Who is to be cut off from whom; None after it was said that nothing is known."""
    if spec.block is not None:
        return contacts_with(spec.block, view, spec.match)
    alerts = alerts_of(view.known, args.what)
    if not alerts:
        complain(
            (
                f"no alert, incident or recommendation {args.what!r} in the log: `sensor alerts` and `sensor "
                "posture recommendations` list them"
            ),
            error="alert.unknown",
        )
        return None
    names = [] if args.force else [record for record in alerts if about_a_name(record)]
    for record in names:
        complain(
            (
                f"left out: {tidy(record.get('msg'))}: block the domain at the resolver, not the resolver "
                "itself; --force suggests it regardless"
            ),
            error="firewall.refused",
        )
    contacts = contacts_of([record for record in alerts if record not in names], view)
    if not contacts and not names:
        complain(
            f"{args.what}: its alerts name no address pair that a firewall could block",
            error="firewall.nothing-to-block",
        )
    return contacts or None
