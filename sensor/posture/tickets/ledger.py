"""The ledger: ``tickets.json`` in the state folder. It has the first sighting and the last state of each ticket, and
what each receiver was sent.

It is read and written as a whole: an invalid one is an error and is left unchanged, because tickets that look new would
be opened a second time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sensor.core.output import SeverityName
from sensor.documents import write_whole

FILE, LOCK, VERSION = "tickets.json", "tickets.lock", 1
SIZE_LIMIT = 256 << 20
# Finished tickets are removed after this many days, or above this number, oldest first.
KEPT_DAYS, KEPT_MOST = 400, 20_000


class LedgerError(Exception):
    """The ledger cannot be read or written: the message has the file, the reason, and what to do."""


class SentTicket(msgspec.Struct, omit_defaults=True):
    """State at a receiver. ``handle``: the receiver's id of the ticket; ``content``: digest of the last update;
    ``closed``: it was closed there.
    """

    handle: str = ""
    content: str = ""
    closed: bool = False


class Part(msgspec.Struct, omit_defaults=True):
    """A device of a ticket: its name, and the evidence for its state."""

    text: str
    firmware: str = ""
    names: list[str] = []


class TicketEntry(msgspec.Struct, omit_defaults=True):
    """One ticket. ``first``, ``last``: when it was seen, in the time format of records; ``devices``: those that need
    the fix, by id; ``over``: those that no longer do, by id, with the reason; ``done``: when nothing was left to fix,
    empty until then; ``given``: state by receiver.
    """

    title: str
    kind: str
    severity: SeverityName
    priority: str
    owner: str = ""
    first: str = ""
    last: str = ""
    due: str = ""
    devices: dict[str, Part] = {}
    over: dict[str, str] = {}
    done: str = ""
    given: dict[str, SentTicket] = {}


class Ledger(msgspec.Struct):
    """Tickets by id."""

    version: int = VERSION
    tickets: dict[str, TicketEntry] = {}

    def first(self) -> dict[str, str]:
        """First sightings of unfinished tickets: a ticket that returns is first seen at its return."""
        return {name: note.first for name, note in self.tickets.items() if not note.done}


def read_ledger(folder: Path) -> Ledger:
    """The ledger; empty without a file. Raises LedgerError if it is invalid or not readable."""
    path = folder / FILE
    try:
        with path.open("rb") as file:
            raw = file.read(SIZE_LIMIT)
    except FileNotFoundError:
        return Ledger()
    except OSError as error:
        raise LedgerError(f"cannot read {path}: {error.strerror}") from None
    try:
        found = msgspec.json.decode(raw, type=Ledger)
    except (ValueError, RecursionError) as error:
        advice = (
            "restore a backup (`sensor restore`), or rename it: tickets are then new, and the receivers "
            "are searched for them"
        )
        raise LedgerError(f"{path}: expected a list of tickets ({error}); {advice}") from None
    if found.version != VERSION:
        raise LedgerError(
            f"{path}: found version {found.version}, expected {VERSION}: it is from a newer sensor: update this one"
        )
    return found


def write_ledger(folder: Path, ledger: Ledger) -> None:
    """Replace the file atomically. Raises LedgerError if it cannot be written."""
    path = folder / FILE
    try:
        write_whole(path, msgspec.json.encode(ledger))
    except OSError as error:
        raise LedgerError(f"cannot write {path}: {error.strerror}") from None


def without_old(ledger: Ledger, day: str) -> Ledger:
    """Without tickets finished before a day, and without the oldest if there are too many."""
    done = sorted((note.done, name) for name, note in ledger.tickets.items() if note.done)
    old = {name for when, name in done if when[:10] < day} | {name for _, name in done[: max(0, len(done) - KEPT_MOST)]}
    return Ledger(tickets={name: note for name, note in ledger.tickets.items() if name not in old})


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """An exclusive lock on the ledger of a folder. Raises LedgerError if another process holds it, or without
    permission.
    """
    try:
        number = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise LedgerError(f"cannot write {folder / LOCK}: {error.strerror}") from None
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise LedgerError(
            f"{folder / LOCK}: another `sensor tickets` is running: try again when it has finished"
        ) from None
    finally:
        os.close(number)
