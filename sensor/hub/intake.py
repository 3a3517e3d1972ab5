"""Intake: writes batches to the database, many in one transaction, and each event once.

``logs.committed`` has the committed numbers: a number in it was stored before, and an event that is sent again under
another epoch has the same primary key. Rows of sensors are locked first, in a fixed order, so that workers process the
batches of one sensor in turn without deadlocks.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, LiteralString, NamedTuple

import psycopg

from sensor.core.collection import no_collection
from sensor.hub import rows
from sensor.hub.batch import Batch, Message, Quarantined, opened
from sensor.hub.copying import EVENTS, encoded_events
from sensor.hub.database import Connection, copy_encoded, ensure_partitions, temporary
from sensor.hub.duplicates import list_open_ones
from sensor.hub.quarantine import put_in_quarantine
from sensor.hub.rows import Origin, Placed
from sensor.hub.states import ALERTS, DEVICES, INCIDENTS, write_states
from sensor.outputs.hub_protocol.messages import Run

_SENSORS: LiteralString = """
SELECT key, number, state, site, ARRAY[sensor_id, name], ARRAY[sensor_site, site] FROM sensors
WHERE key = ANY (%s) ORDER BY key FOR UPDATE"""
_NEW_LOGS: LiteralString = """
INSERT INTO logs (sensor, epoch, filtered) SELECT * FROM unnest(%s::text[], %s::text[], %s::boolean[])
ON CONFLICT (sensor, epoch) DO UPDATE SET filtered = excluded.filtered WHERE logs.filtered <> excluded.filtered"""
_LOGS: LiteralString = """
SELECT l.sensor, l.epoch, l.number, (l.committed * a.runs::int8multirange)::text, l.wanted
FROM logs l JOIN unnest(%s::text[], %s::text[], %s::text[]) a (sensor, epoch, runs)
ON l.sensor = a.sensor AND l.epoch = a.epoch"""
_HELD: LiteralString = """
SELECT log, seq, id FROM events WHERE sensor = ANY (%s) AND log = ANY (%s) AND seq = ANY (%s)"""
_COMMIT: LiteralString = """
UPDATE logs SET committed = committed + a.runs::int8multirange, last_ts = greatest(last_ts, a.ts),
    wanted = CASE WHEN a.runs::int8multirange @> wanted + 1 THEN NULL ELSE wanted END
FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) a (number, runs, ts) WHERE logs.number = a.number"""
_SEEN: LiteralString = """
UPDATE sensors SET seen = greatest(seen, a.at), version = a.version, clock_ms = a.clock
FROM unnest(%s::text[], %s::timestamptz[], %s::text[], %s::bigint[]) a (key, at, version, clock)
WHERE sensors.key = a.key"""


class IntakeResult(NamedTuple):
    """The result of a message. ``reason``: of the quarantine, empty: committed; ``wanted``: number after which the
    operator requests the log again.
    """

    message: Message
    reason: str = ""
    wanted: int | None = None


class _Sensor(NamedTuple):
    key: str
    number: int
    state: str
    site: str
    ids: list[str]
    sites: list[str]


class _Log(NamedTuple):
    number: int
    held: set[int]
    wanted: int | None


class Intake:
    """Used by one thread. ``events``: number of events added."""

    def __init__(self, base: Connection) -> None:
        self._base = base
        self.events = 0

    def take(self, messages: Sequence[Message]) -> list[IntakeResult]:
        """Store messages and commit. Raises psycopg.OperationalError if the database is unreachable; either all
        messages were stored or none, which their redelivery resolves.
        """
        batches: list[Batch] = []
        refused: list[tuple[Message, Quarantined]] = []
        try:
            with no_collection():
                for message in messages:
                    try:
                        batches.append(opened(message))
                    except Quarantined as error:
                        refused.append((message, error))
                return self._committed(batches, refused)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            if len(messages) > 1:
                return [outcome for message in messages for outcome in self.take([message])]
            reason = error.diag.message_primary or type(error).__name__
            return self.set_aside(messages[0], Quarantined("database_refused", reason))

    def set_aside(self, message: Message, error: Quarantined) -> list[IntakeResult]:
        """Put a message into the quarantine."""
        return self._committed([], [(message, error)])

    def _committed(self, batches: list[Batch], refused: list[tuple[Message, Quarantined]]) -> list[IntakeResult]:
        self._make_partitions(batches)
        with self._base.transaction():
            sensors = self._sensors({batch.message.key for batch in batches})
            known = []
            for batch in batches:
                try:
                    _check_identity(batch, sensors.get(batch.message.key))
                    known.append(batch)
                except Quarantined as error:
                    refused.append((batch.message, error))
            logs = self._logs(known)
            taken, placed = self._new(known, logs, sensors, refused)
            closed = self.save(placed)
            self._note(taken, logs)
            put_in_quarantine(self._base, refused)
        if closed:
            list_open_ones(self._base, closed)
        self.events += len(placed)
        wanted = {id(batch): logs[_log_key(batch)].wanted for batch in taken}
        return [IntakeResult(batch.message, "", wanted[id(batch)]) for batch in taken] + [
            IntakeResult(message, error.reason) for message, error in refused
        ]

    def _make_partitions(self, batches: Iterable[Batch]) -> None:
        """In a separate transaction: it locks the whole table for a moment."""
        months = {(event.ts.year, event.ts.month) for batch in batches for event in batch.events}
        if months:
            times = [datetime(year, month, 1, tzinfo=UTC) for year, month in months]
            ensure_partitions(self._base, times, max(batch.message.received for batch in batches))

    def _sensors(self, keys: Iterable[str]) -> dict[str, _Sensor]:
        return {row[0]: _Sensor(*row) for row in self._base.execute(_SENSORS, [sorted(keys)])}

    def _logs(self, batches: Sequence[Batch]) -> dict[tuple[str, str], _Log]:
        """The logs of the batches, with those numbers of the batches that are stored."""
        runs: defaultdict[tuple[str, str], list[Run]] = defaultdict(list)
        for batch in batches:
            runs[_log_key(batch)] += batch.head.runs
        if not runs:
            return {}
        filtered = {_log_key(batch): batch.head.filtered for batch in batches}
        keys, epochs = [key for key, _ in runs], [epoch for _, epoch in runs]
        self._base.execute(_NEW_LOGS, [keys, epochs, [filtered[key] for key in runs]])
        found = self._base.execute(_LOGS, [keys, epochs, [multirange(each) for each in runs.values()]])
        return {(row[0], row[1]): _Log(row[2], set(numbers_of(row[3])), row[4]) for row in found}

    def _new(
        self,
        batches: Sequence[Batch],
        logs: dict[tuple[str, str], _Log],
        sensors: dict[str, _Sensor],
        refused: list[tuple[Message, Quarantined]],
    ) -> tuple[list[Batch], list[Placed]]:
        """Accepted batches, and their events that are not stored yet."""
        held, several = self._held(logs, sensors), Counter(map(_log_key, batches))
        taken, placed = [], []
        for batch in batches:
            log = logs[_log_key(batch)]
            known = [event for event in batch.events if event.seq in log.held]
            if any(held.get((log.number, event.seq), event.line.id) != event.line.id for event in known):
                detail = f"other events are stored with the numbers {known[0].seq} to {known[-1].seq} of this log"
                refused.append((batch.message, Quarantined("fork", detail)))
                continue
            sensor = sensors[batch.message.key]
            origin = Origin(sensor.number, sensor.site, log.number)
            fresh = [event for event in batch.events if event.seq not in log.held]
            placed += [(origin, event) for event in fresh]
            log.held.update(event.seq for event in fresh)
            if several[_log_key(batch)] > 1:  # another batch of this transaction may have the same numbers
                held |= {(log.number, event.seq): event.line.id for event in fresh}
            taken.append(batch)
        return taken, placed

    def _held(self, logs: dict[tuple[str, str], _Log], known: dict[str, _Sensor]) -> dict[tuple[int, int], str]:
        """Ids of the stored events with some of the numbers; events removed by retention have none."""
        some = {key: log for key, log in logs.items() if log.held}
        if not some:
            return {}
        sensors = [known[key].number for key, _ in some]
        numbers = sorted(set().union(*(log.held for log in some.values())))
        found = self._base.execute(_HELD, [sensors, [log.number for log in some.values()], numbers])
        return {(row[0], row[1]): row[2] for row in found}

    def save(self, placed: Sequence[Placed]) -> list[tuple[int, str]]:
        """Within a transaction: store new events, and the last states that they change. Returns the alerts that they
        close: sensor and id.
        """
        if not placed:
            return []
        self._add_events(encoded_events(placed))
        devices, alerts, incidents = rows.state_rows(placed)
        write_states(self._base, [(DEVICES, devices), (ALERTS, alerts), (INCIDENTS, incidents)])
        return [(row[0], row[1]) for row in alerts if row[rows.CLOSED]]

    def _add_events(self, new: bytearray) -> None:
        """Copy directly into the table; through a temporary table only if some are stored under another epoch."""
        try:
            with self._base.transaction():
                copy_encoded(self._base, "events", EVENTS, new)
        except psycopg.errors.UniqueViolation:
            temporary(self._base, "new_events", "events", EVENTS)
            copy_encoded(self._base, "new_events", EVENTS, new)
            self._base.execute("INSERT INTO events SELECT * FROM new_events ON CONFLICT DO NOTHING")

    def _note(self, taken: Sequence[Batch], logs: dict[tuple[str, str], _Log]) -> None:
        """Record committed numbers, and when each sensor was seen."""
        if not taken:
            return
        runs: defaultdict[int, list[Run]] = defaultdict(list)
        last: dict[int, datetime] = {}
        seen: dict[str, Batch] = {}
        for batch in taken:
            number = logs[_log_key(batch)].number
            runs[number] += batch.head.runs
            last[number] = max([event.ts for event in batch.events] + [last.get(number, batch.events[0].ts)])
            before = seen.get(batch.message.key)
            if before is None or before.message.received <= batch.message.received:
                seen[batch.message.key] = batch
        numbers = list(runs)
        self._base.execute(
            _COMMIT, [numbers, [multirange(runs[number]) for number in numbers], [last[number] for number in numbers]]
        )
        self._base.execute(_SEEN, _seen_columns(seen))


def _seen_columns(seen: dict[str, Batch]) -> list[list[Any]]:
    batches = list(seen.values())
    return [
        list(seen),
        [batch.message.received for batch in batches],
        [batch.head.version[:64].replace("\0", "") for batch in batches],
        [batch.head.sent_ns // 1_000_000 - round(batch.message.received.timestamp() * 1000) for batch in batches],
    ]


def _check_identity(batch: Batch, sensor: _Sensor | None) -> None:
    """Check that the content of a batch matches the credential that sent it."""
    if sensor is None:
        raise Quarantined("unknown_sensor", "no sensor joined with this key")
    if sensor.state != "approved":
        raise Quarantined("not_approved", f"the sensor is {sensor.state}")
    for name, site in {(event.line.sensor.id, event.line.sensor.site) for event in batch.events}:
        if name not in sensor.ids:
            raise Quarantined("foreign_identity", f"events of the sensor {name!r}, expected {sensor.ids[0]!r}")
        if site not in sensor.sites:
            raise Quarantined("foreign_identity", f"events of the site {site!r}, expected {sensor.sites[0]!r}")


def _log_key(batch: Batch) -> tuple[str, str]:
    return batch.message.key, batch.head.epoch


def multirange(runs: Iterable[Run]) -> str:
    """Runs as text of a multirange."""
    ranges = ",".join(f"[{first},{last}]" for first, last in runs)
    return f"{{{ranges}}}"


def numbers_of(text: str) -> Iterable[int]:
    """The numbers of a multirange in PostgreSQL's text form, ``{[1,4),[7,8)}``."""
    for part in filter(None, text.strip("{}").replace("),", ")").split(")")):
        first, _, end = part.strip("[").partition(",")
        yield from range(int(first), int(end))
