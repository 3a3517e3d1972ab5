"""Tickets: one for each fix, with all devices that need it, in the state recorded in the dataset's ledger. The ledger
is not changed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from sensor.core.severities import SEVERITIES
from sensor.posture.picture import Picture
from sensor.posture.tickets.grouping import tickets_of
from sensor.posture.tickets.ledger import Ledger, LedgerError, read_ledger
from sensor.posture.tickets.model import Affected, Ticket
from sensor.posture.tickets.policy import Policy
from sensor.posture.tickets.progress import STATES, TicketStatus, noted, statuses
from sensor.views.errors import NotReadable, Unknown, one_of
from sensor.views.known_values import check, check_vlans
from sensor.views.listing import contains, facets_of, page_of, value_of
from sensor.views.page import Page, mark_of
from sensor.views.severity_levels import levels_of


class TicketFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``severity``: at least; ``text``: words that all occur in a ticket; ``type`` and ``vlan``: of any of its devices;
    ``device``: id of one of them.
    """

    text: str = ""
    state: tuple[str, ...] = ()
    severity: str = ""
    owner: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    vlan: tuple[int, ...] = ()
    device: str = ""


EVERY_TICKET = TicketFilter()


class TicketDevice(msgspec.Struct, frozen=True):
    """A device of a ticket. ``names``: CVEs or settings; ``certain``: whether it is known to be affected; ``evidence``:
    the packet that shows it.
    """

    id: str
    name: str
    address: str
    type: str
    vendor: str
    model: str
    firmware: str
    segment: str
    owner: str
    names: list[str]
    points: float
    certain: bool
    evidence: str


class TicketStep(msgspec.Struct, frozen=True):
    """``vendor``: the vendor of the devices that need this step; empty: all."""

    vendor: str
    text: str


class TicketRow(msgspec.Struct, frozen=True):
    """``state``: new (not sent yet), open, changed (since it was sent) or done; ``first``: when it was first seen,
    ``done``: when nothing was left to fix, RFC 3339; ``due``: a date; ``closed``: why devices are no longer part of it,
    by id; ``sent``: its name at each receiver. A ticket that is done or no longer seen has no details.
    """

    id: str
    state: str
    kind: str
    title: str
    priority: str
    severity: str
    points: float
    owner: str
    first: str
    due: str
    done: str
    names: list[str]
    why: list[str]
    steps: list[TicketStep]
    test: str
    devices: list[TicketDevice]
    closed: dict[str, str]
    sent: dict[str, str]


class UpdatedLedger(NamedTuple):
    """``ledger``: the updated ledger, to be saved; ``statuses``: all tickets, in order."""

    ledger: Ledger
    statuses: list[TicketStatus]


SORTS: dict[str, Callable[[TicketRow], Any]] = {
    "severity": lambda _: 0,  # the order in which tickets are created
    "priority": lambda row: row.priority,
    "due": lambda row: (not row.due, row.due),
    "first": lambda row: (not row.first, row.first),
    "title": lambda row: row.title.casefold(),
}


def tickets(
    picture: Picture,
    folder: Path | None,
    policy: Policy,
    wanted: TicketFilter = EVERY_TICKET,
    sort: str = "severity",
    *,
    limit: int = 100,
    cursor: str = "",
) -> Page[TicketRow]:
    """A page of tickets. ``folder``: of the dataset, None for an event log alone, which has no ledger. Raises
    NotReadable if the ledger is damaged, Unknown or Malformed for invalid arguments.
    """
    one_of("sort", [sort], SORTS)
    one_of("state", wanted.state, STATES)
    check("type", wanted.type)
    check_vlans(wanted.vlan)
    levels_of(wanted.severity)
    rows = sorted((row for row in _rows(picture, folder, policy) if _fits(row, wanted)), key=SORTS[sort])
    facets = facets_of(
        rows, {name: value_of(name, "none") for name in ("state", "severity", "priority", "owner", "kind")}
    )
    return page_of(rows, lambda row: row.id, facets, mark_of("tickets", wanted, sort), limit, cursor)


def ticket(picture: Picture, folder: Path | None, policy: Policy, name: str) -> TicketRow:
    """One ticket by its id. Raises Unknown, NotReadable."""
    rows = {row.id: row for row in _rows(picture, folder, policy)}
    if name not in rows:
        raise Unknown("id", name, rows)
    return rows[name]


def with_ledger(picture: Picture, ledger: Ledger, policy: Policy) -> UpdatedLedger:
    """The tickets of a site, and the updated ledger. A site without devices was not analyzed yet: no ticket becomes
    done.
    """
    made = tickets_of(picture.site, policy, ledger.first())
    ledger = noted(ledger, made, picture.site) if picture.site.nodes else ledger
    return UpdatedLedger(ledger, statuses(ledger, made))


def _rows(picture: Picture, folder: Path | None, policy: Policy) -> list[TicketRow]:
    try:
        ledger = read_ledger(folder) if folder is not None else Ledger()
    except LedgerError as error:
        raise NotReadable(str(error)) from None
    return [_row(one) for one in with_ledger(picture, ledger, policy).statuses]


def _fits(row: TicketRow, wanted: TicketFilter) -> bool:
    levels = levels_of(wanted.severity)
    segments = {f"vlan {vlan}" for vlan in wanted.vlan}
    return (
        (not wanted.state or row.state in wanted.state)
        and SEVERITIES.index(row.severity) in levels
        and (not wanted.owner or (row.owner or "none") in wanted.owner)
        and (not wanted.type or any(one.type in wanted.type for one in row.devices))
        and (not segments or any(one.segment in segments for one in row.devices))
        and (not wanted.device or any(one.id == wanted.device for one in row.devices))
        and (
            not wanted.text
            or contains(
                wanted.text,
                (row.id, row.title, row.owner, *row.names, *(f"{one.name} {one.address}" for one in row.devices)),
            )
        )
    )


def _row(one: TicketStatus) -> TicketRow:
    note, made = one.note, one.ticket
    details = _details(made) if made is not None else (0.0, [], [], [], "", [])
    points, names, why, steps, test, devices = details
    sent = {name: given.handle for name, given in note.given.items()}
    return TicketRow(
        one.id, one.state, note.kind, note.title, note.priority, note.severity, points, note.owner, note.first,
        note.due, note.done, names, why, steps, test,
        devices, dict(note.over), sent,
    )  # fmt: skip


def _details(made: Ticket) -> tuple[float, list[str], list[str], list[TicketStep], str, list[TicketDevice]]:
    steps = [TicketStep(step.maker, step.text) for step in made.steps]
    return made.points, list(made.names), list(made.why), steps, made.test, list(map(_device, made.devices))


def _device(one: Affected) -> TicketDevice:
    known = (one.id, one.name, one.address, one.type, one.vendor, one.model, one.firmware, one.segment, one.owner)
    return TicketDevice(*known, list(one.names), one.points, one.sure, one.evidence)
