"""Causes of a device's exposure: its weaknesses, attacks with it as actor or target, its reachability, and unknown
attributes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sensor.core.alert import Severity
from sensor.core.reader import clean
from sensor.core.record_parts import objects
from sensor.inventory.habits import OUTSIDE
from sensor.posture.site import Node, Site
from sensor.posture.weakness import Fix, Weakness

Record = dict[str, Any]

# Detectors in these folders report changes, settings and exposure, which have separate terms or are no fault; all
# others report attacks.
NO_ATTACK = ("device.", "exposure.", "posture.")
# Severities of alerts that count.
SEVERE = frozenset(one.name for one in Severity if one >= Severity.medium)
# An open alert that was silent for this long no longer counts; an unseen recommendation stays open for the same time.
SILENT = timedelta(days=14)
LOOK = "Read `sensor alerts show`, fix the cause, isolate the device if it is compromised, then `sensor alerts close`."
CLOSED = "No open alert concerns it."
PCS = frozenset(("workstation", "mobile", "tablet"))
TYPE, FIRMWARE = "type", "firmware"
REACHED, INTERNET, BESIDE = "outside", "talks", "beside"
SHUT = Fix(
    "reach|outside",
    "Block inbound access from external hosts",
    (
        "Remove the port forwarding on the router, or `sensor firewall suggest exposure.inbound_from_internet`; then "
        "`sensor alerts close`."
    ),
    "No external host receives an answer.",
)


class AttackSign(NamedTuple):
    """An alert about an attack. ``risk``: 0 to 100, from the alert; ``fix``: the same for all alerts with one actor."""

    id: str
    risk: float
    title: str
    fix: Fix


class Causes(NamedTuple):
    """Of one device. ``weaknesses``: worst first; ``acts``, ``suffers``: attacks as actor, as target; ``reach``: hosts
    that can reach it; ``unknown``: its unknown attributes.
    """

    weaknesses: tuple[Weakness, ...] = ()
    acts: tuple[AttackSign, ...] = ()
    suffers: tuple[AttackSign, ...] = ()
    reach: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    criticality: str = ""


def causes_of(site: Site) -> dict[str, Causes]:
    """Causes of all present devices."""
    there = {name: node for name, node in site.nodes.items() if not node.gone}
    crowded = {node.segment for node in there.values() if node.type in PCS and node.segment}
    acts, suffers = _attacks(site, there)
    return {
        name: Causes(
            site.weaknesses.get(name, ()),
            tuple(acts.get(name, ())),
            tuple(suffers.get(name, ())),
            tuple(_reach(site, node, crowded)),
            tuple(_unknown(node)),
            node.aimed.criticality,
        )
        for name, node in there.items()
    }


def _reach(site: Site, node: Node, crowded: set[str]) -> Iterator[str]:
    if node.aimed.outside:
        yield REACHED
    habits = (site.seen.habits or {}).get(node.id)
    if habits is not None and any(peer == OUTSIDE for peer, _ in habits.uses):
        yield INTERNET
    if node.segment in crowded and node.type not in PCS:
        yield BESIDE


def _unknown(node: Node) -> Iterator[str]:
    if node.type in ("", "unknown"):
        yield TYPE
    if not node.firmware and node.type not in PCS:  # the firmware of workstations and phones is not observable
        yield FIRMWARE


# Attacks.


def _attacks(site: Site, there: Mapping[str, Node]) -> tuple[dict[str, list[AttackSign]], dict[str, list[AttackSign]]]:
    """Alerts by actor and by target, most severe first."""
    ends = site.ends
    acts: dict[str, list[AttackSign]] = {}
    suffers: dict[str, list[AttackSign]] = {}
    for record, alert in _alerts(site):
        actor = ends.device(record.get("src"), record)
        sign = _sign(alert, there.get(actor))
        if actor:
            acts.setdefault(actor, []).append(sign)
        targets = [record.get("dst"), *objects(record.get("targets"))]
        for target in dict.fromkeys(ends.device(end, record) for end in targets):
            if target and target != actor:
                suffers.setdefault(target, []).append(sign)
    for signs in (*acts.values(), *suffers.values()):
        signs.sort(key=lambda one: (-one.risk, one.id))
    return acts, suffers


def _sign(alert: Record, actor: Node | None) -> AttackSign:
    name = _text(alert.get("id"))
    title = _text(alert.get("title")) or _text(alert.get("detector"))
    risk = alert.get("risk")
    whose = f"Investigate and contain {actor.text}" if actor is not None else f"Investigate {name}: {title}"
    fix = Fix(f"alerts|{actor.id if actor is not None else name}", whose, LOOK, CLOSED)
    return AttackSign(name, min(100.0, max(0.0, float(risk))) if isinstance(risk, int | float) else 0.0, title, fix)


def _alerts(site: Site) -> Iterator[tuple[Record, Record]]:
    return (
        (record, alert)
        for record, alert in ongoing_alerts(site)
        if not _text(alert.get("detector")).startswith(NO_ATTACK)
    )


def ongoing_alerts(site: Site) -> Iterator[tuple[Record, Record]]:
    """Records of medium severity and above with their alerts: open, and not silent for long."""
    since = _days_before(site.now)
    for record in site.alerts:
        alert, severity = record.get("alert"), record.get("severity")
        if not isinstance(alert, dict) or "closed" in alert:
            continue
        if not isinstance(severity, str) or severity not in SEVERE:
            continue
        if record.get("action") != "close" or _text(alert.get("last") or record.get("ts")) >= since:
            yield record, alert


def _days_before(now: str) -> str:
    """In the sortable time format of records; empty if there is no time."""
    try:
        return (datetime.fromisoformat(now) - SILENT).isoformat()
    except (ValueError, OverflowError):
        return ""


def _text(value: Any) -> str:
    return clean(value, 256) if isinstance(value, str) else ""
