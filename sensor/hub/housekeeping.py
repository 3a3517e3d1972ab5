"""Periodic work of a worker, every ten minutes: merge counts, recompute duplicates, campaigns and entities, continue
rollouts, run scheduled hunts and reports, delete old events. One of several workers does it at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg

from sensor.boundary import Boundary
from sensor.hub.campaigns import refresh_campaigns
from sensor.hub.counts import correct_alert_counts, merge_counts
from sensor.hub.database import Connection, drop_partitions
from sensor.hub.device_values import follow_mergers
from sensor.hub.duplicates import relist
from sensor.hub.entities import identify
from sensor.hub.held_connection import HeldConnection
from sensor.hub.incident_duplicates import relist_incidents
from sensor.hub.ingester import log_fault
from sensor.hub.reports import run_due as make_due_reports
from sensor.hub.rollouts import review
from sensor.hub.scheduled_hunts import run_due
from sensor.hub.settings import Hub
from sensor.logs.logs import log

EVERY_S = 600.0


class Housekeeping:
    """Uses a separate database connection."""

    def __init__(self, hub: Hub) -> None:
        self._hub, self._days = hub, hub.settings.retention.events_days
        self._store, self._boundary = HeldConnection(hub), Boundary(log_fault)
        self._corrected = False

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set, first after one interval."""
        try:
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), EVERY_S)
                    return
                await asyncio.to_thread(self._turn)
        finally:
            self._store.close()

    def _turn(self) -> None:
        """Each step has a separate call: if one fails, the others are carried out, except without a database."""
        steps: dict[str, Callable[[Connection], object]] = {
            "counts": self._count,
            "mergers of devices": follow_mergers,
            "duplicates": _at_present(relist),
            "incidents": _at_present(relist_incidents),
            "campaigns": _at_present(refresh_campaigns),
            "rollouts": _at_present(review),
            "hunts": self._hunt,
            "reports": _at_present(make_due_reports),
            "retention": self._forget,
            "entities": _identify,
        }
        for name, step in steps.items():
            if any(self._boundary.run(f"housekeeping: {name}", self._is_cut_off, name, step)[0]):
                return

    def _is_cut_off(self, name: str, step: Callable[[Connection], object]) -> Iterator[bool]:
        """Carry out a step; whether the database cannot be reached."""
        try:
            yield self._store.use(partial(_done, step)) is None
        except psycopg.Error as error:
            fault = error.diag.message_primary or type(error).__name__
            log().warning("housekeeping failed", step=name, error=fault)

    def _count(self, base: Connection) -> None:
        merge_counts(base)
        if not self._corrected:
            # A worker of an earlier version, which counted each alert, may have been the last one before this.
            correct_alert_counts(base)
            self._corrected = True

    def _hunt(self, base: Connection) -> None:
        run_due(self._hub, base, datetime.now(UTC))

    def _forget(self, base: Connection) -> None:
        if self._days is not None and (old := drop_partitions(base, datetime.now(UTC) - timedelta(days=self._days))):
            log().info("old events are deleted", partitions=old)


def _done(step: Callable[[Connection], object], base: Connection) -> bool:
    step(base)
    return True


def _at_present(step: Callable[[Connection, datetime], object]) -> Callable[[Connection], object]:
    return lambda base: step(base, datetime.now(UTC))


def _identify(base: Connection) -> None:
    if (found := identify(base)) is not None:
        log().info("entities are found", **found._asdict())
