"""Shared by actions of ``sensor tickets``: the site, its tickets, and the ledger."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sensor.cli._codes import NOT_OPENED, USAGE
from sensor.cli._configuration import configuration
from sensor.cli._data import dataset_of, now_of
from sensor.cli._setup import complain, complain_of_faults
from sensor.cli._show import part, tidy
from sensor.cli._site import picture_of
from sensor.config import Config, Tickets
from sensor.core.alert import Severity
from sensor.core.collection import no_collection
from sensor.core.ids import matching as ids_matching
from sensor.core.severities import SEVERITIES
from sensor.documents import DocumentErrors, nearest
from sensor.posture.site import Site
from sensor.posture.tickets.ledger import Ledger, LedgerError, alone, read_ledger, write_ledger
from sensor.posture.tickets.policy import Policy
from sensor.posture.tickets.progress import TicketStatus
from sensor.views.device_terms import InvalidTerm, Term, is_term, matching, term_of
from sensor.views.tickets import with_ledger


@dataclass
class OpenedTickets:
    """``folder``: of the ledger; None without one. ``devices``: ids of those that match the filters; None without
    filters. ``trouble``: why the ledger cannot be written, otherwise empty.
    """

    config: Config
    site: Site
    folder: Path | None
    ledger: Ledger
    statuses: list[TicketStatus]
    devices: Container[str] | None = None
    trouble: str = ""

    def note(self) -> None:
        """Write the ledger, or set ``trouble`` to the reason why it cannot be written."""
        try:
            if self.folder is not None:
                write_ledger(self.folder, self.ledger)
        except LedgerError as error:
            self.trouble = str(error)


def policy_of(section: Tickets) -> Policy:
    owners = section.owners
    return Policy(
        section.due_days.model_dump(),
        section.owner,
        owners.types,
        owners.segments,
        owners.tags,
        Severity[section.least],
        section.least_points,
    )


@contextlib.contextmanager
def opened_tickets(args: argparse.Namespace, filters: Iterable[str] = ()) -> Iterator[OpenedTickets | int]:
    """The current tickets, recorded in the ledger, which stays locked; an exit code after an error if filters of
    devices are invalid or something cannot be read.
    """
    try:
        terms = [term_of(one) for one in filters]
    except InvalidTerm as invalid:
        complain(str(invalid), error="usage.unknown-filter")
        yield USAGE
        return
    folder, trouble = _folder(args), ""
    with contextlib.ExitStack() as held:
        held.enter_context(no_collection())
        try:
            if folder is not None:
                held.enter_context(alone(folder))
        except LedgerError as error:
            trouble = str(error)
        opened = _opened(args, folder, terms, trouble)
        if not isinstance(opened, int) and not trouble:
            opened.note()
        yield opened


def _opened(args: argparse.Namespace, folder: Path | None, terms: Sequence[Term], trouble: str) -> OpenedTickets | int:
    try:
        config = configuration(args)
        ledger = read_ledger(folder) if folder is not None else Ledger()
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return USAGE
    except LedgerError as error:
        complain(str(error), error="ticket.ledger")
        return NOT_OPENED
    picture = picture_of(args)
    if picture is None:
        return NOT_OPENED
    ledger, found = with_ledger(picture, ledger, policy_of(config.tickets))
    records = matching(picture.known.devices.values(), terms, now_of(args)) if terms else None
    devices = {tidy(part(record, "device").get("id")) for record in records} if records is not None else None
    return OpenedTickets(config, picture.site, folder, ledger, found, devices, trouble)


def _folder(args: argparse.Namespace) -> Path | None:
    """The folder of the ledger. Only an inventory has one: the sensor of a log alone is unknown."""
    dataset = dataset_of(args)
    return dataset.folder if dataset.inventory is not None else None


def filters_and_ids(operands: Iterable[str]) -> tuple[list[str], list[str]]:
    """Filters of devices, and ids of tickets."""
    operands = list(operands)
    return [one for one in operands if is_term(one)], [one for one in operands if not is_term(one)]


def chosen(args: argparse.Namespace, opened: OpenedTickets, names: Iterable[str]) -> list[TicketStatus] | None:
    """Tickets that match the options and filters, or these ids; None after an error if a ticket does not exist."""
    names = list(names)
    known = {one.id: one for one in opened.statuses}
    meant = []
    for name in names:
        several = ids_matching(name, known)
        if len(several) != 1:
            near = (
                f"it is the beginning of {', '.join(several)}"
                if several
                else nearest(name, list(known)) or "the list of tickets is empty"
            )
            complain(f"no ticket {name!r}, {near}", error="ticket.unknown")
            return None
        meant += several
    if names:
        return [known[name] for name in dict.fromkeys(meant)]
    return [one for one in opened.statuses if _wanted(args, one, opened.devices)]


def _wanted(args: argparse.Namespace, one: TicketStatus, matching: Container[str] | None) -> bool:
    devices = one.ticket.devices if one.ticket is not None else ()
    return (
        SEVERITIES.index(one.note.severity) >= SEVERITIES.index(args.severity)
        and args.owner in (None, one.note.owner)
        and args.status in (None, one.state)
        and (matching is None or any(each.id in matching for each in devices))
    )
