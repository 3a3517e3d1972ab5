"""``sensor tickets send``: changes for outputs of type tickets, and their progress."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from fnmatch import fnmatchcase
from typing import Any

from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE
from sensor.cli._data import need_inventory
from sensor.cli._setup import complain
from sensor.cli._show import put, tidy
from sensor.cli._tickets_open import OpenedTickets, chosen, filters_and_ids, opened_tickets
from sensor.core.alert import Severity
from sensor.core.output import BatchRejected, Retry
from sensor.core.secrecy import masked
from sensor.delivery.pace import Backoff, Rate
from sensor.documents import nearest
from sensor.outputs.tickets import Change, TicketResult, Tickets
from sensor.outputs.transport.ticket_systems import NotNow
from sensor.posture.tickets.formats import Form, format_of
from sensor.posture.tickets.ledger import LedgerError, SentTicket, write_ledger
from sensor.posture.tickets.model import Ticket
from sensor.posture.tickets.progress import TicketStatus, content_of

REFUSED = 1
TRIES = 5
# If a system requests a longer pause, the next run continues.
LONGEST_S = 120.0
# Limit of device lines in a closed ticket.
LINES = 40
ACTIONS = {"create": "opened", "update": "updated", "close": "closed", "reopen": "opened again"}


def send(args: argparse.Namespace) -> int:
    """Send pending changes to a ticket system; 1 if it rejects something, 3 if it cannot be reached."""
    # Without an inventory nothing is recorded, and every run would open all tickets again.
    need_inventory(args, "what was sent before")
    try:
        filters, words = filters_and_ids(args.operands)
        with opened_tickets(args, filters) as opened:
            if isinstance(opened, int):
                return opened
            if opened.trouble and not args.dry_run:
                complain(f"{opened.trouble}; nothing was sent, to prevent duplicates", error="ticket.ledger")
                return NOT_OPENED
            return _all_sent(args, opened, words[0] if words else "", words[1:])
    except LedgerError as error:
        complain(f"{error}; the last ticket will be sent again", error="ticket.ledger")
        return NOT_OPENED


def _all_sent(args: argparse.Namespace, opened: OpenedTickets, name: str, ids: list[str]) -> int:
    """Send to the named output, or to all of type tickets; returns the worst result."""
    outputs = _outputs(opened, name)
    if outputs is None:
        return USAGE
    found = chosen(args, opened, ids)
    if found is None:
        return NOT_FOUND
    return max(_sent(args, opened, each, options, found) for each, options in outputs.items())


def _sent(args: argparse.Namespace, opened: OpenedTickets, name: str, options: Any, found: list[TicketStatus]) -> int:
    form = Form(opened.config.sensor.id, options.project, options.issue_type)
    changes = [(one, change) for one in found if (change := _change(one, name, options, form)) is not None]
    if not args.dry_run:
        return _Sending(opened, name, options).all(changes, len(found) - len(changes))
    for one, change in changes:
        put(f"{name}: would be {ACTIONS[change.kind]}: {_called(one, change.handle)}")
    put(f"{name}: {_counted(Counter(change.kind for _, change in changes), len(found) - len(changes))}")
    return 0


def _outputs(opened: OpenedTickets, name: str) -> dict[str, Any] | None:
    """The named output, or all enabled ones; None after an error if there is none."""
    outputs = opened.config.outputs
    ours = {each: options for each, options in outputs.items() if not options.records}
    found = (
        {name: ours[name]}
        if name in ours
        else {}
        if name
        else {each: options for each, options in ours.items() if options.enabled}
    )
    if name and name not in outputs:
        complain(
            (f"no output {tidy(name)!r}, {nearest(name, list(ours)) or 'no output of type tickets is configured'}"),
            error="output.unknown",
        )
    elif name and name not in ours:
        complain(
            f"the output {name!r} accepts records of the log: expected one of type tickets", error="output.wrong-type"
        )
    elif not found:
        complain(
            (
                "no output of type tickets is configured and enabled: expected one in the section "
                "`outputs:` of the configuration"
            ),
            error="output.none-configured",
        )
    return found or None


# Pending changes.


def _change(one: TicketStatus, name: str, options: Any, form: Form) -> Change | None:
    """The change of a ticket that a system still needs; None if it is up to date."""
    given, ticket = one.note.given.get(name), one.ticket
    form_text = format_of("json" if options.system == "webhook" else options.system)
    known = form.key(one.id), form_text.found_by(one.id, form), given.handle if given is not None else ""
    if one.note.done:
        if given is None or given.closed:
            return None
        return Change(
            "close", *known, one.note.done[:19], form_text.closed(list(one.note.over.values())[-LINES:], form), {}
        )
    if ticket is None or (given is None and not _wanted(ticket, options.filter)):
        return None
    content = content_of(ticket)
    if given is not None and given.content == content and not given.closed:
        return None
    kind = "create" if given is None else "reopen" if given.closed else "update"
    return Change(kind, *known, content, form_text.created(ticket, form), form_text.updated(ticket, form))  # type: ignore[arg-type]


def _wanted(ticket: Ticket, chosen: Any) -> bool:
    """Whether a ticket passes the filter of an output."""
    devices = ticket.devices
    return (
        ticket.severity >= Severity[chosen.severity]
        and (not chosen.types or any(fnmatchcase(one.type, glob) for one in devices for glob in chosen.types))
        and (not chosen.vlans or any(one.segment == f"vlan {vlan}" for one in devices for vlan in chosen.vlans))
    )


# Delivery.


class _Sending:
    """One ticket at a time, recorded before the next."""

    def __init__(self, opened: OpenedTickets, name: str, options: Any) -> None:
        self._opened, self._name = opened, name
        self._output = Tickets(name, options)
        self._open = False
        self._backoff = Backoff(options.backoff_s, options.backoff_max_s)
        self._rate = Rate(options.rate, time.monotonic())

    def all(self, changes: list[tuple[TicketStatus, Change]], known: int) -> int:
        done, refused = Counter[str](), 0
        try:
            for one, change in changes:
                try:
                    outcome = self._given(change)
                except BatchRejected as error:
                    refused += 1
                    self._complain(
                        f"refused: {_called(one, change.handle)}: {error}; `extra: {{FIELD: null}}` in its "
                        "section omits a field"
                    )
                    continue
                self._note(one, change, outcome)
                done[change.kind] += 1
                put(f"{self._name}: {ACTIONS[change.kind]}: {_called(one, outcome.handle)}")
                if outcome.remark:
                    self._complain(outcome.remark)
        except Retry as error:
            self._complain(f"{error.args[0]}; the others are sent next time")
            return NOT_OPENED
        finally:
            self._output.close()
        put(f"{self._name}: {_counted(done, known)}")
        return REFUSED if refused else 0

    def _given(self, change: Change) -> TicketResult:
        """The result after some retries. Raises Retry if none succeeded."""
        self._backoff.worked()
        while True:
            time.sleep(self._rate.wait_s(time.monotonic(), 1))
            self._rate.sent(1)
            try:
                if not self._open:
                    self._output.open()
                    self._open = True
                return self._output.give(change)
            except NotNow:
                raise
            except Retry as error:
                self._output.close()
                self._open = False
                wait = self._backoff.failed(error.after_s)
                if self._backoff.tries >= TRIES or wait > LONGEST_S:
                    raise
                time.sleep(wait)

    def _note(self, one: TicketStatus, change: Change, outcome: TicketResult) -> None:
        """Recorded at once: unrecorded changes are sent again."""
        given = one.note.given
        content = given[self._name].content if change.kind == "close" else change.content
        given[self._name] = SentTicket(outcome.handle, content, change.kind == "close")
        if self._opened.folder is not None:
            write_ledger(self._opened.folder, self._opened.ledger)

    def _complain(self, message: str) -> None:
        complain(f"{self._name}: {tidy(masked(message), 1024)}", error="output.failed")


def _called(one: TicketStatus, handle: str) -> str:
    named = f" ({handle})" if handle else ""
    return f"{one.id}{named}, {one.note.priority}: {one.note.title}"


def _counted(done: Counter[str], known: int) -> str:
    parts = [f"{done[kind]:,} {label}" for kind, label in ACTIONS.items() if done[kind]]
    return ", ".join([*parts, f"{known:,} as {'they were' if known != 1 else 'it was'}"])
