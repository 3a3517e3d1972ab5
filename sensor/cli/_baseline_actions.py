"""``sensor baseline list, show, forget, allow, forbid, rules, undo``: learned behavior, and the operator's rules."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from sensor.cli._codes import NOT_FOUND, USAGE
from sensor.cli._data import now_of
from sensor.cli._devices_actions import change_inventory, inventory, soon
from sensor.cli._known import Known, the_device
from sensor.cli._setup import complain
from sensor.cli._show import first_of, part, put, tidy
from sensor.cli._table import table
from sensor.cli._times import clock
from sensor.core.phrases import counted
from sensor.core.time_units import HOUR
from sensor.posture.lookup import devices_named

if TYPE_CHECKING:
    from sensor.inventory.habits import Habits
    from sensor.inventory.rules import Rule
    from sensor.inventory.store.operator_changes import OperatorChanges

Record = dict[str, Any]
COLUMNS = ("device", "type", "name", "address", "maturity", "observed", "active", "serves", "uses", "last")
RULE_COLUMNS = ("number", "rule", "client", "server", "service", "author", "since", "reason")
USE_COLUMNS = ("does", "service", "with", "since", "last", "seen")


def list_learned(args: argparse.Namespace) -> int:
    """``list [FILTER…]``."""
    from sensor.views.device_terms import InvalidTerm, matching, term_of

    try:
        wanted = [term_of(argument) for argument in args.operands]
    except InvalidTerm as invalid:
        complain(str(invalid), error="usage.unknown-filter")
        return USAGE
    found = inventory(args)
    learned = dict(found.store.habits())
    devices = matching(found.fold.devices.values(), wanted, now_of(args))
    records = [one for one in devices if tidy(part(one, "device").get("id")) in learned]
    rows = [_body(one, learned[part(one, "device")["id"]], args.hours) for one in records]
    if args.json:
        for row in rows:
            put(json.dumps(row, ensure_ascii=sys.stdout.isatty()))
        return 0
    if rows:
        put(table(COLUMNS, [_row(row) for row in rows], sys.stdout))
    since, last = found.store.watched()
    known = sum(row["maturity"] >= 1 for row in rows)
    put(
        f"{counted(len(rows), 'device')}, {known:,} of them mature after {args.hours:g} h; the network was "
        f"observed for {(last - since) / HOUR:.1f} h"
    )
    return 0


def _body(record: Record, habits: Habits, hours: float) -> Record:
    """Figures of a device's baseline."""
    device = part(record, "device")
    return {
        "device": tidy(device.get("id")),
        "type": tidy(device.get("type")),
        "name": tidy(device.get("hostname")),
        "address": first_of(device.get("ips")),
        "maturity": round(habits.maturity(hours, habits.last), 3),
        "observed_h": round((habits.last - habits.first) / HOUR, 1),
        "active_h": habits.hours,
        "serves": len(habits.serves),
        "uses": len(habits.uses),
        "last": _time(habits.last),
    }


def _row(body: Record) -> list[str]:
    percent = f"{100 * body['maturity']:.0f} %"
    names = [body[name] for name in ("device", "type", "name", "address")]
    return [
        *names,
        percent,
        f"{body['observed_h']:g} h",
        f"{body['active_h']} h",
        str(body["serves"]),
        str(body["uses"]),
        clock(body["last"]),
    ]


def show(args: argparse.Namespace) -> int:
    """``show DEVICE``."""
    if len(args.operands) != 1:
        return _usage("show DEVICE")
    found = inventory(args)
    from sensor.inventory.habits import OUTSIDE

    record = the_device(found.fold, args.operands[0])
    if record is None:
        return NOT_FOUND
    name = tidy(part(record, "device").get("id"))
    habits = dict(found.store.habits()).get(name)
    if habits is None:
        put(f"{_called(found, name)}: no baseline yet")
        return 0
    body, uses = _body(record, habits, args.hours), list(_uses(found, habits))
    if args.json:
        put(json.dumps({**body, "segments": list(habits.segments), "does": uses}, ensure_ascii=sys.stdout.isatty()))
        return 0
    put(f"{_called(found, name)}, {body['type']}: maturity {100 * body['maturity']:.0f} % of {args.hours:g} h")
    put(f"  observed for {body['observed_h']:g} h, active in {body['active_h']} of them, in {tidy(habits.segment)}")
    if others := [segment for segment in habits.segments if segment != habits.segment]:
        named = ("external hosts" if segment == OUTSIDE else tidy(segment) for segment in others)
        put(f"  communicates with {', '.join(named)}")
    put(table(USE_COLUMNS, list(map(_use_row, uses)), sys.stdout))
    mine = [one for one in found.store.rules() if name in (one.client, one.server)]
    if mine:
        put(table(RULE_COLUMNS, [_rule_row(found, one) for one in mine], sys.stdout))
    return 0


def _use_row(one: Record) -> list[str]:
    from sensor.inventory.habits import OUTSIDE

    peer = "external hosts" if one["with"] == OUTSIDE else one["with"]
    return [one["does"], one["service"], peer, clock(one["since"]), clock(one["last"]), str(one["seen"])]


