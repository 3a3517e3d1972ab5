"""``sensor posture``: scores with their arithmetic, as people and programs read them."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sensor.cli._codes import NOT_FOUND, NOT_OPENED
from sensor.cli._devices_csv import write_csv
from sensor.cli._known import the_device
from sensor.cli._setup import complain
from sensor.cli._show import coloured, paint, part, put, tidy
from sensor.cli._site import site_of
from sensor.cli._table import table
from sensor.eventlog.fold import Fold
from sensor.posture.exposure import BANDS, Exposure, band_of, exposure_of_many, exposures, grouped
from sensor.posture.site import Node, Site
from sensor.posture.whatif import Mended, mended_device, mended_site

STYLES = {"high": "bold red", "medium": "yellow"}
DEVICE_COLUMNS = ("score", "band", "device", "product", "segment", "because")
GROUP_COLUMNS = ("score", "band", "{}", "devices", "high", "medium", "low", "worst")
SITE_FIX_COLUMNS = ("alone", "together", "devices", "they fall by", "fix")
DEVICE_FIX_COLUMNS = ("alone", "together", "fix", "mends")
THEN = "alone: the score once that is done on all devices that need it; together: with all that stands above it"
CSV_COLUMNS = (
    "score", "band", "device", "name", "address", "type", "vendor", "model", "segment", "weaknesses", "attack", "reach", "unknown", "criticality",
)  # fmt: skip
CSV_GROUP_COLUMNS = ("score", "band", "name", "devices", "high", "medium", "low", "worst")
DEVICES_SHOWN, NAMES_SHOWN = 10, 3
NAMES: dict[str, Callable[[Node], str]] = {
    "segment": lambda node: node.segment or "no segment",
    "vlan": lambda node: f"vlan {vlan}" if (vlan := part(node.record, "device").get("vlan")) and isinstance(vlan, int) else "untagged",
    "type": lambda node: node.type or "unknown",
    "vendor": lambda node: node.vendor or "unknown",
}

Scores = Mapping[str, Exposure]


def scores(args: argparse.Namespace) -> int:
    """Of the site, or of what ``--by`` names."""
    site = site_of(args)
    if site is None:
        return NOT_OPENED
    devices = dict(sorted(exposures(site).devices.items(), key=lambda one: (-one[1].points, one[0])))
    if args.by in NAMES:
        _groups(args, site, devices)
    elif args.csv:
        write_csv(sys.stdout, CSV_COLUMNS, (_csv_row(site.nodes[name], exposure) for name, exposure in devices.items()))
    elif args.json:
        _print_json([] if args.by else [_site_body(site, devices)])
        _print_json(_device_body(site.nodes[name], exposure) for name, exposure in devices.items())
    elif args.by:
        put(_device_table(site, devices) if devices else "no devices")
    else:
        _put_site(site, devices)
    return 0


# The site.


def _put_site(site: Site, devices: Scores) -> None:
    """How it stands, its worst devices, and what to do first."""
    total = exposure_of_many(devices, site.nodes)
    if not devices:
        put("no devices, so there is no score")
        return
    for line in _arithmetic(f"site: {_graded(total)}; {_counted(devices)}", total):
        put(line)
    worst = [name for name, one in devices.items() if one.points][:DEVICES_SHOWN]
    if worst:
        put(f"\n{_device_table(site, {name: devices[name] for name in worst})}")
        if len(devices) > len(worst):
            put(f"the worst {len(worst)} of {len(devices):,}: `sensor posture --by device` lists all")
    if fixes := mended_site(site):
        rows = [(*_then(one), f"{len(one.devices):,}", f"{one.lowers:,.1f}", tidy(one.fix.title)) for one in fixes]
        put(f"\n{table(SITE_FIX_COLUMNS, rows, sys.stdout)}\n{THEN}")


def _arithmetic(head: str, exposure: Exposure) -> Iterator[str]:
    """A score and its terms, also those that add nothing."""
    yield paint(head, STYLES.get(exposure.band, "") or "bold", coloured(sys.stdout))
    yield "  adds  value"
    for term in exposure.terms:
        yield f"  {term.points:4.1f}  {term.value:5.1f}  {term.name:12} {tidy(term.why)}"


def _graded(exposure: Exposure) -> str:
    return f"{exposure.points:.1f} of 100, {exposure.band}"


def _counted(devices: Scores) -> str:
    counts = _bands(devices.values())
    return f"{len(devices):,} device{'s' if len(devices) != 1 else ''}: {', '.join(f'{count:,} {band}' for band, count in counts.items())}"


def _bands(several: Iterable[Exposure]) -> dict[str, int]:
    """How many are in each band, the worst first."""
    counts = Counter(one.band for one in several)
    return {band: counts[band] for _, band in BANDS}


def _device_table(site: Site, devices: Scores) -> str:
    rows = [_device_row(site.nodes[name], exposure) for name, exposure in devices.items()]
    return table(DEVICE_COLUMNS, rows, sys.stdout, lambda row: STYLES.get(row[1], ""))


def _device_row(node: Node, exposure: Exposure) -> tuple[str, ...]:
    because = " + ".join(f"{term.points:.1f} {term.name}" for term in exposure.terms if term.points)
    return f"{exposure.points:.1f}", exposure.band, node.text, node.product, node.segment, because


# Groups.


def _groups(args: argparse.Namespace, site: Site, devices: Scores) -> None:
    """Of the devices that have a word in common, the worst group first."""
    members: dict[str, dict[str, Exposure]] = {}
    for name, exposure in devices.items():
        members.setdefault(NAMES[args.by](site.nodes[name]), {})[name] = exposure
    found = sorted(grouped(site, devices, NAMES[args.by]).items(), key=lambda one: (-one[1].points, one[0]))
    if args.json:
        _print_json(_body(args.by, exposure) | {"name": name, "devices": _bands(members[name].values())} for name, exposure in found)
        return
    rows = [_group_row(name, exposure, members[name], site) for name, exposure in found]
    if args.csv:
        write_csv(sys.stdout, CSV_GROUP_COLUMNS, (dict(zip(CSV_GROUP_COLUMNS, row, strict=True)) for row in rows))
    else:
        columns = [column.format(args.by) for column in GROUP_COLUMNS]
        put(table(columns, rows, sys.stdout, lambda row: STYLES.get(row[1], "")) if rows else "no devices")


def _group_row(name: str, exposure: Exposure, members: Scores, site: Site) -> tuple[str, ...]:
    counts = [f"{count}" for count in (len(members), *_bands(members.values()).values())]
    return f"{exposure.points:.1f}", exposure.band, name, *counts, f"{site.nodes[next(iter(members))].text}"


# One device.


def device(args: argparse.Namespace) -> int:
    """Its terms, and its score after each fix."""
    site = site_of(args)
    if site is None:
        return NOT_OPENED
    fold = Fold()
    fold.devices = {name: node.record for name, node in site.nodes.items()}
    record = the_device(fold, args.words[0])
    if record is None:
        return NOT_FOUND
    node = site.nodes[tidy(part(record, "device").get("id"))]
    if node.gone:
        complain(f"{node.text} is gone since {node.last_seen[:19]}: it has no score", error="device.gone")
        return NOT_FOUND
    exposure, fixes = exposures(site).devices[node.id], mended_device(site, node.id)
    if args.json:
        _print_json([_device_body(node, exposure) | {"fixes": [_fix_body(one) for one in fixes]}])
        return 0
    for line in _arithmetic(f"{', '.join(filter(None, (node.text, node.product)))}: {_graded(exposure)}", exposure):
        put(line)
    if rows := [(*_then(one), tidy(one.fix.title), _names(one.mends)) for one in fixes]:
        put(f"\n{table(DEVICE_FIX_COLUMNS, rows, sys.stdout)}\n{THEN}")
    return 0


def _then(one: Mended) -> tuple[str, str]:
    return f"{one.points:.1f} {band_of(one.points)}", f"{one.together:.1f} {band_of(one.together)}"


def _names(mends: tuple[str, ...]) -> str:
    more = f" and {len(mends) - NAMES_SHOWN:,} more" if len(mends) > NAMES_SHOWN else ""
    return ", ".join(map(tidy, mends[:NAMES_SHOWN])) + more


# For programs.


def _print_json(bodies: Iterable[dict[str, Any]]) -> None:
    for body in bodies:
        print(json.dumps(body, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))


def _body(scope: str, exposure: Exposure) -> dict[str, Any]:
    return {"scope": scope, "points": exposure.points, "band": exposure.band, "terms": [term._asdict() for term in exposure.terms]}


def _site_body(site: Site, devices: Scores) -> dict[str, Any]:
    fixes = [_fix_body(one) for one in mended_site(site)]
    return _body("site", exposure_of_many(devices, site.nodes)) | {"ts": site.now, "devices": _bands(devices.values()), "fixes": fixes}


def _device_body(node: Node, exposure: Exposure) -> dict[str, Any]:
    known = {name: getattr(node, name) for name in ("id", "name", "address", "type", "vendor", "model", "firmware", "segment", "owner")}
    return _body("device", exposure) | {"device": {name: value for name, value in known.items() if value}}


def _fix_body(one: Mended) -> dict[str, Any]:
    """``points``: the score afterwards, ``together``: once those before it are done as well."""
    told = {"points": one.points, "together": one.together, "lowers": one.lowers}
    return {"key": one.fix.key, "title": one.fix.title, **told, "devices": list(one.devices), "mends": list(one.mends)}


def _csv_row(node: Node, exposure: Exposure) -> dict[str, str]:
    known = {name: getattr(node, name) for name in ("name", "address", "type", "vendor", "model", "segment")}
    return known | {"score": f"{exposure.points:.1f}", "band": exposure.band, "device": node.id} | {term.name: f"{term.points:.1f}" for term in exposure.terms}
