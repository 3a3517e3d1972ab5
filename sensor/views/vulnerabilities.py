"""Vulnerabilities of the devices of a site: one row per CVE, or one per device and CVE."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from sensor.core.foreign import part, texts, tidy
from sensor.core.severities import SEVERITIES
from sensor.posture.alert_ends import GONE
from sensor.posture.picture import Picture
from sensor.posture.vulnerabilities.about import About
from sensor.posture.vulnerabilities.detected import first_detected
from sensor.posture.vulnerabilities.feeds.entry import CVE
from sensor.posture.vulnerabilities.fleet import DeviceFinding, Fleet, ordered
from sensor.posture.vulnerabilities.priority import Term
from sensor.posture.vulnerabilities.ranges import AffectedStatus
from sensor.posture.weakness import rated
from sensor.tables.lines import time_or
from sensor.views.errors import Malformed, Unknown, one_of
from sensor.views.known_values import check, check_vlans
from sensor.views.listing import contains, facets_of, page_of, value_of
from sensor.views.page import Page, mark_of
from sensor.views.severity_levels import levels_of

VERDICTS = {verdict.value.replace(" ", "_"): verdict for verdict in AffectedStatus}
STATES = ("present", "gone")
AFFECTED, UNKNOWN = "affected", "unknown"
BY_DEFAULT = (AFFECTED, UNKNOWN)


class VulnerabilityFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``text``: words that all occur in a finding; ``severity``: at least, by CVSS; ``device``: ids; ``exploited``:
    whether known to be exploited; ``state``: of the device, present or gone; ``since``: time (ns) of the first
    detection, without findings for which it is unknown.
    """

    text: str = ""
    cve: str = ""
    verdict: tuple[str, ...] = BY_DEFAULT
    severity: str = ""
    exploited: bool | None = None
    device: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    vendor: tuple[str, ...] = ()
    vlan: tuple[int, ...] = ()
    state: tuple[str, ...] = ("present",)
    since: int | None = None


EVERY_VULNERABILITY = VulnerabilityFilter()


class FindingRow(msgspec.Struct, frozen=True):
    """A CVE and a device. ``priority``: 0 to 100; ``verdict``: affected, not_affected or unknown, with its
    ``reason``; ``cvss`` and ``epss``: None if there is no score; ``exploited``: date since when exploitation is known,
    or ``known``; ``source``, ``product`` and ``certainty``: of the rule that matched; ``terms`` add up to the priority
    after multiplication by ``share``; ``evidence``: the packets that showed the firmware; ``first_detected``: RFC 3339,
    empty if unknown (``posture.vulnerabilities.detected``).
    """

    cve: str
    title: str
    verdict: str
    reason: str
    priority: float
    severity: str
    cvss: float | None
    epss: float | None
    exploited: str
    ransomware: bool
    device: str
    name: str
    address: str
    type: str
    vendor: str
    model: str
    firmware: str
    os: str
    addresses: list[str]
    vlan: int
    source: str
    product: str
    certainty: float
    share: float
    terms: list[Term]
    evidence: list[dict[str, Any]]
    fixed: str
    advice: str
    first_detected: str = ""


class VulnerabilityRow(msgspec.Struct, frozen=True):
    """A CVE with the number of devices by verdict. ``priority``: of its most urgent finding; ``devices``: ids, the most
    urgent first; ``first_detected``: of the first affected device, otherwise of the first one; empty if it is unknown
    for one of them.
    """

    cve: str
    title: str
    priority: float
    severity: str
    cvss: float | None
    epss: float | None
    exploited: str
    ransomware: bool
    affected: int
    unknown: int
    devices: list[str]
    fixed: str
    advice: str
    first_detected: str = ""


SORTS: dict[str, Callable[[Any], Any]] = {
    "priority": lambda row: -row.priority,
    "cve": lambda row: row.cve,
    "cvss": lambda row: -(row.cvss if row.cvss is not None else -1),
    "epss": lambda row: -(row.epss if row.epss is not None else -1),
    "first_detected": lambda row: -time_or(row.first_detected, 0),
}


