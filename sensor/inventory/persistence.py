"""The persistent part of an inventory: restored at the start, recorded as it changes, and changed by operator values
and orders.

The owner of a store calls this from the engine's thread; nothing here touches a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from sensor.core.stored import OpenEntry
from sensor.inventory import orders
from sensor.inventory.baseline import Baseline
from sensor.inventory.corrections import Correction, Order, OrderResult
from sensor.inventory.inventory import Inventory
from sensor.inventory.journal import Entries, Journal, Move
from sensor.inventory.record import Record
from sensor.inventory.reread import reread
from sensor.inventory.rules import ANYBODY, parse_service
from sensor.inventory.state import DeviceState, record_of, state_of


class Advice(Protocol):
    """The recommendations about devices, in stored form."""

    def restore(self, body: bytes | str) -> None:
        """Restore a recommendation of an earlier run. Raises msgspec.DecodeError if it is invalid."""
        ...

    def take(self, limit: int) -> Iterator[tuple[tuple[str, str], bytes]]:
        """((device, setting), JSON) of those that changed since the last call, at most ``limit``; empty JSON if
        closed.
        """
        ...

    def note_counts(self, since: int) -> None:
        """Mark recommendations that were observed again after a time (ns) as changed."""
        ...

    def forget(self, device: str) -> None: ...


class OpenState(Protocol):
    """Alerts and incidents that are open, in stored form."""

    def restore(self, kind: str, body: str) -> None:
        """Restore one of an earlier run, after the devices, those with the oldest occurrence first. Raises ValueError
        or msgspec.DecodeError if it is invalid.
        """
        ...

    def take(self, limit: int) -> Iterator[OpenEntry]:
        """Those that changed since the last call, at most ``limit``."""
        ...

    def forget(self, device: str) -> None: ...


class Persistence:
    """The persistent side of one inventory: of its devices, their baseline and recommendations, and open alerts."""

    def __init__(
        self,
        inventory: Inventory,
        baseline: Baseline | None = None,
        advice: Advice | None = None,
        open_state: OpenState | None = None,
    ) -> None:
        self.inventory, self.table = inventory, inventory.table
        self.baseline, self.advice, self.open_state = baseline, advice, open_state

    def keep_journal(self) -> Journal:
        """Start to record the changes that ``entries`` returns."""
        self.table.journal = journal = self.table.journal or Journal()
        return journal

    def restore(self, state: DeviceState, *, again: bool = False) -> bool:
        """Restore a device of an earlier run, before the first packet; returns False if there is no room. ``again``:
        fingerprints have changed, evaluate facts again.

        Operator values must be set before.
        """
        record = record_of(state)
        if again:
            reread(self.inventory, record)
        if not self.table.restore(record, state.id):
            return False
        self.inventory.find_again(record, state.names, state.joins)
        if again or record.key in self.table.corrections:
            self.table.look_at(record)
        self.inventory.reset_watch()
        return True

    def correct(self, key: str, corrections: dict[str, Correction]) -> None:
        """Set all operator values of a device; empty: remove them."""
        self.table.corrections.pop(key, None)
        if corrections:
            self.table.corrections[key] = corrections
        record = self.table.by_key(key)
        if record is not None:
            record.stale = True
            self.table.mark(record, record.last)

    def carry_out(self, order: Order) -> OrderResult:
        """Execute the operator's order: merge, split, undo, forget or purge."""
        ours = {"forget": self._forget, "purge": self._purge}.get(order.action)
        outcome = ours(order) if ours is not None else orders.carry_out(self.inventory.endpoints, order)
        if self.table.journal is not None:
            self.table.journal.outcomes.append(outcome)
        return outcome

    def _forget(self, order: Order) -> OrderResult:
        """Discard what was learned of a device, of one of its services, or of all."""
        if self.baseline is None:
            return OrderResult(order, "there is no baseline")
        if order.key == ANYBODY:
            self.baseline.forget()
            return OrderResult(order)
        record = self.table.by_key(order.key)
        if record is None:
            return OrderResult(order, f"the device {order.key} is no longer known")
        self.baseline.forget(self.table.open(record).id, parse_service(order.other) if order.other else 0)
        return OrderResult(order)

    def _purge(self, order: Order) -> OrderResult:
        """Delete the device without an event, which would contain the data to be deleted. It becomes a new device when
        it sends traffic again.
        """
        record = self.table.by_key(order.key)
        if record is not None:
            name = self.table.open(record).id
            if self.baseline is not None:
                self.baseline.forget(name)
            if self.advice is not None:
                self.advice.forget(name)
            if self.open_state is not None:
                self.open_state.forget(name)
            self.inventory.purge(record)
        self.table.corrections.pop(order.key, None)
        return OrderResult(order)

    def learned(self, limit: int) -> Entries:
        """The data learned since the last call, of at most ``limit`` devices."""
        if self.baseline is None:
            return Entries()
        return Entries(
            habits=[(device, body.decode()) for device, body in self.baseline.take(limit)],
            watched=self.baseline.watched,
        )

    def sweep(self, since: int) -> None:
        """Mark all devices seen after ``since`` to be written, because their times and counts changed. The same for
        recommendations.
        """
        if self.advice is not None:
            self.advice.note_counts(since)
        if self.table.journal is not None:
            for queue in (self.table.unidentified, self.table.identified):
                self.table.journal.seen.update((record, True) for record in queue if record.last > since)

    @property
    def waiting(self) -> int:
        """Number of devices whose current state is not written yet."""
        journal = self.table.journal
        return len(journal.changed.keys() | journal.seen.keys()) if journal is not None else 0

    def entries(self, limit: int) -> Entries:
        """Return and clear the entries to write, with at most ``limit`` devices. Empty if no journal is kept."""
        journal = self.table.journal
        if journal is None:
            return Entries()
        batch = Entries(
            list(journal.removed), [], [], list(journal.mergers), list(journal.changes), list(journal.outcomes)
        )
        batch.moves = [
            Move(ts, name, address, held) for ts, who, address, held in journal.moves if (name := self._id(who))
        ]
        for queue in (journal.removed, journal.moves, journal.mergers, journal.changes, journal.outcomes):
            queue.clear()
        if self.advice is not None:
            batch.advice = [(*name, body.decode()) for name, body in self.advice.take(limit)]
        if self.open_state is not None:
            batch.open_state = list(self.open_state.take(limit))
        batch.states = [
            (state_of(record), device)
            for record in journal.records(limit)
            for device in (self.inventory.own_view(record),)
        ]
        return batch

    def _id(self, who: Record | str) -> str:
        """The id of a device; empty for one that was dropped before it was reported."""
        if isinstance(who, str):
            return who
        return "" if who.dead and not who.id else self.table.open(who).id
