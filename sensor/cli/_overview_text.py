"""``sensor overview``: the views of the console's overview, as text or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sensor.cli._colors import STYLES, coloured, paint
from sensor.cli._show import put, tidy
from sensor.cli._table import for_terminal
from sensor.core.ids import short_id
from sensor.core.phrases import counted
from sensor.core.severities import SEVERITIES
from sensor.core.time_units import DAY
from sensor.posture.picture import Picture
from sensor.views.alert_filter import AlertFilter
from sensor.views.alerts import alerts
from sensor.views.dataset import Data
from sensor.views.devices import devices, new_devices
from sensor.views.losses import unseen
from sensor.views.moments import health
from sensor.views.posture import posture
from sensor.views.stories import StoryFilter, StoryRow, incidents, recommendations
from sensor.views.vulnerabilities import AFFECTED, UNKNOWN, vulnerabilities

Record = dict[str, Any]

OPEN = ("open", "acknowledged")
INCIDENTS, FIXES, TYPES = 3, 5, 8
WIDTH = 16
BANDS = {"high": "bold red", "medium": "yellow", "low": ""}


class Overview(NamedTuple):
    """``body``: for programs; ``worst``: the most severe open incidents."""

    body: Record
    worst: list[StoryRow]


def overview_of(data: Data, picture: Picture, now: int) -> Overview:
    """``now``: ns. Raises sqlite3.DatabaseError if the tables are damaged."""
    there, raised = devices(data, limit=1), alerts(data, AlertFilter(state=OPEN), limit=1)
    stories = incidents(data, StoryFilter(state=("open",)), "severity", limit=INCIDENTS)
    todo = recommendations(data, StoryFilter(state=("open",)), limit=1)
    cves = vulnerabilities(picture, limit=1).facets["verdict"]
    site = posture(picture)
    body = {
        "kind": "overview",
        "devices": {"total": there.total, "new": new_devices(data, now - DAY), "type": there.facets["type"]},
        "incidents": {"open": stories.total, "severity": _severities(stories.facets["severity"])},
        "alerts": {"open": raised.total, "severity": _severities(raised.facets["severity"])},
        "recommendations": {"open": todo.total, "severity": _severities(todo.facets["severity"])},
        "vulnerabilities": {AFFECTED: cves.get(AFFECTED, 0), UNKNOWN: cves.get(UNKNOWN, 0)},
        "exposure": {"points": site.points, "band": site.band, "devices": site.devices},
        "coverage_gaps": unseen(health(data, limit=1)),
        "fixes": [
            {"title": one.title, "points": one.points, "devices": len(one.devices)} for one in site.fixes[:FIXES]
        ],
    }
    return Overview(body, stories.rows)


def _severities(found: Mapping[str, int]) -> dict[str, int]:
    """The most severe first."""
    return {name: found[name] for name in reversed(SEVERITIES) if found.get(name)}


def put_json(found: Overview) -> None:
    print(json.dumps(found.body, ensure_ascii=sys.stdout.isatty()))


def put_text(found: Overview) -> None:
    for line in _lines(found):
        put(for_terminal(line, sys.stdout))


def _lines(found: Overview) -> Iterator[str]:
    body, colours = found.body, coloured(sys.stdout)
    there, cves, site = body["devices"], body["vulnerabilities"], body["exposure"]
    yield _fact(
        "devices", f"{counted(there['total'], 'device')}, {there['new']:,} new in 24 h: {_types(there['type'])}"
    )
    yield _fact("incidents", _open(body["incidents"], "sensor alerts incidents"))
    for row in found.worst:
        summary = f"{row.severity}: {tidy(row.summary)} ({short_id(tidy(row.id))})"
        yield f"  {paint(summary, STYLES.get(row.severity, ''), colours)}"
    yield _fact("alerts", _open(body["alerts"], "sensor alerts --open"))
    yield _fact("recommendations", _open(body["recommendations"], "sensor posture recommendations"))
    affected, unclear = cves[AFFECTED], cves[UNKNOWN]
    yield _fact("vulnerabilities", f"{counted(affected, 'CVE')}, unknown for {unclear:,} more: sensor vulns --unknown")
    bands = ", ".join(f"{count:,} {band}" for band, count in site["devices"].items())
    score = paint(f"{site['points']:.1f} of 100, {site['band']}", BANDS.get(site["band"], ""), colours)
    yield _fact("exposure score", f"{score}; devices: {bands}: sensor posture")
    yield _fact("coverage gaps", "; ".join(body["coverage_gaps"]) or "no known losses")
    if body["fixes"]:
        yield "next steps: the fixes that lower the exposure score most, with the score after each: sensor posture"
    for fix in body["fixes"]:
        yield f"  {fix['points']:4.1f}  {tidy(fix['title'])} ({counted(fix['devices'], 'device')})"


def _fact(name: str, text: str) -> str:
    return f"{name:{WIDTH}} {text}"


def _types(found: Mapping[str, int]) -> str:
    """The most frequent types, and the number of devices of the others."""
    listed = list(found.items())
    shown = [f"{count:,} {tidy(name)}" for name, count in listed[:TYPES]]
    others = sum(count for _, count in listed[TYPES:])
    return ", ".join([*shown, *([f"{others:,} others"] if others else [])]) or "none"


def _open(found: Record, command: str) -> str:
    """``7 open: 1 critical, 6 low: sensor alerts --open``."""
    parts = ", ".join(f"{count:,} {name}" for name, count in found["severity"].items())
    return f"{found['open']:,} open{f': {parts}' if parts else ''}: {command}" if found["open"] else "0 open"
