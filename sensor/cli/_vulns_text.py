"""``sensor vulns``: findings as text or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from sensor.cli._show import first_of, number, part, tidy
from sensor.cli._table import for_terminal, table
from sensor.cli._times import clock
from sensor.core.device_text import product_text
from sensor.core.ids import short_id
from sensor.core.phrases import counted
from sensor.posture.vulnerabilities.about import About
from sensor.posture.vulnerabilities.fleet import Fleet
from sensor.views.vulnerabilities import (
    FindingRow,
    VulnerabilityRow,
    affected_and_unclear,
    by_cve,
)

Record = dict[str, Any]

LIST_COLUMNS = (
    "priority", "severity", "CVE", "affected", "unknown", "CVSS", "EPSS", "exploited", "first detected", "title",
)  # fmt: skip
DEVICE_COLUMNS = ("priority", "CVE", "verdict", "why", "priority because", "title")
SHOW_COLUMNS = ("priority", "device", "address", "product", "firmware", "verdict", "why")
CSV_COLUMNS = (
    "priority", "cve", "device", "name", "address", "vendor", "model", "firmware", "verdict", "reason", "source",
    "cvss", "epss", "exploited", "title", "first_detected",
)  # fmt: skip
TITLE_SHOWN, PRODUCTS_SHOWN = 70, 20
STYLES = {"affected": "bold red", "unknown": "yellow"}


def listed(found: list[FindingRow], devices: int, *, unclear: bool, narrowed: bool) -> str:
    """A row per CVE, by its most urgent finding. CVEs that may not affect a device only with ``unclear``;
    ``narrowed``: some were selected.
    """
    listed = by_cve(found)
    if not listed:
        return "no CVEs match" if narrowed else f"no known CVEs for {counted(devices, 'device')}"
    shown = [one for one in listed if unclear or one.affected]
    counts = _counted(found, devices, len(listed), hidden=len(listed) - len(shown))
    if not shown:
        return f"no device is known to be affected\n{counts}"
    text = table(
        LIST_COLUMNS,
        list(map(_list_row, shown)),
        sys.stdout,
        lambda row: STYLES["affected"] if row[3] else STYLES["unknown"],
    )
    return f"{text}\n{counts}"


def _counted(found: list[FindingRow], devices: int, cves: int, *, hidden: int) -> str:
    """``4 CVEs; of 38 devices 2 are affected, unknown for 7 more: --unknown lists 3 more CVEs``."""
    affected, unclear = affected_and_unclear(found)
    more = f": --unknown lists {counted(hidden, 'more CVE')}" if hidden else ""
    those = f"of {counted(devices, 'device')} {counted(affected, 'is', 'are')} affected"
    counts = f"{counted(cves, 'CVE')}; {those}, unknown for {unclear:,} more{more}"
    return for_terminal(counts, sys.stdout)


def _list_row(one: VulnerabilityRow) -> tuple[str, ...]:
    counts = (str(count or "") for count in (one.affected, one.unknown))
    return (
        f"{one.priority:.1f}",
        one.severity,
        one.cve,
        *counts,
        *_scores(one.cvss, one.epss, one.exploited, ransomware=one.ransomware),
        clock(one.first_detected),
        _short(one.title),
    )


def _scores(cvss: float | None, epss: float | None, exploited: str, *, ransomware: bool) -> tuple[str, str, str]:
    """CVSS, EPSS and exploitation as text; empty if unknown."""
    known = ("ransomware" if ransomware else "yes") if exploited else ""
    return "" if cvss is None else f"{cvss:.1f}", "" if epss is None else f"{epss:.3f}", known


def of_device(fleet: Fleet, record: Record, found: list[FindingRow]) -> Iterator[str]:
    """A device, the packets that showed its version, and a row for each finding."""
    yield from _version_lines(fleet, record)
    rows = [
        (f"{one.priority:.1f}", one.cve, _verdict(one), one.reason, terms_text(one), _short(one.title)) for one in found
    ]
    if rows:
        yield table(DEVICE_COLUMNS, rows, sys.stdout, lambda row: STYLES.get(row[2], ""))
    else:
        yield "no known CVEs"


def _verdict(one: FindingRow) -> str:
    """The verdict as text."""
    return one.verdict.replace("_", " ")


def _short(title: str) -> str:
    """The beginning of a title, in whole words."""
    text = tidy(title)
    return text if len(text) <= TITLE_SHOWN else f"{text[:TITLE_SHOWN].rpartition(' ')[0]} …"


def _version_lines(fleet: Fleet, record: Record) -> Iterator[str]:
    """The device, and the packets that contained its version."""
    asset = fleet.asset(record)
    yield f"{_name(record)}: {tidy(asset.product) or 'vendor and model unknown'}, {tidy(asset.type)}"
    if asset.trouble:
        yield f"version: {tidy(asset.trouble)}"
    claims = {(tidy(claim.get("observation")), tidy(claim.get("seen"))): claim for claim in asset.proof}
    for claim in claims.values():
        seen = f"{tidy(claim.get('observation'))} is {tidy(claim.get('seen'), 120)!r}"
        times = counted(number(claim.get("count")), "time")
        when = f"{times}, last {clock(claim.get('last'))}; {tidy(claim.get('fingerprint'))}"
        yield f"version: {tidy(asset.firmware)}, for {seen} ({when})"


def _name(record: Record) -> str:
    body = part(record, "device")
    return " ".join(filter(None, (tidy(body.get("id")), first_of(body.get("ips")), tidy(body.get("hostname")))))


def of_cve(fleet: Fleet, about: About, found: list[FindingRow]) -> Iterator[str]:
    """A CVE, and a row for each of its devices."""
    yield from _about_lines(fleet, about)
    if not found:
        yield "no device matches its products"
        return
    yield table(SHOW_COLUMNS, list(map(_show_row, found)), sys.stdout, lambda row: STYLES.get(row[5], ""))
    yield f"priority of the first: {terms_text(found[0])}"


def _about_lines(fleet: Fleet, about: About) -> Iterator[str]:
    cvss, epss, _ = _scores(about.cvss, about.probability, about.exploited, ransomware=about.ransomware)
    yield f"{about.cve}: {tidy(about.title)}"
    yield f"severity: CVSS {cvss or 'not rated'}, EPSS {epss or 'not scored'}{', rejected' if about.rejected else ''}"
    if about.exploited:
        since = f" since {tidy(about.exploited)}" if about.exploited != "known" else ""
        due = f"; due date {tidy(about.due)} (CISA)" if about.due else ""
        yield f"exploited: known{since}{', by ransomware' if about.ransomware else ''}{due}"
    for entry in fleet.library.curated.get(about.cve, ()):
        affected = "; ".join(map(str, entry.ranges)) or f"no versions ({entry.basis})"
        yield (
            f"curated: {'/'.join(entry.vendors)} {entry.product or entry.os}: "
            f"{affected}{f'; {entry.note}' if entry.note else ''}"
        )
    products = fleet.library.products(about.cve)
    for source, vendor, product, versions in products[:PRODUCTS_SHOWN]:
        yield f"{source}: {tidy(vendor)} {tidy(product)}: {tidy(versions, 160)}"
    if len(products) > PRODUCTS_SHOWN:
        yield f"… and {len(products) - PRODUCTS_SHOWN:,} more products"
    yield f"fix: {f'{tidy(about.fixed)}. ' if about.fixed else ''}{tidy(about.advice)}"


def _show_row(one: FindingRow) -> tuple[str, ...]:
    return (
        f"{one.priority:.1f}",
        short_id(one.device),
        one.address,
        product_text(one.vendor, one.model),
        one.firmware,
        _verdict(one),
        one.reason,
    )


def terms_text(one: FindingRow) -> str:
    """The sum behind a priority, without terms that add nothing."""
    terms = " + ".join(f"{term.points:.1f} {term.why}" for term in one.terms if term.points)
    return terms if one.share == 1 else f"{one.share} × ({terms})"


# JSON.


def print_json(found: Iterable[FindingRow]) -> None:
    """Print one line per finding."""
    for one in found:
        print(json.dumps(_body(one), ensure_ascii=False, separators=(",", ":")))


def print_about(about: About, found: Iterable[FindingRow]) -> None:
    """A CVE with its findings."""
    body = about._asdict() | {"findings": list(map(_body, found))}
    print(json.dumps(body, ensure_ascii=False, separators=(",", ":")))


def _body(one: FindingRow) -> Record:
    """A finding with the arithmetic of its priority and the packets that showed the version."""
    device_body = {
        "id": one.device,
        "name": one.name,
        "address": one.address,
        "vendor": one.vendor,
        "model": one.model,
        "type": one.type,
        "os": one.os,
        "firmware": one.firmware,
        "ips": one.addresses,
    }
    return {
        "cve": one.cve, "title": one.title, "priority": one.priority, "share": one.share,
        "terms": [term._asdict() for term in one.terms],
        "device": device_body, "verdict": _verdict(one), "reason": one.reason, "source": one.source,
        "product": one.product, "certainty": one.certainty,
        "severity": one.severity, "cvss": one.cvss, "epss": one.epss, "exploited": one.exploited,
        "ransomware": one.ransomware, "fixed": one.fixed, "advice": one.advice,
        "evidence": one.evidence, "first_detected": one.first_detected,
    }  # fmt: skip


def csv_row(one: FindingRow) -> dict[str, str]:
    """The values of CSV_COLUMNS."""
    values = (
        f"{one.priority:.1f}", one.cve, one.device, one.name, one.address, one.vendor, one.model, one.firmware,
        _verdict(one), one.reason, one.source,
        *_scores(one.cvss, one.epss, one.exploited, ransomware=one.ransomware), one.title,
        one.first_detected,
    )  # fmt: skip
    return dict(zip(CSV_COLUMNS, values, strict=True))
