"""``sensor devices set, tag, untag, merge, split, undo, history``: operator values, which take precedence."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE
from sensor.cli._data import dataset_of, need_inventory
from sensor.cli._known import Known, known, the_device
from sensor.cli._setup import complain, user_name
from sensor.cli._show import part, put, tidy
from sensor.cli._times import clock
from sensor.posture.lookup import mac_of

if TYPE_CHECKING:
    from sensor.inventory.corrections import Correction
    from sensor.inventory.store.operator_changes import OperatorChanges

Record = dict[str, Any]


def soon(args: argparse.Namespace) -> str:
    """When a change takes effect that only an engine can apply."""
    from sensor.datasets.card import REPLAY

    if dataset_of(args).kind == REPLAY:
        return "applied when a later run or replay continues this inventory with --state"
    return "applied within a second by a running sensor, else at the next start"


def author_of(args: argparse.Namespace) -> str:
    """The author: --author, else the user of this process."""
    return str(args.author or user_name())


def inventory(args: argparse.Namespace) -> Known:
    """The inventory of the dataset, which alone stores operator changes. Raises Exit if the dataset has none."""
    need_inventory(args, "inventory")
    return known(args)


def change_inventory(args: argparse.Namespace, found: Known, write: Callable[[OperatorChanges], str]) -> int:
    """Open the operator changes of the inventory, write one, and print the result."""
    from sensor.inventory.store.database import StoreError
    from sensor.inventory.store.operator_changes import NotUndone, OperatorChanges

    try:
        operator = OperatorChanges(found.folder or Path(), author_of(args), time.time_ns())
        try:
            put(write(operator))
        finally:
            operator.close()
    except NotUndone as error:
        complain(str(error), error="device.not-undone")
        return NOT_FOUND
    except StoreError as error:
        complain(str(error), error="inventory.not-read")
        return NOT_OPENED
    return 0


def set_words(args: argparse.Namespace) -> int:
    """``set DEVICE KEY=VALUE…``; an empty value removes the operator's value."""
    who, *pairs = args.operands or [""]
    if not who or not pairs:
        return _usage("set DEVICE KEY=VALUE…, such as set 10.0.0.7 type=camera name=Lobby")
    return _set_values(args, who, lambda key, _: [correction_of(key, pair, args.reason or "") for pair in pairs])


def correction_of(key: str, pair: str, reason: str) -> Correction:
    """The change in KEY=VALUE. Raises ValueError if it is invalid."""
    from sensor.inventory.corrections import FIELDS, Correction, checked

    field, sign, value = pair.partition("=")
    if not sign:
        raise ValueError(f"found {pair!r}, expected KEY=VALUE with one of the keys {', '.join(FIELDS)}")
    return Correction(key, field, checked(field, value), reason=reason)


def tag(args: argparse.Namespace) -> int:
    """``tag DEVICE TAG…`` and ``untag DEVICE TAG…``."""
    action, (who, *tags) = args.action, args.operands or [""]
    if not who or not tags:
        return _usage(f"{action} DEVICE TAG…")
    wanted = {one.strip() for text in tags for one in text.split(",")}

    def retag(key: str, record: Record) -> list[Correction]:
        present = {tidy(one) for one in part(record, "device").get("tags") or ()}
        left = present | wanted if action == "tag" else present - wanted
        return [correction_of(key, f"tags={','.join(left)}", args.reason or "")]

    return _set_values(args, who, retag)


def _set_values(args: argparse.Namespace, who: str, corrections: Callable[[str, Record], list[Correction]]) -> int:
    found = inventory(args)
    record = the_device(found.fold, who)
    if record is None:
        return NOT_FOUND
    try:
        fields = corrections(tidy(record.get("key")), record)
    except ValueError as error:
        complain(str(error), error="usage.invalid-value")
        return USAGE

    def write(operator: OperatorChanges) -> str:
        operator.correct(fields)
        changes = ", ".join(
            f"{word.field}={word.value}" if word.value else f"{word.field} as observed" for word in fields
        )
        return f"{tidy(part(record, 'device').get('id'))}: {changes}"

    return change_inventory(args, found, write)