def findings(
    picture: Picture,
    wanted: VulnerabilityFilter = EVERY_VULNERABILITY,
    sort: str = "priority",
    *,
    limit: int = 100,
    cursor: str = "",
) -> Page[FindingRow]:
    """A page of findings: affected devices first, then by ``sort``. Raises Unknown or Malformed for invalid
    arguments.
    """
    rows = every_finding(picture, wanted, sort)
    facets = facets_of(
        rows, {name: value_of(name) for name in ("verdict", "severity", "type", "vendor")} | {"exploited": _exploited}
    )
    return page_of(
        rows, lambda row: f"{row.cve} {row.device}", facets, mark_of("findings", wanted, sort), limit, cursor
    )


def vulnerabilities(
    picture: Picture,
    wanted: VulnerabilityFilter = EVERY_VULNERABILITY,
    sort: str = "priority",
    *,
    limit: int = 100,
    cursor: str = "",
) -> Page[VulnerabilityRow]:
    """A page of CVEs: those that affect a device first, then by ``sort``. Raises Unknown or Malformed for invalid
    arguments.
    """
    rows = by_cve(every_finding(picture, wanted), sort)
    facets = facets_of(
        rows,
        {
            "verdict": lambda row: BY_DEFAULT[not row.affected],
            "severity": value_of("severity"),
            "exploited": _exploited,
        },
    )
    return page_of(rows, value_of("cve"), facets, mark_of("vulnerabilities", wanted, sort), limit, cursor)


def every_finding(
    picture: Picture, wanted: VulnerabilityFilter = EVERY_VULNERABILITY, sort: str = "priority"
) -> list[FindingRow]:
    """All matches, without pages."""
    return sorted(_findings(picture, wanted), key=lambda row: (row.verdict != AFFECTED, _key(sort)(row)))


def by_cve(found: Iterable[FindingRow], sort: str = "priority") -> list[VulnerabilityRow]:
    """Findings combined to one row per CVE."""
    several: dict[str, list[FindingRow]] = {}
    for row in found:
        several.setdefault(row.cve, []).append(row)
    return sorted(map(_vulnerability, several.values()), key=lambda row: (not row.affected, _key(sort)(row)))


def affected_and_unclear(found: Iterable[FindingRow]) -> tuple[int, int]:
    """Number of devices affected by some CVE, and of further devices for which that is unknown for some CVE."""
    affected, unclear = set[str](), set[str]()
    for row in found:
        if row.verdict == AFFECTED:
            affected.add(row.device)
        elif row.verdict == UNKNOWN:
            unclear.add(row.device)
    return len(affected), len(unclear - affected)


def _key(sort: str) -> Callable[[Any], Any]:
    one_of("sort", [sort], SORTS)
    return SORTS[sort]


def _findings(picture: Picture, wanted: VulnerabilityFilter) -> list[FindingRow]:
    """All matches, in the order of ``posture.fleet.ordered``."""
    one_of("verdict", wanted.verdict, VERDICTS)
    one_of("state", wanted.state, STATES)
    check("type", wanted.type)
    check_vlans(wanted.vlan)
    _check_cve(picture, wanted.cve)
    levels = levels_of(wanted.severity)
    for name in wanted.device:
        if picture.known.device(name) is None:
            raise Unknown("id", name, picture.known.devices)
    fleet, ids = picture.fleet, frozenset(wanted.device)
    records = [record for record in picture.known.devices.values() if _of_device(record, wanted, ids)]
    evaluated = fleet.of_cve(wanted.cve.upper(), records) if wanted.cve else ordered(fleet.evaluate(records))
    verdicts = {VERDICTS[name] for name in wanted.verdict or VERDICTS}
    rows = (_finding(fleet, one) for one in evaluated if one.finding.verdict in verdicts)
    return [row for row in rows if _fits(row, wanted, levels)]


