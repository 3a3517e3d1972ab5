"""``sensor tickets``: tickets as text or JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, TextIO

import msgspec

from sensor.cli._codes import NOT_FOUND, USAGE
from sensor.cli._colors import STYLES, coloured, paint
from sensor.cli._devices_csv import write_csv
from sensor.cli._setup import complain
from sensor.cli._show import put
from sensor.cli._table import table
from sensor.cli._tickets_open import OpenedTickets, chosen, opened_tickets
from sensor.cli._times import clock
from sensor.core.phrases import counted
from sensor.posture.tickets.formats.json import ticket_body
from sensor.posture.tickets.ledger import TicketEntry
from sensor.posture.tickets.progress import TicketStatus
from sensor.posture.tickets.text import device_line, facts, step_text

COLUMNS = ("priority", "severity", "due", "ticket", "state", "devices", "owner", "title")
CSV_COLUMNS = (
    "ticket",
    "state",
    "priority",
    "severity",
    "points",
    "title",
    "owner",
    "first_seen",
    "due",
    "done",
    "devices",
    "findings",
    "given",
)
DEVICES_SHOWN, OVER_SHOWN, NAMES_IN_CSV = 40, 20, 50
OVERDUE = "bold red"
DONE_SHOWN_DAYS = 30


def list_tickets(args: argparse.Namespace) -> int:
    with opened_tickets(args, args.operands) as opened:
        if isinstance(opened, int):
            return opened
        if opened.trouble:
            complain(
                f"{opened.trouble}; nothing was stored, so new tickets are reported as new again", error="ticket.ledger"
            )
        found = [one for one in chosen(args, opened, ()) or () if args.status or not _old(one.note, opened)]
        _put_list(args, found, opened)
    return 0


def _put_list(args: argparse.Namespace, found: Sequence[TicketStatus], opened: OpenedTickets) -> None:
    if args.json:
        for one in found:
            put(json.dumps(_body(one, opened), ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))
    elif args.csv:
        write_csv(sys.stdout, CSV_COLUMNS, (_csv_row(one) for one in found))
    elif found or not getattr(args, "incomplete", 0):  # otherwise the line about the missing part is the answer
        put(_table(found, opened, sys.stdout))


def show(args: argparse.Namespace) -> int:
    if not args.operands:
        complain("expected show ID…: `sensor tickets list` shows the ids", error="usage.missing-argument")
        return USAGE
    with opened_tickets(args) as opened:
        if isinstance(opened, int):
            return opened
        found = chosen(args, opened, args.operands)
        if found is None:
            return NOT_FOUND
        if args.json:
            _put_list(args, found, opened)
        else:
            put("\n\n".join("\n".join(_lines(one, opened, coloured(sys.stdout))) for one in found))
    return 0


def _old(note: TicketEntry, opened: OpenedTickets) -> bool:
    """Whether it was finished so long ago that only `--status done` lists it."""
    try:
        return (
            bool(note.done)
            and (date.fromisoformat(opened.site.now[:10]) - date.fromisoformat(note.done[:10])).days > DONE_SHOWN_DAYS
        )
    except ValueError:
        return False


def _overdue(note: TicketEntry, opened: OpenedTickets) -> bool:
    return bool(note.due) and not note.done and note.due < opened.site.now[:10]


def _table(found: Sequence[TicketStatus], opened: OpenedTickets, out: TextIO) -> str:
    if not found:
        return "no tickets"
    late = {one.id for one in found if _overdue(one.note, opened)}
    rows: list[tuple[str, ...]] = [_row(one, late=one.id in late) for one in found]
    style = {row[3]: OVERDUE if row[3] in late else STYLES.get(row[1], "") for row in rows}
    columns: Sequence[str] = COLUMNS
    if out.isatty() and not any(one.note.owner for one in found):
        # A terminal needs the space for titles; scripts that select columns by number do not use one.
        columns, rows = (*COLUMNS[:6], COLUMNS[7]), [(*row[:6], row[7]) for row in rows]
    return f"{table(columns, rows, out, lambda row: style[row[3]])}\n{_counted(found, len(late))}"


def _row(one: TicketStatus, *, late: bool) -> tuple[str, ...]:
    note = one.note
    due = f"{note.due}, late" if late else f"done {note.done[:10]}" if note.done else note.due
    return note.priority, note.severity, due, one.id, one.state, f"{len(note.devices):,}", note.owner, note.title


def _counted(found: Sequence[TicketStatus], late: int) -> str:
    """``12 tickets on 40 devices: 2 P1, 10 P3; 1 late, 3 done, the last 4: unknown whether needed``."""
    todo = [one for one in found if not one.note.done]
    devices = len({name for one in todo for name in one.note.devices})
    kinds = sorted(Counter(one.note.priority for one in todo).items())
    done = len(found) - len(todo)
    unsure = sum(one.ticket is not None and not one.ticket.sure for one in todo)
    parts = [
        f"{late:,} late" if late else "", f"{done:,} done" if done else "",
        f"the last {unsure:,}: unknown whether needed" if unsure else "",
    ]  # fmt: skip
    text = f"{counted(len(todo), 'ticket')} on {counted(devices, 'device')}"
    return "; ".join(
        filter(
            None,
            [
                text + (f": {', '.join(f'{count:,} {kind}' for kind, count in kinds)}" if kinds else ""),
                ", ".join(filter(None, parts)),
            ],
        )
    )


def _csv_row(one: TicketStatus) -> dict[str, str]:
    note, ticket = one.note, one.ticket
    names = " ".join(ticket.names[:NAMES_IN_CSV]) if ticket is not None else ""
    cells = (
        one.id, one.state, note.priority, note.severity, f"{ticket.points:g}" if ticket is not None else "",
        note.title, note.owner, note.first[:10], note.due,
        note.done[:10], str(len(note.devices)), names, ", ".join(_given(note)),
    )  # fmt: skip
    return dict(zip(CSV_COLUMNS, cells, strict=True))


def _body(one: TicketStatus, opened: OpenedTickets) -> dict[str, Any]:
    """The complete ticket as JSON."""
    kept = msgspec.to_builtins(one.note)
    known = (
        ticket_body(one.ticket)
        if one.ticket is not None
        else {"id": one.id, **{key: kept[key] for key in ("title", "kind", "severity", "priority")}}
    )
    more = {
        "state": one.state,
        "overdue": _overdue(one.note, opened),
        "done": one.note.done,
        "over": list(one.note.over.values()),
    }
    return known | more | {"given": {name: each.handle for name, each in one.note.given.items()}}


def _lines(one: TicketStatus, opened: OpenedTickets, colours: bool) -> Iterator[str]:
    note, ticket = one.note, one.ticket
    yield paint(f"{one.id}: {note.title}", "bold", colours)
    state = (
        f"{one.state}, since {note.done[:10]}"
        if note.done
        else one.state + (", late" if _overdue(note, opened) else "")
    )
    unseen = (
        "" if ticket is not None or note.done else f"not seen since {clock(note.last)}, without proof that it is done"
    )
    head = [("State", state), ("Given to", ", ".join(_given(note))), ("But", unseen)]
    head += (
        facts(ticket)
        if ticket is not None
        else [
            ("Priority", f"{note.priority}, {note.severity}"),
            ("Owner", note.owner),
            ("First seen", clock(note.first)),
        ]
    )
    yield from (f"  {name:11} {value}" for name, value in head if value)
    if ticket is not None:
        yield from _section("Why", ticket.why)
        yield from _section("Steps", [step_text(each) for each in ticket.steps])
        yield from _section("Verification", [ticket.test] if ticket.test else [])
        yield from _section("Devices", [device_line(each) for each in ticket.devices], DEVICES_SHOWN)
    else:
        yield from _section("Devices", [part.text for part in note.devices.values()], DEVICES_SHOWN)
    yield from _section("No longer required", list(note.over.values()), OVER_SHOWN)


def _section(name: str, lines: Sequence[str], most: int = 100) -> Iterator[str]:
    if lines:
        yield f"  {name}"
        yield from (f"    - {line}" for line in lines[:most])
    if len(lines) > most:
        yield f"    and {len(lines) - most:,} more: --json lists them all"


def _given(note: TicketEntry) -> Iterator[str]:
    """``jira as OPS-12``."""
    return (f"{name} as {each.handle}" if each.handle else name for name, each in note.given.items())
