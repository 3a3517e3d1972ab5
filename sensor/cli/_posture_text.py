"""``sensor posture``: scores with their arithmetic, as text or JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from sensor.cli._codes import NOT_FOUND, NOT_OPENED
from sensor.cli._colors import coloured, paint
from sensor.cli._devices_csv import write_csv
from sensor.cli._known import the_device
from sensor.cli._setup import complain
from sensor.cli._show import part, put, tidy
from sensor.cli._site import picture_of
from sensor.cli._table import for_terminal, table
from sensor.core.device_text import product_text
from sensor.core.phrases import counted
from sensor.posture.picture import Picture
from sensor.posture.scores.exposure import band_of
from sensor.views.posture import (
    GROUPS,
    FixRow,
    GroupRow,
    Posture,
    ScoreRow,
    TermRow,
    device_posture,
    every_score,
    groups,
    posture,
)

STYLES = {"high": "bold red", "medium": "yellow"}
DEVICE_COLUMNS = ("score", "band", "device", "product", "segment", "terms")
GROUP_COLUMNS = ("score", "band", "{}", "devices", "high", "medium", "low", "worst")
SITE_FIX_COLUMNS = ("alone", "together", "devices", "reduction", "fix")
DEVICE_FIX_COLUMNS = ("alone", "together", "fix", "resolves")
THEN = "alone: the score after this fix on all devices that need it; together: after this and all fixes above it"
CSV_COLUMNS = (
    "score", "band", "device", "name", "address", "type", "vendor", "model", "segment", "weaknesses", "attack",
    "reach", "unknown", "criticality",
)  # fmt: skip
CSV_GROUP_COLUMNS = ("score", "band", "name", "devices", "high", "medium", "low", "worst")
DEVICES_SHOWN, NAMES_SHOWN = 10, 3


def scores(args: argparse.Namespace) -> int:
    """Scores of the site, or of the groups in ``--by``."""
    picture = picture_of(args)
    if picture is None:
        return NOT_OPENED
    rows = every_score(picture)
    if args.by in GROUPS:
        _groups(args, picture)
    elif args.csv:
        write_csv(sys.stdout, CSV_COLUMNS, map(_csv_row, rows))
    elif args.json:
        _print_json([] if args.by else [_site_body(posture(picture))])
        _print_json(map(_device_body, rows))
    elif args.by:
        put(_device_table(rows) if rows else "no devices")
    else:
        _put_site(posture(picture), rows)
    return 0


# The site.


def _put_site(site: Posture, rows: Sequence[ScoreRow]) -> None:
    """Print the score of the site, its worst devices, and the most effective fixes."""
    if not rows:
        put("no devices: no score")
        return
    for line in _arithmetic(
        f"site: {site.points:.1f} of 100, {site.band}; {_counted(site.devices)}", site.band, site.terms
    ):
        put(for_terminal(line, sys.stdout))
    worst = [row for row in rows if row.points][:DEVICES_SHOWN]
    if worst:
        put(f"\n{_device_table(worst)}")
        if len(rows) > len(worst):
            put(f"the worst {len(worst)} of {len(rows):,}: `sensor posture --by device` lists all")
    if site.fixes:
        fixes = [(*_then(one), f"{len(one.devices):,}", f"{one.lowers:,.1f}", tidy(one.title)) for one in site.fixes]
        put(f"\n{table(SITE_FIX_COLUMNS, fixes, sys.stdout)}\n{for_terminal(THEN, sys.stdout)}")


def _arithmetic(head: str, band: str, terms: Iterable[TermRow]) -> Iterator[str]:
    """A score and its terms, including those that add nothing."""
    yield paint(head, STYLES.get(band, "") or "bold", coloured(sys.stdout))
    yield "  adds  value"
    for term in terms:
        yield f"  {term.points:4.1f}  {term.value:5.1f}  {term.name:12} {tidy(term.why)}"


def _counted(bands: Mapping[str, int]) -> str:
    total = sum(bands.values())
    return f"{counted(total, 'device')}: {', '.join(f'{count:,} {band}' for band, count in bands.items())}"


def _device_table(rows: Iterable[ScoreRow]) -> str:
    return table(DEVICE_COLUMNS, list(map(_device_row, rows)), sys.stdout, lambda row: STYLES.get(row[1], ""))


def _device_row(row: ScoreRow) -> tuple[str, ...]:
    because = " + ".join(f"{term.points:.1f} {term.name}" for term in row.terms if term.points)
    return f"{row.points:.1f}", row.band, row.text, product_text(row.vendor, row.model), row.segment, because


# Groups.


def _groups(args: argparse.Namespace, picture: Picture) -> None:
    """Devices grouped by segment, VLAN, type or vendor, highest score first."""
    found = groups(picture, args.by)
    if args.json:
        _print_json(
            _body(args.by, one.points, one.band, one.terms) | {"name": one.name, "devices": one.devices}
            for one in found
        )
        return
    rows = [_group_row(one, picture) for one in found]
    if args.csv:
        write_csv(sys.stdout, CSV_GROUP_COLUMNS, (dict(zip(CSV_GROUP_COLUMNS, row, strict=True)) for row in rows))
    else:
        columns = [column.format(args.by) for column in GROUP_COLUMNS]
        put(table(columns, rows, sys.stdout, lambda row: STYLES.get(row[1], "")) if rows else "no devices")


def _group_row(one: GroupRow, picture: Picture) -> tuple[str, ...]:
    counts = [f"{count}" for count in (sum(one.devices.values()), *one.devices.values())]
    return f"{one.points:.1f}", one.band, one.name, *counts, picture.site.nodes[one.worst].text


# One device.


def device(args: argparse.Namespace) -> int:
    """Print the terms of a device, and its score after each fix."""
    picture = picture_of(args)
    if picture is None:
        return NOT_OPENED
    record = the_device(picture.known, args.operands[0])
    if record is None:
        return NOT_FOUND
    node = picture.site.nodes[tidy(part(record, "device").get("id"))]
    if node.gone:
        complain(f"{node.text} is gone since {node.last_seen[:19]}: it has no score", error="device.gone")
        return NOT_FOUND
    found = device_posture(picture, node.id)
    if args.json:
        _print_json([_device_body(found.score) | {"fixes": list(map(_fix_body, found.fixes))}])
        return 0
    score = found.score
    for line in _arithmetic(
        f"{', '.join(filter(None, (node.text, node.product)))}: {score.points:.1f} of 100, {score.band}",
        score.band,
        score.terms,
    ):
        put(line)
    if rows := [(*_then(one), tidy(one.title), _names(one.fixes)) for one in found.fixes]:
        put(f"\n{table(DEVICE_FIX_COLUMNS, rows, sys.stdout)}\n{for_terminal(THEN, sys.stdout)}")
    return 0


def _then(one: FixRow) -> tuple[str, str]:
    return f"{one.points:.1f} {band_of(one.points)}", f"{one.together:.1f} {band_of(one.together)}"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(map(tidy, names[:NAMES_SHOWN])) + more


# JSON.


def _print_json(bodies: Iterable[dict[str, Any]]) -> None:
    for body in bodies:
        print(json.dumps(body, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))


def _body(scope: str, points: float, band: str, terms: Iterable[TermRow]) -> dict[str, Any]:
    return {"scope": scope, "points": points, "band": band, "terms": msgspec.to_builtins(list(terms))}


def _site_body(site: Posture) -> dict[str, Any]:
    fixes = list(map(_fix_body, site.fixes))
    return _body("site", site.points, site.band, site.terms) | {"ts": site.now, "devices": site.devices, "fixes": fixes}


def _device_body(row: ScoreRow) -> dict[str, Any]:
    known = {
        name: getattr(row, name)
        for name in ("id", "name", "address", "type", "vendor", "model", "firmware", "segment", "owner")
    }
    return _body("device", row.points, row.band, row.terms) | {
        "device": {name: value for name, value in known.items() if value}
    }


def _fix_body(one: FixRow) -> dict[str, Any]:
    """``points``: score afterwards, ``together``: score after it and the fixes before it."""
    scores_after = {"points": one.points, "together": one.together, "lowers": one.lowers}
    return {"key": one.key, "title": one.title, **scores_after, "devices": one.devices, "fixes": one.fixes}


def _csv_row(row: ScoreRow) -> dict[str, str]:
    known = {name: getattr(row, name) for name in ("name", "address", "type", "vendor", "model", "segment")}
    return (
        known
        | {"score": f"{row.points:.1f}", "band": row.band, "device": row.id}
        | {term.name: f"{term.points:.1f}" for term in row.terms}
    )
