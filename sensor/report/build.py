"""Builds the report, as plain values, from a site and its event log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sensor.core.foreign import host_of
from sensor.core.reader import clean
from sensor.core.recommendation import REIDENTIFIED
from sensor.posture.paths.paths import attack_paths
from sensor.posture.scores.exposure import Exposures, exposures
from sensor.posture.scores.trend import Day as TrendDay
from sensor.posture.site import Site
from sensor.posture.tickets.grouping import tickets_of
from sensor.posture.tickets.ledger import Ledger
from sensor.posture.tickets.model import Ticket
from sensor.posture.tickets.policy import Policy
from sensor.posture.tickets.progress import noted
from sensor.posture.vulnerabilities.sources import STALE_DAYS
from sensor.posture.vulnerabilities.sources import Source as Imported
from sensor.report.attack import reported_paths
from sensor.report.conversations import conversations_of
from sensor.report.difference import difference
from sensor.report.headline import headline
from sensor.report.inventory import devices_of, findings_of, score_of
from sensor.report.model import FORMAT, VERSION, Day, Done, Feed, Period, Report, Watched, Work
from sensor.report.period import PeriodSpec, is_time, moment, text_of
from sensor.report.period_events import alerts_of, changes_of, incidents_of
from sensor.report.proofs import Proofs
from sensor.report.story import Story

STEPS_SHOWN, WHY_SHOWN = 8, 4


class Listed(NamedTuple):
    """A threat list. ``fetched``: last update, empty if never."""

    name: str
    entries: int
    fetched: str


class Sources(NamedTuple):
    """Inputs of a report. ``story``: events of the log, collected while the site was read; ``policy``, ``ledger``: of
    tickets; ``feeds``: of vulnerabilities, ``lists``: of threats; ``days``: stored scores; ``older``: the report to
    compare with.
    """

    site: Site
    story: Story
    policy: Policy = Policy()
    ledger: Ledger = Ledger()
    feeds: Sequence[Imported] = ()
    lists: Sequence[Listed] = ()
    days: Sequence[TrendDay] = ()
    older: Report | None = None


def report_of(sources: Sources, period_spec: PeriodSpec) -> Report:
    """The complete report, deterministic: its time is that of the site."""
    site, story, proofs = sources.site, sources.story, Proofs()
    now = site.now if is_time(site.now) else story.last
    period = _spec(period_spec, sources.older).resolve(story.first or _first(site), now)
    scores = exposures(site)
    devices = devices_of(site, story, period, scores.devices, proofs)
    findings = findings_of(site, devices, proofs)
    alerts, alerts_left_out = alerts_of(site.alerts, period, proofs)
    changes, changes_left_out = changes_of(devices, story, period)
    tickets = tickets_of(site, sources.policy, sources.ledger.first())
    report = Report(
        format=FORMAT,
        version=VERSION,
        made=now,
        sensor=story.sensor,
        program=story.program,
        period=period,
        score=score_of(scores.site),
        work=[_work(ticket) for ticket in tickets],
        done=_finished(sources, tickets, period),
        changes=changes,
        changes_left_out=changes_left_out,
        devices=devices,
        findings=findings,
        incidents=incidents_of(site.incidents, period),
        alerts=alerts,
        alerts_left_out=alerts_left_out,
        paths=reported_paths(attack_paths(site)),
        conversations=conversations_of(site),
        trend=_trend(sources.days, _last_day(min(period.until, now)), scores),
        watched=_watched(sources, period),
        proofs=proofs.all,
    )
    report.difference = difference(sources.older, report) if sources.older is not None else None
    report.headline = headline(report)
    return report


def _spec(requested: PeriodSpec, older: Report | None) -> PeriodSpec:
    """The requested period; otherwise the time since the older report."""
    if older is None or requested != PeriodSpec():
        return requested
    return PeriodSpec(since=older.period.until, label=f"since the last report, of {older.period.until[:10]}")


def _finished(sources: Sources, tickets: Sequence[Ticket], period: Period) -> list[Done]:
    """Work finished in the period, in order of time."""
    done = [*_done(noted(sources.ledger, tickets, sources.site), period), *_closed(sources.site, period)]
    return sorted(done, key=lambda one: (one.when, one.id))


def _first(site: Site) -> str:
    """First sighting of any device."""
    return min((node.first_seen for node in site.nodes.values() if is_time(node.first_seen)), default="")


def _work(ticket: Ticket) -> Work:
    return Work(
        id=ticket.id,
        title=ticket.title,
        severity=ticket.severity.name,
        points=round(ticket.points, 1),
        devices=[one.id for one in ticket.devices],
        findings=list(ticket.names),
        why=list(ticket.why[:WHY_SHOWN]),
        steps=[f"{step.maker}: {step.text}" if step.maker else step.text for step in ticket.steps[:STEPS_SHOWN]],
        test=ticket.test,
        priority=ticket.priority,
        owner=ticket.owner,
        due=ticket.due,
    )


def _last_day(until: str) -> str:
    """The day before a midnight, otherwise the day of a time; empty without one."""
    return text_of(moment(until) - timedelta(microseconds=1))[:10] if is_time(until) else ""


def _trend(days: Sequence[TrendDay], today: str, scores: Exposures) -> list[Day]:
    """The stored scores until today, with today's score if it is not stored yet."""
    past = [Day(day=one.day, points=one.points, devices=sum(one.devices.values())) for one in days if one.day <= today]
    fresh = (
        [Day(day=today, points=round(scores.site.points, 1), devices=len(scores.devices))]
        if past and past[-1].day < today
        else []
    )
    return past + fresh


