"""Incidents: groups the alerts of one actor, and of the hosts that it may have compromised.

An alert joins the incident of its actor, and stays in it if its actor changes, as in a flood from many sources. If the
actor has none but was the target of one, in an alert that may have compromised it, the alert joins that incident: a
chain. An incident is reported (``open``) when it contains an alert of medium or higher severity, or three different
alerts; each further alert and each rise in severity is an ``update``, at most one a second; an incident without alerts
for the whole ``gap`` is reported as ``close``. Packet time drives it, and everything is limited in size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import NEVER
from sensor.core.device import Device
from sensor.core.device_text import device_text, endpoint_text
from sensor.core.incident import Chapter, Incident
from sensor.core.named_tables import NamedTables
from sensor.core.observation import Subject
from sensor.core.phrases import counted
from sensor.core.risk import risk
from sensor.core.time_units import HOUR, SECOND

GAP = 2 * HOUR
CASES_LIMIT, PARTIES_LIMIT = 8192, 32768
# Hosts of an incident by which it can be found again.
PARTIES = 8
STORY_LIMIT, ACTORS_LIMIT, TARGETS_LIMIT = 32, 16, 64
# This many different alerts below medium are reported as an incident too.
MANY = 3
NAMED_LIMIT = 4
# First words of titles that are names.
NAMES = frozenset(("Kerberos", "Smurf", "Windows", "Zerologon"))
# Tactics after which a target may act for the attacker. A host that was merely scanned does not.
TAKING_OVER = frozenset(
    (
        "initial-access",
        "execution",
        "credential-access",
        "lateral-movement",
        "persistence",
        "privilege-escalation",
        "command-and-control",
    )
)

Filed = list[tuple[str, Incident]]


class _Case(msgspec.Struct, eq=False):
    """An incident in progress. ``reported``: time of the last report, ns, or -1; ``news``: it has changes to report in
    the next second; ``stale``: it changed since; ``grown``: alerts of another case were added since.
    """

    incident: Incident
    reported: int = -1
    news: bool = False
    stale: bool = False
    grown: bool = False


class Incidents:
    """``device`` returns the device of an endpoint, which identifies a host across addresses."""

    def __init__(self, device: Callable[[Subject], Device | None], gap: int = GAP, cases: int = CASES_LIMIT) -> None:
        """``gap``: ns without alerts that end an incident."""
        self.gap = gap
        self._device = device
        self.tables = NamedTables()
        self._cases: Bounded[str, _Case] = self.tables.add("open", Bounded(cases))
        # Host → key of the case in which it is the actor, or a target; alert → key of its case.
        parties = min(PARTIES_LIMIT, PARTIES * cases)
        self._acting: Bounded[str, str] = self.tables.add("actors", Bounded(parties))
        self._hit: Bounded[str, str] = self.tables.add("targets", Bounded(parties))
        self._news: Bounded[str, int] = self.tables.add("changed", Bounded(cases))
        # Packet time (ns) before which ``tick`` has nothing to do; 0: incidents changed since the last call.
        self.due = 0

    def __len__(self) -> int:
        return len(self._cases)

    def reported(self) -> Iterator[Incident]:
        """All open incidents that were reported."""
        return (case.incident for case in self._cases.values() if case.reported >= 0)

    def take(self, action: str, name: str, alert: Alert) -> Filed:
        """Add an alert that was just reported (``open`` or ``update``), by its id; returns the incidents to report."""
        self.due = 0
        # A repeat of an alert that an earlier incident had belongs to this one from now on.
        begun = alert.first if action == "open" else alert.ts
        case, filed = self._case_of(name, alert, begun)
        incident = case.incident
        fresh = self._write_down(incident, name, alert, begun)
        incident.left_out += action == "open" and not fresh
        more_severe = alert.severity > incident.severity
        incident.severity, incident.risk = max(incident.severity, alert.severity), max(incident.risk, risk(alert))
        incident.ts = max(incident.ts, alert.ts)
        incident.summary = self._sentence(incident)
        if case.reported < 0:
            return filed + (
                self._report("open", case, alert.ts)
                if incident.severity >= Severity.medium or incident.count >= MANY
                else []
            )
        if not (fresh or more_severe or case.grown):
            case.stale = True
            return filed
        if abs(alert.ts - case.reported) >= SECOND:
            return filed + self._report("update", case, alert.ts)
        if not case.news:
            case.news = True
            self._news.put(incident.key, case.reported)
        return filed

    def tick(self, now: int) -> Filed:
        """Advance packet time: report changes that waited for the next second, and close incidents without alerts for
        the whole gap.
        """
        filed: Filed = []
        while (waiting := self._news.oldest()) and now - waiting[1] >= SECOND:
            self._news.pop(waiting[0])
            filed += self._late(waiting[0], now)
        while (oldest := self._cases.oldest()) and now - oldest[1].incident.ts >= self.gap:
            self._cases.pop(oldest[0])
            filed += self._close(oldest[1])
        self.due = min(waiting[1] + SECOND if waiting else NEVER, oldest[1].incident.ts + self.gap if oldest else NEVER)
        return filed

    def end_after(self, gap: int) -> None:
        """Set the time (ns) without alerts that ends an incident."""
        self.gap, self.due = gap, 0

    def hit(self, incident: Incident) -> tuple[str, ...]:
        """The names of the hosts that the incident may have compromised."""
        names = dict.fromkeys(map(self._party, incident.targets))
        return tuple([name for name in names if self._hit.get(name) == incident.key])

    def restore(self, incident: Incident, hit: Iterable[str]) -> str | None:
        """Restore an incident that was reported and open at the end of an earlier run. ``hit``: see above. Returns the
        key of the incident that it evicts.
        """
        self.due = 0
        for name in (*map(self._party, incident.actors), *(chapter.alert for chapter in incident.story)):
            self._acting.put(name, incident.key)
        for name in hit:
            self._hit.put(name, incident.key)
        evicted = self._cases.put(incident.key, _Case(incident, incident.ts))
        return evicted[0] if evicted else None

    def remove(self, chosen: Callable[[Incident], bool]) -> list[str]:
        """Remove incidents without a report; returns their keys."""
        found = [case.incident.key for case in self._cases.values() if chosen(case.incident)]
        for key in found:
            self._cases.pop(key)
        return found

    def finish(self, now: int) -> Filed:
        """End of the run: report changes since the last report. Open incidents stay open."""
        return [
            report
            for case in self._cases.values()
            if case.reported >= 0 and (case.news or case.stale)
            for report in self._report("update", case, now)
        ]

    # Finding the incident of an alert.

    def _case_of(self, name: str, alert: Alert, begun: int) -> tuple[_Case, Filed]:
        """The case that the alert belongs to, and incidents that had to be closed for it."""
        names = self._names(alert.actor)
        case, filed = self._found(self._acting, (name, *names), alert.ts)
        if alert.severity >= Severity.medium and (case is None or case.reported < 0):
            chain, closed = self._found(self._hit, names, alert.ts)
            filed += closed
            if case is not None and chain is not None and chain is not case:
                self._absorb(chain, case)
            case = chain or case
        if case is None:
            case = _Case(Incident(f"{names[0]}#{begun}", begun, alert.ts, alert.severity, 0, [], {}, []))
        went = self._cases.put(case.incident.key, case)
        for one in (name, names[0]):
            self._acting.put(one, case.incident.key)
        return case, filed + (self._close(went[1]) if went else [])

    def _absorb(self, case: _Case, other: _Case) -> None:
        """Add a case of slight alerts, which was never reported, to the incident in which its host was taken over."""
        incident, slight, case.grown = case.incident, other.incident, True
        self._cases.pop(slight.key)
        incident.first, incident.left_out = min(incident.first, slight.first), incident.left_out + slight.left_out
        for name in (*map(self._party, slight.actors), *(chapter.alert for chapter in slight.story)):
            self._acting.put(name, incident.key)
        for chapter in slight.story:
            if len(incident.story) < STORY_LIMIT:
                incident.story.append(chapter)
            else:
                incident.left_out += 1
        incident.targets = dict.fromkeys(list(incident.targets | slight.targets)[:TARGETS_LIMIT])

    def _found(self, table: Bounded[str, str], names: Iterable[str], now: int) -> tuple[_Case | None, Filed]:
        """The case of a host in a table, under the first of its names that has one."""
        filed: Filed = []
        for name in names:
            case, closed = self._living(table.get(name), now)
            filed += closed
            if case is not None:
                return case, filed
        return None, filed

    def _living(self, key: str | None, now: int) -> tuple[_Case | None, Filed]:
        """A case by its key; a case without alerts for too long is closed."""
        case = self._cases.get(key) if key is not None else None
        if case is None or abs(now - case.incident.ts) < self.gap:
            return case, []
        self._cases.pop(case.incident.key)
        return None, self._close(case)

    def _names(self, subject: Subject) -> tuple[str, ...]:
        """The names of a host: the id of its device, regardless of its address, and the address, under which it is
        listed if it became a device later, as an attacker that has just connected.
        """
        device, place = self._device(subject), endpoint_text(subject)
        return (place,) if device is None else (device.id, place)

    def _party(self, subject: Subject) -> str:
        """One name for a host, regardless of its address."""
        return self._names(subject)[0]

    # The content of an incident.

    def _write_down(self, incident: Incident, name: str, alert: Alert, begun: int) -> bool:
        """Add an alert to the incident, with the time from which it belongs to it; returns whether it is new there."""
        if all(self._party(actor) != self._party(alert.actor) for actor in incident.actors):
            del incident.actors[ACTORS_LIMIT - 1 :]  # the first remains, and the current one is added
            incident.actors.append(alert.actor)
        incident.targets = dict.fromkeys(list(incident.targets | dict.fromkeys(alert.targets))[:TARGETS_LIMIT])
        if alert.severity >= Severity.medium and any(technique.tactic in TAKING_OVER for technique in alert.techniques):
            for target in alert.targets:
                self._hit.put(self._party(target), incident.key)
        written = Chapter(
            begun,
            name,
            alert.detector,
            alert.title,
            alert.severity,
            alert.summary,
            alert.techniques,
            alert.actor,
            alert.count,
        )
        for place, chapter in enumerate(incident.story):
            if chapter.alert == name:
                incident.story[place] = msgspec.structs.replace(written, ts=chapter.ts)
                return False
        if len(incident.story) >= STORY_LIMIT:
            return False
        incident.story.append(written)
        incident.story.sort(key=lambda chapter: (chapter.ts, chapter.alert))
        return True

    def _sentence(self, incident: Incident) -> str:
        """``workstation tp-lab (10.20.10.8): address scan, then port scan; 50 targets within 3 minutes``; for a single
        alert, its summary.
        """
        if incident.count == 1:
            return incident.story[0].summary
        titles = list(dict.fromkeys(chapter.title for chapter in incident.story))
        more = f" and {len(titles) - NAMED_LIMIT} more" if len(titles) > NAMED_LIMIT else ""
        phrase = ", then ".join(map(_within_sentence, titles[:NAMED_LIMIT]))
        who = ", then ".join(device_text(self._device(actor), actor) for actor in incident.actors[:NAMED_LIMIT])
        reach = counted(len(incident.targets), "target")
        return f"{who}: {phrase}{more}; {reach}{_within(incident.ts - incident.first)}"

    # Texts.

    def _report(self, action: str, case: _Case, now: int) -> Filed:
        case.reported, case.news, case.stale, case.grown = now, False, False, False
        return [(action, case.incident)]

    def _late(self, key: str, now: int) -> Filed:
        case = self._cases.get(key)
        return self._report("update", case, now) if case is not None and case.news else []

    def _close(self, case: _Case) -> Filed:
        return [("close", case.incident)] if case.reported >= 0 else []


def _within_sentence(title: str) -> str:
    """``address scan`` for ``Address scan``; names such as Kerberos, PsExec and C2 keep their capital."""
    first = title.partition(" ")[0]
    return title if first in NAMES or not first[1:].islower() else title[:1].lower() + title[1:]


def _within(span: int) -> str:
    """A duration as text."""
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        number = round(span / SECOND / size)
        if number >= 1:
            return f" within {counted(number, word)}"
    return ""