def _uses(found: Known, habits: Habits) -> list[Record]:
    """All habits of a device, services that it offers first."""
    from sensor.core.service_names import service_text
    from sensor.inventory.habits import listed

    rows = []
    for does, peer, service, use, clients in sorted(listed(habits), key=lambda one: (one[0], one[2] & 0xFFFF, one[1])):
        who = _called(found, peer) if peer else counted(clients, "client")
        rows.append(
            {
                "does": does,
                "service": service_text(service),
                "with": who,
                "since": _time(use.first),
                "last": _time(use.last),
                "seen": use.count,
            }
        )
    return rows


def forget(args: argparse.Namespace) -> int:
    """``forget DEVICE [SERVICE]`` and ``forget --all``."""
    from sensor.inventory.rules import ANYBODY, parse_service, plain_service

    if bool(args.operands) == args.all or len(args.operands) > 2:
        return _usage("forget DEVICE [SERVICE], or forget --all")
    found = inventory(args)
    key, what = ANYBODY, "everything"
    service = args.operands[1] if len(args.operands) > 1 else ""
    if args.operands:
        record = the_device(found.fold, args.operands[0])
        if record is None:
            return NOT_FOUND
        key, what = tidy(record.get("key")), _called(found, tidy(part(record, "device").get("id")))
    try:
        service = plain_service(parse_service(service)) if service else ""
    except ValueError as error:
        complain(str(error), error="usage.invalid-value")
        return USAGE

    def write(operator: OperatorChanges) -> str:
        operator.order("forget", key, service, args.reason)
        return f"forget {what}{f', {service}' if service else ''}: {soon(args)}"

    return change_inventory(args, found, write)


def rule(args: argparse.Namespace) -> int:
    """``allow CLIENT SERVER SERVICE`` and ``forbid CLIENT SERVER SERVICE``."""
    from sensor.inventory.corrections import Correction
    from sensor.inventory.rules import parse_service, plain_service

    if len(args.operands) != 3:
        return _usage(f"{args.action} CLIENT SERVER SERVICE, such as {args.action} 10.0.1.9 FS01 ssh/22")
    found = inventory(args)
    client, server = (_end(found, argument) for argument in args.operands[:2])
    if not client or not server:
        return NOT_FOUND
    try:
        service = plain_service(parse_service(args.operands[2]))
    except ValueError as error:
        complain(str(error), error="usage.invalid-value")
        return USAGE
    record = found.fold.device(client)
    key = tidy(record.get("key")) if record is not None else client

    def write(operator: OperatorChanges) -> str:
        operator.correct([Correction(key, args.action, f"{client} {server} {service}", reason=args.reason)])
        return f"{args.action} {_called(found, client)} → {_called(found, server)} {service}: {soon(args)}"

    return change_inventory(args, found, write)


def _end(found: Known, end: str) -> str:
    """A party in the notation of the baseline: a device by its id, the address of an unknown host, outside, or any.
    Empty after an error if it is invalid.
    """
    from sensor.core.addresses import parse, text
    from sensor.inventory.habits import OUTSIDE
    from sensor.inventory.rules import ANYBODY

    if end in (OUTSIDE, "external", ANYBODY):
        return OUTSIDE if end == "external" else end
    if not devices_named(found.fold, end):
        try:
            return text(parse(end))
        except ValueError:
            pass
    record = the_device(found.fold, end)
    return tidy(part(record, "device").get("id")) if record is not None else ""


def rules(args: argparse.Namespace) -> int:
    """``rules``."""
    found = inventory(args)
    rules_set = found.store.rules()
    if args.json:
        for one in rules_set:
            put(
                json.dumps(
                    dict(zip(RULE_COLUMNS, _rule_row(found, one), strict=True)), ensure_ascii=sys.stdout.isatty()
                )
            )
        return 0
    put(table(RULE_COLUMNS, [_rule_row(found, one) for one in rules_set], sys.stdout) if rules_set else "no rules")
    return 0


def _rule_row(found: Known, one: Rule) -> list[str]:
    from sensor.core.service_names import service_text

    parties = [_called(found, one.client), _called(found, one.server)]
    argument = "allow" if one.allowed else "forbid"
    return [
        str(one.number),
        argument,
        *parties,
        service_text(one.service),
        tidy(one.author),
        clock(_time(one.ts)),
        tidy(one.reason),
    ]


def undo(args: argparse.Namespace) -> int:
    """``undo NUMBER``."""
    if len(args.operands) != 1 or not args.operands[0].isdecimal():
        return _usage("undo NUMBER, as `sensor baseline rules` lists it")
    found = inventory(args)
    if int(args.operands[0]) not in {one.number for one in found.store.rules()}:
        complain(f"no rule {args.operands[0]}", error="rule.unknown")
        return NOT_FOUND

    return change_inventory(args, found, lambda operator: f"undone: {operator.undo(args.operands[0])}")


def _called(found: Known, name: str) -> str:
    """A party as text: its id with name and address."""
    record = found.fold.device(name)
    if record is None:
        return tidy(name)
    device = part(record, "device")
    return " ".join(filter(None, (tidy(device.get("id")), tidy(device.get("hostname")) or first_of(device.get("ips")))))


def _time(ts: int) -> str:
    from sensor.core.record_parts import time_text

    return time_text(ts)


def _usage(text: str) -> int:
    complain(f"expected sensor baseline {text}", error="usage.missing-argument")
    return USAGE
