"""Where a replay stores its results: a separate dataset, or the folder and the file in the arguments."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._codes import NOT_OPENED, USAGE, Exit
from sensor.cli._setup import complain, log_of, why_unusable

if TYPE_CHECKING:
    from sensor.datasets.card import Card
    from sensor.datasets.replays import NewReplay
    from sensor.eventlog.fold import Fold


# Values of a device that change without an event; of names, only the first one is reported.
SILENT = ("confidence", "confidences", "last_seen", "names")
NAME = "hostname"


class ReplayLocations:
    """``log``: None for standard output, /dev/null for none; ``inventory``: folder of the inventory, None
    without one.
    """

    def __init__(
        self, log: Path | None, inventory: Path | None = None, replay: NewReplay | None = None, card: Card | None = None
    ) -> None:
        self.log, self.inventory, self.replay, self.card = log, inventory, replay, card
        self.kept = False

    @property
    def name(self) -> str:
        """Name of the dataset; empty if there is none."""
        return self.replay.name if self.replay is not None else self.card.name if self.card is not None else ""

    @property
    def evidence(self) -> Path | None:
        """Default folder for the packets of alerts: in the dataset; None without one."""
        dataset = self.replay.folder if self.replay is not None else self.inventory if self.card is not None else None
        return dataset / "evidence" if dataset is not None else None

    def keep(self, first: int, last: int, *, whole: bool = True) -> None:
        """Store the result. Times of the first and last packet in ns; 0 without packets; ``whole``: false if the replay
        was interrupted before the end of the capture. Raises OSError.
        """
        from sensor.core.record_parts import time_text

        times = (time_text(first), time_text(last)) if first else ("", "")
        if self.replay is not None:
            self.replay.keep(*times, whole=whole)
        elif self.card is not None and self.inventory is not None:
            from sensor.datasets.card import completed, write_card

            write_card(self.inventory, completed(self.card, *times, whole=whole))
        self.kept = True

    def see_last(self, fold: Fold) -> None:
        """Set the values of each device that change without an event from the inventory: the log has those of the last
        event.
        """
        if self.inventory is None or not self.kept:
            return
        from sensor.inventory.store.database import StoreError
        from sensor.views.stored_inventory import devices_of

        with contextlib.suppress(StoreError):
            for device in devices_of(self.inventory):
                shown = fold.devices.get(device["id"])
                if shown is not None:
                    names = (NAME, *(name for name in SILENT if name in shown["device"]))
                    shown["device"] |= {name: device[name] for name in names if name in device}
                    fold.devices[device["id"]] = shown

    def abandon(self) -> None:
        """Discard the result of a failed replay."""
        if self.replay is not None:
            self.replay.abandon()


@contextlib.contextmanager
def place_of(args: argparse.Namespace, *, all_unreadable: bool) -> Iterator[ReplayLocations]:
    """The place, for writing inside of the block; new files are private. Only the inventory of a folder in the
    arguments is continued: the configuration is that of a live sensor. With ``all_unreadable``, when nothing can be
    read, nothing is created. Raises Exit if it cannot be created.
    """
    if args.name and args.events and args.state is None:
        raise Exit(
            USAGE,
            "expected --name NAME or --events FILE, and not both: a single event log is not a dataset",
            error="usage.conflicting-options",
        )
    with contextlib.ExitStack() as within:
        if all_unreadable:
            yield ReplayLocations(Path(os.devnull))
        elif args.state is not None:
            yield _in_folder(args, args.state, within)
        elif args.events:
            yield ReplayLocations(log_of(args.events))
        else:
            yield _own(args, within)


def _own(args: argparse.Namespace, within: contextlib.ExitStack) -> ReplayLocations:
    """A separate dataset; none if it cannot be created."""
    from sensor.cli._data import migrated
    from sensor.datasets.private import private
    from sensor.eventlog.paths import state_folder

    state = state_folder()
    try:
        within.enter_context(private(state))
        migrated(state)
        replay = _new(args, state)
    except OSError as error:
        complain(
            (
                f"cannot store the replay in {error.filename or state}: {error.strerror}; continuing without "
                "(--events FILE selects another path)"
            ),
            error="file.not-written",
        )
        return ReplayLocations(Path(os.devnull))
    return ReplayLocations(replay.log, replay.folder, replay)


def _in_folder(args: argparse.Namespace, folder: Path, within: contextlib.ExitStack) -> ReplayLocations:
    """The given folder for the inventory; also for the log, unless it is that of a live sensor."""
    from sensor.datasets.begin import begin_replay, holds_live
    from sensor.datasets.names import BadName, captures_of, checked
    from sensor.datasets.private import private
    from sensor.eventlog.paths import RUN_LOG

    try:
        within.enter_context(private(folder))
        name = checked(args.name) if args.name else ""
        if holds_live(folder):
            return _beside_live(args, folder)
        log = log_of(args.events) if args.events else folder / RUN_LOG
        card = (
            begin_replay(folder, captures_of(args.paths), name, log, args.evidence)
            if log is not None and log != Path(os.devnull)
            else None
        )
    except BadName as error:
        raise Exit(USAGE, f"--name: {error}", error="usage.invalid-value") from None
    except OSError as error:
        raise Exit(
            NOT_OPENED, f"cannot write the inventory in {folder}: {why_unusable(error)}", error="file.not-written"
        ) from None
    return ReplayLocations(log, folder, card=card)


def _beside_live(args: argparse.Namespace, folder: Path) -> ReplayLocations:
    """The inventory of a live sensor is updated from the capture; its log is not."""
    if args.events:
        return ReplayLocations(log_of(args.events), folder)
    replay = _new(args, folder)
    complain(
        (
            f"{folder} belongs to a live sensor: its inventory is updated from the capture; the log is the "
            f"dataset {replay.name!r}"
        ),
        "info",
    )
    return ReplayLocations(replay.log, folder, replay)


def _new(args: argparse.Namespace, state: Path) -> NewReplay:
    """Raises OSError if it cannot be created, Exit if it must not be."""
    from sensor.datasets.names import BadName, captures_of
    from sensor.datasets.replays import CannotCreate, new_replay

    try:
        return new_replay(state, captures_of(args.paths), args.name, args.evidence)
    except BadName as error:
        raise Exit(USAGE, f"--name: {error}", error="usage.invalid-value") from None
    except CannotCreate as error:
        raise Exit(USAGE, str(error), error="usage.invalid-value") from None