def _closed(site: Site, period: Period) -> Iterator[Done]:
    """Recommendations that later traffic closed. One that continues for the same device under another id is no fix."""
    for record in site.recommendations:
        body, src, when = _part(record, "recommendation"), _part(record, "src"), record.get("ts")
        if record.get("action") != "close" or _text(body.get("closed")).startswith(REIDENTIFIED):
            continue
        if is_time(when) and period.since <= str(when) <= period.until:
            where = _text(host_of(src)) + (f" ({name})" if (name := _text(src.get("hostname"))) else "")
            yield Done(
                id=_text(body.get("id")),
                title=f"{_text(body.get('title'))}: {where}",
                when=str(when),
                why=_text(body.get("closed")),
            )


def _part(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return clean(value, 512) if isinstance(value, str) else ""


def _done(ledger: Ledger, period: Period) -> Iterator[Done]:
    """Tickets with nothing left to fix."""
    for name, note in ledger.tickets.items():
        if is_time(note.done) and period.since <= note.done <= period.until:
            yield Done(id=name, title=clean(note.title, 160), when=note.done)


def _watched(sources: Sources, period: Period) -> Watched:
    story = sources.story
    return Watched(
        since=story.first,
        until=story.last,
        sources=story.sources(period),
        health=story.health(period),
        feeds=list(_feeds(sources, period.until)),
        notes=list(_notes(sources, period)),
    )


def _feeds(sources: Sources, until: str) -> Iterator[Feed]:
    """Age of feeds at the end of the report; newer ones have age 0."""
    if not is_time(until):
        return
    for feed in sources.feeds:
        days = feed.age_days(moment(until))
        yield Feed(name=feed.name, kind="vulnerabilities", entries=feed.entries, days=days, stale=days > STALE_DAYS)
    for one in sources.lists:
        fetched = moment(one.fetched) if one.fetched else moment(until)
        days = max((moment(until) - (fetched if fetched.tzinfo else fetched.replace(tzinfo=UTC))).days, 0)
        yield Feed(
            name=one.name, kind="threats", entries=one.entries, days=days, stale=days > STALE_DAYS or not one.fetched
        )


def _notes(sources: Sources, period: Period) -> Iterator[str]:
    """Limits of the report's data."""
    site, story = sources.site, sources.story
    if not story.first:
        yield "No log was read: changes of devices, capture quality and evidence are unknown."
    elif period.since < story.first:
        yield f"The log begins at {story.first[:16]}Z, after the beginning of the period: earlier events are missing."
    if story.last and not story.later and story.last < period.until:
        yield f"The log ends at {story.last[:16]}Z, before the end of the period: later events are missing."
    if story.later:
        yield (
            "The log continues after the end of the period: devices from the inventory are as of now, "
            "everything else as of the end of the period."
        )
    if site.seen.habits is None:
        yield (
            "No baseline was read: communication between devices is unknown; specify the folder of an "
            "inventory with --state."
        )
    elif site.seen.watched[0]:
        since, last = (datetime.fromtimestamp(ts / 1e9, UTC) for ts in site.seen.watched)
        hours = (last - since).total_seconds() / 3600
        yield (f"Conversations were learned in {hours:,.1f} hours of monitoring; less frequent ones are missing.")
    if not sources.feeds:
        yield "No list of vulnerabilities was imported (`sensor vulns import`): only the built-in set was used."