def merge(args: argparse.Namespace) -> int:
    """``merge DEVICE OTHER``: merge both into the first."""
    if len(args.operands) != 2:
        return _usage("merge DEVICE OTHER: OTHER becomes part of DEVICE")
    found = inventory(args)
    both = [the_device(found.fold, who) for who in args.operands]
    if both[0] is None or both[1] is None:
        return NOT_FOUND
    keep, lose = tidy(both[0].get("key")), tidy(both[1].get("key"))
    if keep == lose:
        complain("both names are the same device", error="device.unknown")
        return USAGE
    reason = args.reason or f"set by {author_of(args)}"
    return change_inventory(args, found, _ordering("merge", keep, lose, reason, soon(args)))


def split(args: argparse.Namespace) -> int:
    """``split DEVICE MAC|ADDRESS``: move it to a separate device."""
    if len(args.operands) != 2:
        return _usage("split DEVICE MAC|ADDRESS")
    found = inventory(args)
    record = the_device(found.fold, args.operands[0])
    if record is None:
        return NOT_FOUND
    device, mac, text = part(record, "device"), mac_of(args.operands[1]), args.operands[1]
    if mac not in (device.get("macs") or ()) and text not in (device.get("ips") or ()):
        complain(
            f"{text} is neither a MAC nor an address of the device {tidy(device.get('id'))}", error="device.unknown"
        )
        return NOT_FOUND
    other = f"mac:{mac}" if mac else f"ip:{text}"
    reason = args.reason or f"set by {author_of(args)}"
    return change_inventory(args, found, _ordering("split", tidy(record.get("key")), other, reason, soon(args)))


def _ordering(action: str, key: str, other: str, reason: str, when: str) -> Callable[[OperatorChanges], str]:
    def write(operator: OperatorChanges) -> str:
        operator.order(action, key, other, reason)
        return f"{action} {key} {other}: {when}"

    return write


def undo(args: argparse.Namespace) -> int:
    """``undo DEVICE|NUMBER``: the latest change of a device, or the one with that number."""
    if len(args.operands) != 1:
        return _usage("undo DEVICE, or undo NUMBER as `sensor devices history` lists it")
    found, (what,) = inventory(args), args.operands
    key = ""
    if not what.removeprefix("m").isdecimal():
        record = the_device(found.fold, what)
        if record is None:
            return NOT_FOUND
        key = tidy(record.get("key"))

    def write(operator: OperatorChanges) -> str:
        from sensor.inventory.store.operator_changes import NotUndone

        number = operator.latest(key) if key else what
        if not number:
            raise NotUndone(f"no change of {what} can be undone")
        return f"undone: {operator.undo(number)}"

    return change_inventory(args, found, write)


def show(args: argparse.Namespace) -> int:
    """``show DEVICE``: its attributes with their evidence, its alerts and connections."""
    if len(args.operands) != 1:
        return _usage("show DEVICE")
    from sensor.cli import explain

    [args.what] = args.operands
    return explain.main(args)


def history(args: argparse.Namespace) -> int:
    """``history DEVICE``: its changes, its operator changes, and its addresses."""
    if len(args.operands) != 1:
        return _usage("history DEVICE")
    found = inventory(args)
    record = the_device(found.fold, args.operands[0])
    if record is None:
        return NOT_FOUND
    details = found.details(record)
    for one in details["history"]:
        put("  ".join(filter(None, (clock(one["ts"]), f"{tidy(one.get('number')):>5}", tidy(one["what"]), _more(one)))))
    for lease in details["leases"]:
        put(
            f"{clock(lease['from'])}         had {tidy(lease['address'])} until "
            f"{'now' if lease['held'] else clock(lease['to'])}"
        )
    return 0


def _more(one: Record) -> str:
    changes = "; ".join(
        f"{tidy(change.get('field'))} {tidy(change.get('old')) or 'unknown'} → {tidy(change.get('new')) or 'unknown'}"
        for change in one.get("changes") or ()
    )
    author, state = tidy(one.get("author")), tidy(one.get("state"))
    origin = ", ".join(filter(None, (f"by {author}" if author else "", state if state not in ("", "said") else "")))
    return "  ".join(filter(None, (changes, tidy(one.get("reason")), f"({origin})" if origin else "")))


def _usage(text: str) -> int:
    complain(f"expected sensor devices {text}", error="usage.missing-argument")
    return USAGE
