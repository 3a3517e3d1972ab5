"""A dataset: the folder with all data of one source, and which parts exist."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import msgspec

from sensor.datasets.card import FILE as CARD
from sensor.datasets.card import LIVE, LOG, REPLAY, Card, read_card
from sensor.datasets.span import Span, has_findings, span_of_log
from sensor.eventlog.log_lines import parts
from sensor.eventlog.paths import DATASETS, INVENTORY, REPLAY_LOG, RUN_LOG

# Files of packets in the folder of evidence, which may have other files.
PACKETS = "alert-*.pcapng"
# Parts that a dataset may lack.
INVENTORY_PART, LOG_PART, EVIDENCE_PART, END_PART = "inventory", "event log", "evidence", "end of the replay"


class Dataset(msgspec.Struct, frozen=True, dict=True):
    """``kind``: live, replay, or log for a single event log; ``folder``: where its files are; ``log`` and ``evidence``
    may not exist.
    """

    name: str
    kind: str
    folder: Path
    log: Path
    evidence: Path
    card: Card

    @cached_property
    def inventory(self) -> Path | None:
        """The inventory, if there is one."""
        path = self.folder / INVENTORY
        return path if self.kind != LOG and path.is_file() and path.stat().st_size else None

    @cached_property
    def has_log(self) -> bool:
        """Whether its event log has any content: every run logs its start, so an empty log has no run."""
        return any(part.path.stat().st_size or not part.path.is_file() for part in parts(self.log))

    @cached_property
    def span(self) -> Span:
        """First and last time in the event log, or in the inventory if the log has no record."""
        if self.card.first:
            return Span(self.card.first, self.card.last)
        if (found := span_of_log(self.log)) is not None or self.inventory is None:
            return found or Span("", "")
        from sensor.datasets.peek import times_of

        return Span(*times_of(self.inventory))

    @cached_property
    def empty(self) -> bool:
        """Whether it has neither a record nor a device."""
        if self.has_log or self.inventory is None:
            return not self.has_log
        from sensor.datasets.peek import has_devices

        return not has_devices(self.inventory)

    @cached_property
    def has_findings(self) -> bool:
        """Whether it has a device or an alert; a sensor that received no packets leaves records without either."""
        if self.has_log and all(part.path.is_file() for part in parts(self.log)) and has_findings(self.log):
            return True
        if self.inventory is None:
            return False
        from sensor.datasets.peek import has_devices

        return has_devices(self.inventory)

    @property
    def missing(self) -> tuple[str, ...]:
        """The missing parts."""
        there = {
            INVENTORY_PART: self.inventory is not None,
            LOG_PART: self.has_log,
            EVIDENCE_PART: self.evidence.is_dir(),
            END_PART: self.card.complete,
        }
        return tuple(part for part, found in there.items() if not found)

    @property
    def written(self) -> float:
        """When it was last written, seconds since the epoch; 0 if nothing exists."""
        files = [
            self.folder / INVENTORY,
            self.folder / f"{INVENTORY}-wal",
            self.folder / CARD,
            *(part.path for part in parts(self.log)[-1:]),
        ]
        return max((path.stat().st_mtime for path in files if path.exists()), default=0.0)


def dataset_in(folder: Path) -> Dataset:
    """The dataset in a folder: of the live sensor, or of a replay according to its card."""
    card = read_card(folder) or Card(kind=REPLAY if folder.parent.name == DATASETS else LIVE)
    name = folder.name if folder.parent.name == DATASETS else card.name or LIVE
    outside = Path(card.evidence) if card.evidence else folder
    # An exported copy has the packets in its folder.
    evidence = outside if outside != folder and outside.is_dir() else folder / "evidence"
    return Dataset(name, card.kind, folder, Path(card.log) if card.log else _log_in(folder), evidence, card)


def dataset_of_log(log: Path) -> Dataset:
    """A dataset of a single event log."""
    return Dataset(log.name, LOG, log.parent, log, log.parent / "evidence", Card())


def _log_in(folder: Path) -> Path:
    """The event log of a folder; that of a replay by an earlier version if there is no other."""
    log, earlier = folder / RUN_LOG, folder / REPLAY_LOG
    return earlier if not parts(log) and parts(earlier) else log
