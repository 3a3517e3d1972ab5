"""Page: the report as one HTML file that needs nothing else, for the screen or for paper. Jinja escapes all that is written into it.

No script, no font and no picture comes from anywhere: the policy in the page forbids it. The JSON lies in the page as data that nobody runs.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup, escape

from sensor.posture.exposure import BANDS
from sensor.report.happened import all_new
from sensor.report.model import Device, Incident, Proof, Report, Score
from sensor.report.pictures.composition import composition
from sensor.report.pictures.conversations import conversations
from sensor.report.pictures.scores import gauge, trend
from sensor.report.pictures.timeline import timeline
from sensor.report.words import counted, kind

FOLDER = Path(__file__).parent / "templates"
WORST_SHOWN = 10
# Things to do on the first page; of these, incidents that nobody closed.
FIRST, URGENT = 5, 2
_ODD = re.compile(r"[^\w.-]")
_COMMAND = re.compile("`([^`]{1,200})`")
CONTENTS = (
    ("difference", "Since the last report"), ("changes", "Changes in the period"), ("work", "What to do"), ("done", "Done in the period"),
    ("findings", "Findings"), ("happened", "Incidents and alerts"), ("paths", "Attack paths"), ("scores", "Exposure"), ("talks", "Who talks to whom"),
    ("inventory", "Inventory"), ("basis", "What this rests on"), ("reading", "How to read it"), ("evidence", "Evidence"),
)  # fmt: skip


CHANGES = {
    "new": "new", "gone": "gone", "back": "back again", "address": "with another address", "firmware": "with another firmware",
    "merged": "known under two names", "split": "taken for one", "other": "with another type or name",
}  # fmt: skip


class Limits(NamedTuple):
    """How much of each is shown; ``devices``: how long an inventory may be; ``seats``: devices named of a finding."""

    devices: int
    products: int
    work: int
    findings: int
    cases: int
    seats: int
    incidents: int
    chapters: int
    alerts: int
    changes: int
    paths: int
    talks: int


SCREEN = Limits(1_000_000, 0, 200, 400, 6, 30, 50, 40, 500, 500, 40, 36)
PAPER = Limits(200, 60, 15, 30, 2, 6, 8, 8, 40, 40, 6, 10)


class Group(NamedTuple):
    """Devices of one type, or of one type and product. ``worst``: the highest score among them; ``firmware``: the most frequent versions."""

    type: str
    product: str
    devices: int
    segments: int
    weak: int
    worst: Score | None
    firmware: str


def page(report: Report, limits: Limits = SCREEN, embedded: bytes = b"") -> str:
    """All of it as HTML. ``embedded``: the JSON of the report, to be carried along."""
    links = _Links(report, limits)
    # That somebody came back in the morning is a number; what else happened is a line.
    changes = [change for change in report.changes if change.kind != "back"]
    present = [device for device in report.devices if not device.gone]
    return _template().render(
        report=report, limits=limits, paper=limits is PAPER, style=_style("report.css" if limits is PAPER else "report.css screen.css"),
        embedded=_inert(embedded), picture=_pictures(report), contents=_contents(report), bands={band: least for least, band in BANDS},
        present=present, weak=sum(1 for device in present if device.findings), worst=_worst(present), urgent=_urgent(report), first=FIRST,
        arrived=sum(1 for device in report.devices if device.first_seen >= report.period.since), all_new=all_new(report.devices, report.period),
        complete=len(report.devices) <= limits.devices and bool(report.devices), types=_groups(present, by_product=False),
        products=_groups(present, by_product=True)[: limits.products], changes=changes, kinds_of_change=_kinds_of_change(report),
        ref=links.ref, device=links.device, finding=links.finding, alert=links.alert, proofs=links.proofs, anchor=_anchor,
        clock=_clock, exact=_exact, counted=counted, kind=kind, prose=_prose,
    )  # fmt: skip


class _Links:
    """Links within the page: only to what is there. ``proofs``: those that were named."""

    def __init__(self, report: Report, limits: Limits) -> None:
        self._proofs = {proof.id: proof for proof in report.proofs}
        self._devices = {device.id: device for device in report.devices}
        self._listed = len(report.devices) <= limits.devices
        self._findings = {one.name for one in report.findings[: limits.findings]}
        self._alerts = {one.id for one in report.alerts[: limits.alerts]}
        self._named: dict[str, None] = {}

    def ref(self, name: str) -> Markup:
        if name not in self._proofs:
            return Markup("")
        self._named[name] = None
        return Markup('<a class="ref" href="#{}">{}</a>').format(name, name[1:])

    def device(self, name: str) -> Markup:
        """A device by its address and name."""
        known = self._devices.get(name)
        if known is None:
            return escape(name)
        return _link("d", name, known.text) if self._listed else escape(known.text)

    def finding(self, name: str) -> Markup:
        return _link("f", name, name) if name in self._findings else escape(name)

    def alert(self, name: str) -> Markup:
        told = Markup("<code>{}</code>").format(name)
        return _link("a", name, told) if name in self._alerts else told

    def proofs(self) -> list[Proof]:
        """In the order of their numbers."""
        return sorted((self._proofs[name] for name in self._named), key=lambda proof: int(proof.id[1:]))


def _anchor(kind: str, name: str) -> str:
    """The id of a place on the page: a log may be foreign, and call a device as a section is called."""
    return f"{kind}-{_ODD.sub('_', name)}"


def _link(kind: str, name: str, words: str) -> Markup:
    return Markup('<a href="#{}">{}</a>').format(_anchor(kind, name), words)


def _style(names: str) -> Markup:
    return Markup("").join(Markup((FOLDER / name).read_text(encoding="utf-8")) for name in names.split())  # noqa: S704 our own


@functools.cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(FOLDER)
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined).get_template("page.jinja")


def _pictures(report: Report) -> Mapping[str, Markup]:
    """Those that have something to show."""
    before = report.difference.score if report.difference is not None else None
    return {
        "gauge": gauge(report.score, before) if report.score is not None else Markup(""),
        "composition": composition(report.devices),
        "timeline": timeline(report.alerts, report.incidents, report.period) if report.alerts else Markup(""),
        "conversations": conversations(report.talks) if report.talks else Markup(""),
        "trend": trend(report.trend) if len(report.trend) > 1 else Markup(""),
    }


def _contents(report: Report) -> list[tuple[str, str]]:
    there = {
        "difference": report.difference is not None, "done": bool(report.done), "paths": report.paths is not None,
        "scores": report.score is not None and bool(report.devices), "talks": bool(report.talks),
    }  # fmt: skip
    return [(anchor, title) for anchor, title in CONTENTS if there.get(anchor, True)]


def _kinds_of_change(report: Report) -> list[tuple[str, int]]:
    """How many of each kind, in words, the most first."""
    counts = Counter(change.kind for change in report.changes)
    return [(CHANGES.get(name, name), count) for name, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))]


def _urgent(report: Report) -> list[Incident]:
    """What nobody looked into yet: it cannot wait for what is only weak."""
    closed = {alert.id for alert in report.alerts if alert.closed}
    grave = (one for one in report.incidents if one.severity in {"high", "critical"})
    return [one for one in grave if not all(chapter.alert in closed for chapter in one.story)][:URGENT]


def _worst(present: list[Device]) -> list[Device]:
    scored = [device for device in present if device.score is not None and device.score.points]
    return sorted(scored, key=lambda device: (-(device.score.points if device.score else 0), device.id))[:WORST_SHOWN]


def _groups(present: list[Device], *, by_product: bool) -> list[Group]:
    """What there is most of, first."""
    groups: dict[tuple[str, str], list[Device]] = {}
    for device in present:
        groups.setdefault((device.type, (device.product or "not known") if by_product else ""), []).append(device)
    made = [_group(kind, product, several) for (kind, product), several in groups.items()]
    return sorted(made, key=lambda one: (-one.devices, one.type, one.product))


def _group(kind: str, product: str, several: list[Device]) -> Group:
    versions = Counter(device.firmware for device in several if device.firmware)
    told = ", ".join(f"{version} ({count:,})" for version, count in sorted(versions.items(), key=lambda one: (-one[1], one[0]))[:3])
    scores = [device.score for device in several if device.score is not None]
    worst = max(scores, key=lambda score: score.points, default=None)
    weak = sum(1 for device in several if device.findings)
    return Group(kind, product, len(several), len({device.segment for device in several}), weak, worst, told + (" …" if len(versions) > 3 else ""))


def _inert(data: bytes) -> Markup:
    """JSON that can end no element: whatever a page would read as a tag is escaped as JSON escapes it (RFC 8259, 7)."""
    text = data.decode()
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 no sign is left that HTML reads


def _prose(text: str) -> Markup:
    """Commands between backticks as such; everything else as it stands."""
    return Markup(_COMMAND.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 escaped before


def _clock(ts: Any) -> str:
    """To the minute."""
    return str(ts)[:16].replace("T", " ")


def _exact(ts: str) -> str:
    """As the packet has it, to the millisecond."""
    return ts[:23].replace("T", " ").rstrip("Z")
