"""Progress of tickets compared with the ledger: new, changed and finished ones, with the reason."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Literal, NamedTuple, cast

import msgspec

from sensor.core.output import SeverityName
from sensor.core.reader import clean
from sensor.posture.site import Site
from sensor.posture.tickets.ledger import KEPT_DAYS, Ledger, Part, TicketEntry, without_old
from sensor.posture.tickets.model import Affected, Ticket

State = Literal["new", "open", "changed", "done"]
STATES: tuple[State, ...] = ("new", "open", "changed", "done")
WHY_LIMIT = 256
UNAFFECTED, REJECTED = "its version is not affected", "the CVE was rejected, or does not affect its version"
UNSEEN = "no longer found: the information about it changed"
# Number of devices no longer in a ticket whose reason is stored, most recent first.
OVER_KEPT = 500


class TicketStatus(NamedTuple):
    """A ticket and its entry in the ledger. ``ticket``: None once it is finished, or unseen without evidence that it
    is. ``new``: no receiver has it yet; ``changed``: since it was sent.
    """

    id: str
    ticket: Ticket | None
    note: TicketEntry
    state: State


def noted(ledger: Ledger, tickets: Sequence[Ticket], site: Site) -> Ledger:
    """The next state of the ledger. Tickets that disappear are finished; those that return start over, also for
    receivers.
    """
    closed = _closed(site)
    made = {one.id: _note(ledger.tickets.get(one.id), one, site, closed) for one in tickets}
    for name, note in ledger.tickets.items():
        if name not in made:
            made[name] = note if note.done else _left(note, site, closed)
    return without_old(Ledger(tickets=made), _before(site.now))


def statuses(ledger: Ledger, tickets: Sequence[Ticket]) -> list[TicketStatus]:
    """All tickets in their order, then unseen ones, then finished ones, most recent first. ``ledger``: result of
    ``noted``.
    """
    found = [
        TicketStatus(one.id, one, note, _state(note, one))
        for one in tickets
        if (note := ledger.tickets.get(one.id)) is not None
    ]
    here = {one.id for one in found}
    rest = [
        TicketStatus(name, None, note, "done" if note.done else "open")
        for name, note in ledger.tickets.items()
        if name not in here
    ]
    return found + sorted(
        rest, key=lambda one: (not one.note.done, one.note.done or one.note.last, one.id), reverse=True
    )


def content_of(ticket: Ticket) -> str:
    """Digest of the content that is relevant to the owner. Points and packets, which change hourly, are excluded."""
    devices = [(one.id, one.text, one.product, one.segment, one.owner, one.names, one.sure) for one in ticket.devices]
    content = (
        ticket.title,
        ticket.priority,
        ticket.severity.name,
        ticket.owner,
        ticket.due,
        ticket.names,
        ticket.steps,
        ticket.test,
        sorted(devices),
    )
    return hashlib.blake2b(msgspec.json.encode(content), digest_size=8).hexdigest()


def _state(note: TicketEntry, ticket: Ticket) -> State:
    if not note.given:
        return "new"
    content = content_of(ticket)
    return "open" if all(one.content == content and not one.closed for one in note.given.values()) else "changed"


def _note(before: TicketEntry | None, ticket: Ticket, site: Site, closed: Mapping[tuple[str, str], str]) -> TicketEntry:
    devices = {one.id: _part(one) for one in ticket.devices}
    begun = before is None or bool(before.done)
    over: dict[str, str] = {}
    if before is not None and not begun:
        left = {
            name: _reason_text(part, _reason(name, part, site, closed))
            for name, part in before.devices.items()
            if name not in devices
        }
        kept = {name: why for name, why in before.over.items() if name not in devices} | left
        over = dict(list(kept.items())[-OVER_KEPT:])
    given = before.given if before is not None else {}
    severity = cast("SeverityName", ticket.severity.name)
    days = {"first": ticket.first, "last": site.now, "due": ticket.due}
    return TicketEntry(
        ticket.title,
        ticket.kind,
        severity,
        ticket.priority,
        ticket.owner,
        **days,
        devices=devices,
        over=over,
        given=given,
    )


def _part(one: Affected) -> Part:
    return Part(one.text, one.firmware, list(one.names))


def _left(note: TicketEntry, site: Site, closed: Mapping[tuple[str, str], str]) -> TicketEntry:
    """The state of a ticket that is no longer generated: finished, unless there is no evidence that it is: the log was
    truncated, or the feed with the CVE is no longer imported.
    """
    why = {name: _reason(name, part, site, closed) for name, part in note.devices.items()}
    waiting = {name: part for name, part in note.devices.items() if why[name] == UNSEEN}
    left = {name: _reason_text(part, why[name]) for name, part in note.devices.items() if name not in waiting}
    over = dict(list((note.over | left).items())[-OVER_KEPT:])
    return msgspec.structs.replace(
        note, devices=waiting, over=over, done="" if waiting else site.now or note.last or note.first
    )


def _reason_text(part: Part, why: str) -> str:
    """A device by its name, and why it is no longer in a ticket."""
    return clean(f"{part.text}: {why}", WHY_LIMIT)


def _reason(name: str, part: Part, site: Site, closed: Mapping[tuple[str, str], str]) -> str:
    node = site.nodes.get(name)
    if node is None:
        return "no longer in the inventory"
    if node.gone:
        return f"gone, last seen {node.last_seen[:10]}"
    if seen := next((closed[name, word] for word in part.names if (name, word) in closed), ""):
        return f"seen fixed: {seen}"
    if node.firmware != part.firmware:
        return f"runs {node.firmware or 'an unknown version'} now, {part.firmware or 'an unknown one'} before"
    unaffected = site.unaffected.get(name, frozenset())
    rejected = [one for one in part.names if one not in unaffected and site.is_rejected(one)]
    if part.names and unaffected.union(rejected).issuperset(part.names):
        return f"{REJECTED if rejected else UNAFFECTED}, according to the current vulnerability data"
    if any(one.name in part.names for one in site.weaknesses.get(name, ())):
        return "not fixed, but part of another ticket, or below the severity of tickets"
    return UNSEEN


def _closed(site: Site) -> dict[tuple[str, str], str]:
    """Settings seen to be correct, by device and setting."""
    found: dict[tuple[str, str], str] = {}
    for record in site.recommendations:
        src, body = record.get("src"), record.get("recommendation")
        if record.get("action") == "close" and isinstance(src, dict) and isinstance(body, dict):
            found[str(src.get("device")), str(body.get("setting"))] = clean(
                str(body.get("closed") or "later traffic shows it"), WHY_LIMIT
            )
    return found


def _before(now: str) -> str:
    """Finished tickets before this day are removed."""
    try:
        return (date.fromisoformat(now[:10]) - timedelta(days=KEPT_DAYS)).isoformat()
    except ValueError:
        return ""
