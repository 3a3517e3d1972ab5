"""The report as one self-contained HTML file for screen or paper. Jinja escapes all values.

No script, font or picture is loaded: the policy in the page forbids it. The JSON is in the page as data that is never
executed.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from sensor.core.phrases import counted, segment_text
from sensor.posture.scores.exposure import BANDS
from sensor.report.groups import groups_of
from sensor.report.links import PAPER, SCREEN, Limits, Links, anchor
from sensor.report.model import Device, Incident, Report
from sensor.report.period_events import all_new, unhandled
from sensor.report.phrases import clock, kind
from sensor.report.pictures.composition import composition
from sensor.report.pictures.conversations import conversations
from sensor.report.pictures.scores import gauge, trend
from sensor.report.pictures.timeline import timeline

FOLDER = Path(__file__).parent / "templates"
WORST_SHOWN = 10
# Number of tasks on the first page; among them, open incidents.
FIRST, URGENT = 5, 2
CONTENTS = (
    ("difference", "Since the last report"), ("changes", "Changes in the period"), ("work", "Recommended actions"),
    ("done", "Completed in the period"),
    ("findings", "Findings"), ("happened", "Incidents and alerts"), ("paths", "Attack paths"), ("scores", "Exposure"),
    ("talks", "Conversations"),
    ("inventory", "Inventory"), ("basis", "Data sources and limits"), ("reading", "How to read this report"),
    ("evidence", "Evidence"),
)  # fmt: skip
# Plural names of kinds of changes.
CHANGES = {
    "new": "new", "gone": "gone", "back": "back again", "address": "with changed addresses",
    "firmware": "with changed firmware",
    "merged": "merged with another", "split": "separated from another", "other": "with a changed type or name",
}  # fmt: skip
_COMMAND = re.compile("`([^`]{1,200})`")


def page(report: Report, limits: Limits = SCREEN, embedded: bytes = b"") -> str:
    """The complete HTML. ``embedded``: the JSON of the report."""
    links = Links(report, limits)
    # Returned devices are only counted; other changes are a line each.
    changes = [change for change in report.changes if change.kind != "back"]
    present = [device for device in report.devices if not device.gone]
    return _template().render(
        report=report, limits=limits, paper=limits is PAPER,
        style=_style("report.css" if limits is PAPER else "report.css screen.css"),
        embedded=_inert(embedded), picture=_pictures(report), contents=_contents(report),
        bands={band: least for least, band in BANDS},
        present=present, weak=sum(1 for device in present if device.findings), worst=_worst(present),
        urgent=_urgent(report), first=FIRST,
        unhandled={one.id for one in unhandled(report.alerts, report.incidents)},
        arrived=sum(1 for device in present if device.first_seen >= report.period.since),
        begun_before=sum(1 for alert in report.alerts if alert.first < report.period.since),
        all_new=all_new(report.devices, report.period),
        complete=len(report.devices) <= limits.devices and bool(report.devices),
        types=groups_of(present, by_product=False),
        products=groups_of(present, by_product=True)[: limits.products], changes=changes,
        kinds_of_change=_kinds_of_change(report),
        ref=links.ref, device=links.device, finding=links.finding, alert=links.alert, proofs=links.proofs,
        anchor=anchor, clock=clock, exact=_exact, counted=counted, kind=kind, segment=segment_text, prose=_prose,
    )  # fmt: skip


def _style(names: str) -> Markup:
    return Markup("").join(Markup((FOLDER / name).read_text(encoding="utf-8")) for name in names.split())  # noqa: S704 our own


@functools.cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(FOLDER)
    return jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    ).get_template("page.jinja")


def _pictures(report: Report) -> Mapping[str, Markup]:
    """Pictures with content."""
    before = report.difference.score if report.difference is not None else None
    return {
        "gauge": gauge(report.score, before) if report.score is not None else Markup(""),
        "composition": composition(report.devices),
        "timeline": timeline(report.alerts, report.incidents, report.period) if report.alerts else Markup(""),
        "conversations": conversations(report.conversations) if report.conversations else Markup(""),
        "trend": trend(report.trend) if len(report.trend) > 1 else Markup(""),
    }


def _contents(report: Report) -> list[tuple[str, str]]:
    there = {
        "difference": report.difference is not None, "done": bool(report.done), "paths": report.paths is not None,
        "scores": report.score is not None and bool(report.devices), "talks": bool(report.conversations),
    }  # fmt: skip
    return [(anchor, title) for anchor, title in CONTENTS if there.get(anchor, True)]


def _kinds_of_change(report: Report) -> list[tuple[str, int]]:
    """The count of each kind, as text, largest first."""
    counts = Counter(change.kind for change in report.changes)
    return [
        (CHANGES.get(name, name), count) for name, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    ]


def _urgent(report: Report) -> list[Incident]:
    """Open incidents: they have priority over weaknesses."""
    severe = (one for one in report.incidents if one.severity in {"high", "critical"})
    return unhandled(report.alerts, severe)[:URGENT]


def _worst(present: list[Device]) -> list[Device]:
    scored = [device for device in present if device.score is not None and device.score.points]
    return sorted(scored, key=lambda device: (-(device.score.points if device.score else 0), device.id))[:WORST_SHOWN]


def _inert(data: bytes) -> Markup:
    """JSON that cannot end an element: characters of tags are escaped as in RFC 8259, 7."""
    text = data.decode()
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 no sign is left that HTML reads


def _prose(text: str) -> Markup:
    """Commands between backticks as code; other text unchanged."""
    return Markup(_COMMAND.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 escaped before


def _exact(ts: str) -> str:
    """A packet's time to the millisecond."""
    return ts[:23].replace("T", " ").rstrip("Z")
