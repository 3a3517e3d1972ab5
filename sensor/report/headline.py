"""Headline: the state of the network in a few plain sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sensor.core.phrases import counted
from sensor.core.severities import SEVERITIES
from sensor.report.model import Finding, Report
from sensor.report.period import moment
from sensor.report.period_events import unhandled
from sensor.report.phrases import clock, kinds, listed, sentence, shorter

TYPES_NAMED = 4
SEVERE = ("high", "critical")
# Share of the period that may be without data.
UNCOVERED = 0.05


def headline(report: Report) -> list[str]:
    """Missing data, devices, most severe weaknesses, events, and work done since the last report."""
    return [*_uncovered(report), *_network(report), *_worst(report), *_happened(report), *_done(report)]


def _uncovered(report: Report) -> Iterator[str]:
    """A warning if a part of the period has no data: there are no alerts either, whatever happened."""
    watched, period = report.watched, report.period
    if not watched.since or not period.until:
        return
    since, until = max(watched.since, period.since), min(watched.until, period.until)
    if until < since:
        yield "The period has no data: what happened in it is unknown."
    elif moment(until) - moment(since) < (1 - UNCOVERED) * (moment(period.until) - moment(period.since)):
        yield (
            f"The data cover only {clock(since)} to {clock(until)} UTC: what happened in the rest of the period is "
            "unknown."
        )


def _network(report: Report) -> Iterator[str]:
    present = [device for device in report.devices if not device.gone]
    if not present:
        yield "No known devices."
        return
    types = Counter(device.type for device in present if device.type != "unknown")
    named = [
        kinds(kind, count) for kind, count in sorted(types.items(), key=lambda one: (-one[1], one[0]))[:TYPES_NAMED]
    ]
    segments = len({device.segment for device in present if device.segment})
    where = f" in {counted(segments, 'segment')}" if segments else ""
    which = f"{', among them' if len(types) > TYPES_NAMED else ':'} {listed(named)}" if named else ""
    unknown = len(present) - types.total()
    doubt = f"; the type of {unknown:,} is unknown" if unknown else ""
    yield f"{counted(len(present), 'device is', 'devices are')} on the network{where}{which}{doubt}."


def _worst(report: Report) -> Iterator[str]:
    """The number of weaknesses, and the most severe of them."""
    if not report.findings:
        yield "No weaknesses were observed."
        return
    weak = sum(1 for device in report.devices if device.findings)
    certain = len({seat.device for one in report.findings for case in one.cases if case.sure for seat in case.seats})
    worst = max(report.findings, key=_severity_rank)
    what = worst.title if worst.title == worst.name or worst.kind == "setting" else f"{worst.name}, {worst.title}"
    doubt = "" if certain == weak else f", {certain:,} of these confirmed"
    unsure = "" if worst.sure else " (unknown whether they are affected)"
    worst_text = f"the most severe, on {counted(worst.devices, 'device')}: {shorter(what)}{unsure}"
    yield f"{counted(weak, 'of them has', 'of them have')} weaknesses{doubt}; {worst_text}."


def _severity_rank(finding: Finding) -> tuple[int, bool, float]:
    """Of equal severity, confirmed findings and those with more points are first."""
    return SEVERITIES.index(finding.severity), finding.sure, finding.points


def _happened(report: Report) -> Iterator[str]:
    if not report.alerts:
        yield "No alert was raised."
        return
    severe = sum(alert.severity in SEVERE for alert in report.alerts)
    closed = sum(bool(alert.closed) for alert in report.alerts)
    total = counted(len(report.alerts) + report.alerts_left_out, "alert")
    counts = f"{total}, {severe:,} of them high or critical" + (f", {closed:,} closed by users" if closed else "")
    if report.incidents:
        counts += f", and {counted(len(report.incidents), 'incident')}"
    # What a user has closed is not the worst of what is left.
    left = [incident.text for incident in unhandled(report.alerts, report.incidents)]
    left += [alert.text for alert in report.alerts if not alert.closed]
    yield f"{counts}; the most severe: {sentence(left[0])}" if left else f"{counts}; users have closed all of them."


def _done(report: Report) -> Iterator[str]:
    since = report.difference
    if since is None:
        return
    parts = [
        f"{counted(len(since.fixed), 'finding was', 'findings were')} fixed and {len(since.found):,} new",
        f"{counted(len(since.new), 'device')} appeared and {len(since.gone):,} disappeared",
    ]
    if since.score is not None and report.score is not None:
        moved = report.score.points - since.score.points
        change = "stayed at" if not moved else f"{'rose' if moved > 0 else 'fell'} from {since.score.points:g} to"
        parts.append(f"the exposure score {change} {report.score.points:g}")
    yield f"Since the last report, of {since.until[:10]}: {listed(parts)}."