def _check_cve(picture: Picture, cve: str) -> None:
    """Raises Malformed if a text is no CVE id, or none that a source of vulnerabilities contains."""
    if cve and not CVE.match(cve.upper()):
        raise Malformed("cve", cve, "a CVE id such as CVE-2021-44228")
    if cve and picture.fleet.library.about(cve.upper()) is None:
        raise Malformed("cve", cve, "the id of a vulnerability that a source contains (`sensor vulns sources`)")


def _of_device(record: dict[str, Any], wanted: VulnerabilityFilter, ids: frozenset[str]) -> bool:
    """Whether a device is wanted. ``ids``: those that are, if any are given."""
    device = part(record, "device")
    return (
        (not wanted.state or STATES[record.get("action") == GONE] in wanted.state)
        and (not ids or device.get("id") in ids)
        and (not wanted.type or (tidy(device.get("type")) or "unknown") in wanted.type)
        and (not wanted.vendor or (tidy(device.get("vendor")) or "unknown") in wanted.vendor)
        and (not wanted.vlan or _vlan(device) in wanted.vlan)
    )


def _fits(row: FindingRow, wanted: VulnerabilityFilter, levels: range) -> bool:
    if SEVERITIES.index(row.severity) not in levels:
        return False
    if wanted.exploited is not None and bool(row.exploited) != wanted.exploited:
        return False
    if wanted.since is not None and time_or(row.first_detected, -1) < wanted.since:
        return False
    return not wanted.text or contains(
        wanted.text,
        (
            row.cve,
            row.title,
            row.reason,
            row.device,
            row.name,
            row.address,
            row.vendor,
            row.model,
            row.os,
            row.firmware,
        ),
    )


def _finding(fleet: Fleet, one: DeviceFinding) -> FindingRow:
    about, device = fleet.about(one.finding.cve), part(one.device, "device")
    asset, priority, addresses = one.asset, fleet.priority(one), [tidy(ip) for ip in texts(device.get("ips"))]
    return FindingRow(
        **_about(about), verdict=one.finding.verdict.value.replace(" ", "_"), reason=tidy(one.finding.reason),
        priority=one.points, device=asset.id,
        name=tidy(device.get("hostname")), address=next(iter(addresses), ""), addresses=addresses,
        type=asset.type or "unknown", vendor=asset.vendor,
        model=asset.model, firmware=asset.firmware, os=asset.os, vlan=_vlan(device),
        source=one.finding.source, product=one.finding.product, certainty=one.finding.certainty, share=priority.share,
        terms=list(priority.terms),
        evidence=list(asset.proof), first_detected=first_detected(about, asset.proof),
    )  # fmt: skip


def _about(about: About) -> dict[str, Any]:
    return {
        "cve": about.cve, "title": tidy(about.title), "severity": rated(about.cvss).name, "cvss": about.cvss,
        "epss": about.probability,
        "exploited": tidy(about.exploited), "ransomware": about.ransomware, "fixed": tidy(about.fixed),
        "advice": tidy(about.advice, 2048),
    }  # fmt: skip


def _vulnerability(found: Iterable[FindingRow]) -> VulnerabilityRow:
    rows = list(found)
    first, verdicts = rows[0], [row.verdict for row in rows]
    return VulnerabilityRow(
        first.cve, first.title, first.priority, first.severity, first.cvss, first.epss, first.exploited,
        first.ransomware, verdicts.count("affected"),
        verdicts.count("unknown"), [row.device for row in rows], first.fixed, first.advice,
        min(row.first_detected for row in rows if row.verdict == first.verdict),
    )  # fmt: skip


def _vlan(device: dict[str, Any]) -> int:
    vlan = device.get("vlan")
    return vlan if isinstance(vlan, int) else 0


def _exploited(row: FindingRow | VulnerabilityRow) -> str:
    return "yes" if row.exploited else "no"
