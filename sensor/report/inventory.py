"""Inventory: the devices of a report, and their weaknesses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sensor.core.reader import clean
from sensor.posture.scores.exposure import Exposure
from sensor.posture.site import Node, Site
from sensor.posture.weakness import Weakness
from sensor.report.model import AffectedDevice, Case, Device, Finding, Period, Score, Term
from sensor.report.proofs import Proofs, packet_of
from sensor.report.story import Story

TERMS_SHOWN, TEXT_LIMIT, SEEN_LIMIT = 8, 1024, 320


def score_of(exposure: Exposure | None) -> Score | None:
    """The score without terms that are zero."""
    if exposure is None:
        return None
    terms = [
        Term(name=one.name, points=round(one.points, 1), why=clean(one.why, TEXT_LIMIT))
        for one in exposure.terms
        if one.points
    ]
    return Score(points=round(exposure.points, 1), band=str(exposure.band), terms=terms[:TERMS_SHOWN])


def there(node: Node, period: Period) -> bool:
    """Whether a device was present in a period: it did not appear later, and was not gone before."""
    return (not period.until or node.first_seen <= period.until) and not (node.gone and node.last_seen < period.since)


def devices_of(
    site: Site, story: Story, period: Period, exposures: Mapping[str, Exposure], proofs: Proofs
) -> list[Device]:
    """Devices by type, product and address."""
    nodes = [node for node in site.nodes.values() if there(node, period)]
    return [
        _device(node, site.weaknesses.get(node.id, ()), story, exposures.get(node.id), proofs)
        for node in sorted(nodes, key=_order)
    ]


def findings_of(site: Site, devices: Iterable[Device], proofs: Proofs) -> list[Finding]:
    """Findings of present devices, most severe first."""
    named: dict[str, list[Weakness]] = {}
    for device in devices:
        for weakness in () if device.gone else site.weaknesses.get(device.id, ()):
            named.setdefault(clean(weakness.name, 64), []).append(weakness)
    return sorted(
        (_finding(name, several, proofs) for name, several in named.items()),
        key=lambda one: (-one.points, not one.sure, one.name),
    )


def _device(node: Node, weak: Iterable[Weakness], story: Story, exposure: Exposure | None, proofs: Proofs) -> Device:
    body = node.record.get("device")
    attributes = body if isinstance(body, dict) else {}
    return Device(
        id=node.id,
        type=node.type or "unknown",
        segment=node.segment,
        name=node.name,
        addresses=_texts(attributes.get("ips")),
        macs=_texts(attributes.get("macs")),
        vendor=node.vendor,
        model=node.model,
        firmware=node.firmware,
        serial=_text(attributes.get("serial")),
        os=_text(attributes.get("os")),
        owner=node.owner,
        criticality=_text(attributes.get("criticality")),
        roles=sorted(node.roles),
        services=sorted(node.services),
        first_seen=node.first_seen,
        last_seen=node.last_seen,
        gone=node.gone,
        score=None if node.gone else score_of(exposure),
        findings=[] if node.gone else list(dict.fromkeys(clean(one.name, 64) for one in weak)),
        proofs=_claims(node, story, proofs),
    )


def _claims(node: Node, story: Story, proofs: Proofs) -> list[str]:
    """Evidence for its attributes: the packet with the highest confidence for each current value."""
    known = story.claims.get(node.id, {})
    values = {"type": node.type, "vendor": node.vendor, "model": node.model, "firmware": node.firmware}
    packets: dict[tuple[str, str, str], list[str]] = {}
    for attribute, claim in known.items():
        if claim.get("value") == values.get(attribute):
            packets.setdefault(packet_of(claim), []).append(f"{attribute}: {values[attribute]}")
    return list(filter(None, (proofs.add(*packet, ", ".join(named)) for packet, named in packets.items())))


def _finding(name: str, several: list[Weakness], proofs: Proofs) -> Finding:
    """One finding on many devices."""
    worst = max(several, key=lambda one: (one.points, one.sure))
    cases: dict[tuple[str, bool], list[AffectedDevice]] = {}
    for one in several:
        proof = proofs.add(*(clean(text, SEEN_LIMIT) for text in one.proof))
        cases.setdefault((clean(one.why, TEXT_LIMIT), one.sure), []).append(
            AffectedDevice(device=one.device, proof=proof)
        )
    ordered = sorted(cases.items(), key=lambda case: (not case[0][1], -len(case[1]), case[0][0]))
    return Finding(
        name=name,
        kind=worst.kind,
        title=clean(worst.title, 256) or name,
        severity=max(one.severity for one in several).name,
        points=round(worst.points, 1),
        fix=clean(worst.fix.title, 256),
        steps=clean(worst.fix.steps, TEXT_LIMIT),
        test=clean(worst.fix.test, TEXT_LIMIT),
        cases=[Case(why=why, sure=sure, seats=seats) for (why, sure), seats in ordered],
    )


def _order(node: Node) -> tuple[Any, ...]:
    """Unknown types last; addresses in numerical order."""
    place = tuple(int(part) if part.isdecimal() else 999 for part in node.address.split("."))
    return (
        node.type in {"", "unknown"},
        node.type,
        node.vendor.casefold(),
        node.model.casefold(),
        place,
        node.address,
        node.id,
    )


def _texts(value: Any) -> list[str]:
    return [_text(one) for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return clean(value, 256) if isinstance(value, str) else ""
