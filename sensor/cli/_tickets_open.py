"""Shared by actions of ``sensor tickets``: the site, its tickets, and the ledger."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sensor.cli._codes import NOT_OPENED, USAGE
from sensor.cli._data import dataset_of
from sensor.cli._setup import complain, complain_of_faults
from sensor.cli._show import SEVERITIES
from sensor.cli._site import picture_of
from sensor.config import Config, Tickets, load_config, usual
from sensor.core.alert import Severity
from sensor.core.collection import no_collection
from sensor.core.device import TYPES
from sensor.core.ids import matching
from sensor.documents import DocumentErrors, nearest
from sensor.posture.site import Site
from sensor.posture.tickets.ledger import Ledger, LedgerError, alone, read_ledger, write_ledger
from sensor.posture.tickets.policy import Policy
from sensor.posture.tickets.progress import TicketStatus
from sensor.views.tickets import with_ledger


@dataclass
class OpenedTickets:
    """``folder``: of the ledger; None without one. ``trouble``: why it cannot be written, otherwise empty."""

    config: Config
    site: Site
    folder: Path | None
    ledger: Ledger
    statuses: list[TicketStatus]
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
def opened_tickets(args: argparse.Namespace) -> Iterator[OpenedTickets | int]:
    """The current tickets, recorded in the ledger, which stays locked; an exit code after an error if options are
    invalid or something cannot be read.
    """
    if args.type is not None and args.type not in TYPES:
        complain(f"found --type {args.type}, {nearest(args.type, TYPES)}", error="usage.invalid-value")
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
        opened = _opened(args, folder, trouble)
        if not isinstance(opened, int) and not trouble:
            opened.note()
        yield opened


def _opened(args: argparse.Namespace, folder: Path | None, trouble: str) -> OpenedTickets | int:
    try:
        config = load_config(usual(args.config))
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
    return OpenedTickets(config, picture.site, folder, ledger, found, trouble)


def _folder(args: argparse.Namespace) -> Path | None:
    """The folder of the ledger. Only an inventory has one: the sensor of a log alone is unknown."""
    dataset = dataset_of(args)
    return dataset.folder if dataset.inventory is not None else None


def chosen(args: argparse.Namespace, found: Iterable[TicketStatus], names: Iterable[str]) -> list[TicketStatus] | None:
    """Tickets that match the options or these ids; None after an error if a ticket does not exist."""
    found, names = list(found), list(names)
    known = {one.id: one for one in found}
    meant = []
    for name in names:
        several = matching(name, known)
        if len(several) != 1:
            near = (
                f"it is the beginning of {', '.join(several)}"
                if several
                else nearest(name, list(known))
                if known
                else "the list of tickets is empty"
            )
            complain(f"no ticket {name!r}: {near}", error="ticket.unknown")
            return None
        meant += several
    return [known[name] for name in dict.fromkeys(meant)] if names else [one for one in found if _wanted(args, one)]


def _wanted(args: argparse.Namespace, one: TicketStatus) -> bool:
    devices = one.ticket.devices if one.ticket is not None else ()
    return (
        SEVERITIES.index(one.note.severity) >= SEVERITIES.index(args.severity)
        and args.owner in (None, one.note.owner)
        and args.status in (None, one.state)
        and (args.type is None or any(each.type == args.type for each in devices))
        and (args.vlan is None or any(each.segment == f"vlan {args.vlan}" for each in devices))
    )
