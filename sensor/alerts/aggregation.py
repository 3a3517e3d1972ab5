"""Aggregation of alerts: folds repeats of a finding into one alert with a count, and reports the alert again only when
it changes.

The first finding of a key is reported as ``open``. Repeats within ``suppression`` of the last one update the count, the
last time, the targets and, if higher, the severity; they are reported as ``update`` when the severity rose, when the
count is ten times the reported one, or after five minutes. An alert without repeats for the whole ``suppression`` is
reported as ``close``, with its final count. Alerts below medium are often about settings, and stay open from one
workday to the next. At the end of a run, unreported changes are reported once, and the alerts stay open. Packet time
drives it; the number of keys and of alerts per packet is limited.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain

import msgspec

from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import NEVER, TARGETS_LIMIT
from sensor.core.named_tables import NamedTables
from sensor.core.observation import Subject
from sensor.core.time_units import DAY, HOUR, SECOND

KEYS_LIMIT = 65536
PACKET_LIMIT = 64
PROOF_LIMIT = TECHNIQUES_LIMIT = 8
# More than the hour after which many detections report again what goes on: it remains one alert.
SUPPRESSION = 2 * HOUR
# Of alerts below medium: more than a weekend with a holiday.
LOW_SUPPRESSION = 4 * DAY
UPDATE_EVERY = 300 * SECOND
MANY_TIMES = 10
# Alerts below medium have a quarter of the keys: a flood of them does not evict others.
LOW_SHARE = 4

Filed = list[tuple[str, Alert]]


class _Case(msgspec.Struct):
    """An alert in its current state, with time, count and severity of its last report. ``news``: it has changes to
    report in the next second.
    """

    alert: Alert
    reported: int
    reported_count: int
    reported_severity: int
    news: bool = False

    @property
    def unreported(self) -> bool:
        return self.alert.count != self.reported_count or self.alert.severity != self.reported_severity

    def report(self, now: int, action: str = "update") -> tuple[str, Alert]:
        self.reported = now
        self.reported_count = self.alert.count
        self.reported_severity = self.alert.severity
        self.news = False
        return action, self.alert


class AlertAggregator:
    """``folded``: repeats that increased a count; ``dropped``: alerts beyond the limit per packet."""

    def __init__(
        self, suppression: int = SUPPRESSION, keys: int = KEYS_LIMIT, low_suppression: int = LOW_SUPPRESSION
    ) -> None:
        """``suppression``: ns after the last repeat until the same finding opens a new alert; ``low_suppression``: the
        same of alerts below medium, if it is longer.
        """
        self.suppression, self.low_suppression = suppression, max(suppression, low_suppression)
        self.folded = self.dropped = 0
        self.tables = NamedTables()
        # Each in the order of the last repeat, which is the order in which they close.
        self._cases: Bounded[str, _Case] = self.tables.add("open", Bounded(keys - keys // LOW_SHARE))
        self._low: Bounded[str, _Case] = self.tables.add("open_low", Bounded(max(1, keys // LOW_SHARE)))
        self._news: Bounded[str, int] = self.tables.add("changed", Bounded(keys))
        self._packet, self._of_packet = -1, 0
        # Packet time (ns) before which ``tick`` has nothing to do; 0: alerts changed since the last call.
        self.due = 0

    def __len__(self) -> int:
        return len(self._cases) + len(self._low)

    def alerts(self) -> Iterator[Alert]:
        """All open alerts."""
        return (case.alert for case in self._all())

    def severities(self) -> Counter[str]:
        """Number of open alerts by severity. Iterates over all of them."""
        return Counter(case.alert.severity.name for case in self._all())

    def take(self, alert: Alert) -> Filed:
        """File an alert; returns what to report now: nothing, or (``open`` or ``update``, the alert in its present
        state).
        """
        self.due = 0
        if alert.ts != self._packet:
            self._packet, self._of_packet = alert.ts, 0
        self._of_packet += 1
        if self._of_packet > PACKET_LIMIT:
            self.dropped += 1
            return []
        case = self._case(alert.key)
        if case is None:
            return self._open(alert)
        kept, suppression = self._place(case.alert.severity)
        if abs(alert.ts - case.alert.ts) >= suppression:
            kept.pop(alert.key)
            return [case.report(alert.ts, "close"), *self._open(alert)]
        self.folded += 1
        case.alert = _joined(case.alert, alert)
        if self._place(case.alert.severity)[0] is not kept:
            kept.pop(alert.key)
        return self._kept(case) + self._repeat(case, alert.ts)

    def tick(self, now: int) -> Filed:
        """Advance packet time: reports changes that waited for the next second, and closes alerts without repeats for
        the whole suppression.
        """
        filed: Filed = []
        while (waiting := self._news.oldest()) and now - waiting[1] >= SECOND:
            self._news.pop(waiting[0])
            case = self._case(waiting[0])
            if case and case.news:
                filed.append(case.report(now))
        self.due = waiting[1] + SECOND if waiting else NEVER
        for kept, suppression in ((self._cases, self.suppression), (self._low, self.low_suppression)):
            while (oldest := kept.oldest()) and now - oldest[1].alert.ts >= suppression:
                kept.pop(oldest[0])
                filed.append(oldest[1].report(now, "close"))
            self.due = min(self.due, oldest[1].alert.ts + suppression if oldest else NEVER)
        return filed

    def suppress(self, suppression: int, low_suppression: int = LOW_SUPPRESSION) -> None:
        """Set the times (ns) after the last repeat until the same finding opens a new alert."""
        self.suppression, self.low_suppression, self.due = suppression, max(suppression, low_suppression), 0

    def close(self, name: str, name_of: Callable[[Alert], str]) -> Filed:
        """Close an alert by its id, on behalf of the operator: it is reported as closed, and a repeat opens a new
        alert. Returns nothing if no alert with that id is open.
        """
        self.due = 0
        for case in self._all():
            if name_of(case.alert) == name:
                self._place(case.alert.severity)[0].pop(case.alert.key)
                return [case.report(case.alert.ts, "close")]
        return []

    def restore(self, alert: Alert) -> str | None:
        """Restore an alert that was open at the end of an earlier run, as it was last reported. Returns the key of the
        alert that it evicts.
        """
        self.due = 0
        case = _Case(alert, alert.ts, alert.count, alert.severity)
        evicted = self._place(alert.severity)[0].put(alert.key, case)
        return evicted[0] if evicted else None

    def remove(self, chosen: Callable[[Alert], bool]) -> list[str]:
        """Remove alerts without a report; returns their keys."""
        found = [case.alert for case in self._all() if chosen(case.alert)]
        for alert in found:
            self._place(alert.severity)[0].pop(alert.key)
        return [alert.key for alert in found]

    def finish(self, now: int) -> Filed:
        """End of the run: report every count that changed since its last report."""
        return [case.report(now) for case in self._all() if case.unreported]

    def _open(self, alert: Alert) -> Filed:
        return [*self._kept(_Case(alert, alert.ts, alert.count, alert.severity)), ("open", alert)]

    def _kept(self, case: _Case) -> Filed:
        """Store an alert as the last repeated one; returns the one that it evicts, as closed."""
        went = self._place(case.alert.severity)[0].put(case.alert.key, case)
        return [went[1].report(case.alert.ts, "close")] if went else []

    def _case(self, key: str) -> _Case | None:
        return self._cases.get(key) or self._low.get(key)

    def _place(self, severity: Severity) -> tuple[Bounded[str, _Case], int]:
        """The table of alerts of a severity, and their suppression."""
        return (self._cases, self.suppression) if severity >= Severity.medium else (self._low, self.low_suppression)

    def _all(self) -> Iterator[_Case]:
        return chain(self._cases.values(), self._low.values())

    def _repeat(self, case: _Case, now: int) -> Filed:
        """Report a repeat if it is due. Changes within a second of the last report wait for ``tick``."""
        since = abs(now - case.reported)
        if (
            case.alert.severity <= case.reported_severity
            and case.alert.count < MANY_TIMES * case.reported_count
            and since < UPDATE_EVERY
        ):
            return []
        if since >= SECOND:
            return [case.report(now)]
        if not case.news:
            case.news = True
            self._news.put(case.alert.key, case.reported)
        return []


def _joined(old: Alert, new: Alert) -> Alert:
    """Two alerts merged: texts and numbers of the more severe, or else the newer; first time, count, techniques,
    targets and proof of both.
    """
    worse = new if new.severity >= old.severity else old
    targets: dict[Subject, None] = dict.fromkeys(old.targets) | dict.fromkeys(new.targets)
    return msgspec.structs.replace(
        worse,
        ts=max(old.ts, new.ts),
        first=min(old.first, new.first),
        count=old.count + new.count,
        confidence=max(old.confidence, new.confidence),
        techniques=tuple(dict.fromkeys(worse.techniques + old.techniques))[:TECHNIQUES_LIMIT],
        targets=tuple(targets)[:TARGETS_LIMIT],
        proof=(old.proof + new.proof)[:PROOF_LIMIT],
        terms={
            name: max(old.terms.get(name, points), new.terms.get(name, points))
            for name, points in (old.terms | new.terms).items()
        },
    )
