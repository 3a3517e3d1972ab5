"""``sensor vulns``: findings as people and programs read them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE
from sensor.cli._devices_csv import write_csv
from sensor.cli._known import Known, known, the_device
from sensor.cli._setup import complain
from sensor.cli._show import first_of, part, put, tidy
from sensor.cli._table import table
from sensor.cli._times import clock
from sensor.cli._vulns_feeds import reading, tell_age
from sensor.documents import DocumentErrors
from sensor.posture.about import About
from sensor.posture.database import DatabaseError
from sensor.posture.fleet import Fleet, Judged, ordered
from sensor.posture.priority import Priority
from sensor.posture.ranges import Verdict
from sensor.posture.sources import sources_of

Record = dict[str, Any]

LIST_COLUMNS = ("priority", "CVE", "affected", "cannot tell", "CVSS", "EPSS", "exploited", "title")
DEVICE_COLUMNS = ("priority", "CVE", "verdict", "why", "priority because", "title")
SHOW_COLUMNS = ("priority", "device", "address", "product", "firmware", "verdict", "why")
CSV_COLUMNS = (
    "priority", "cve", "device", "name", "address", "vendor", "model", "firmware", "verdict", "reason", "source", "cvss", "epss", "exploited", "title",
)  # fmt: skip
TITLE_SHOWN, PRODUCTS_SHOWN = 70, 20
STYLES = {"affected": "bold red", "cannot tell": "yellow"}


def _fleet(args: argparse.Namespace) -> tuple[Known, Fleet] | None:
    """The devices with all imported vulnerabilities; None after an error was printed. Feeds that are too old are reported."""
    try:
        base = reading(args)
        found = known(args, alerts=True)
        fleet = Fleet(found.fold.alerts.values(), base, found.details if found.reader is not None else None)
    except (DatabaseError, DocumentErrors) as error:
        complain(str(error), error="vulnerability.database")
        return None
    tell_age(sources_of(base), datetime.now(UTC), complain)
    return found, fleet


def list_vulnerabilities(args: argparse.Namespace) -> int:
    """The findings of the devices that match."""
    from sensor.cli._devices_list import Filter, Wrong, filter_of, filtered

    try:
        wanted = [filter_of(word) for word in args.words]
    except Wrong as wrong:
        complain(str(wrong), error="usage.unknown-filter")
        return USAGE
    assessed = _fleet(args)
    if assessed is None:
        return NOT_OPENED
    found_devices, fleet = assessed
    matching = filtered(found_devices, wanted)
    there = [Filter("state", "=", "present")] if all(one.key != "state" for one in wanted) else []
    records = filtered(found_devices, wanted + there)
    found = ordered(one for one in fleet.judge(records) if args.all or one.finding.verdict is not Verdict.NOT_AFFECTED)
    if args.json:
        _print_json(fleet, found)
    elif args.csv:
        write_csv(sys.stdout, CSV_COLUMNS, (_csv_row(fleet, one) for one in found))
    else:
        print(_listed(fleet, found, len(records), unclear=args.cannot_tell or args.all))
        if gone := len(matching) - len(records):
            print(f"left out: {gone:,} more {'that are' if gone > 1 else 'that is'} gone, see state=gone")
    return 0


def _listed(fleet: Fleet, found: list[Judged], devices: int, *, unclear: bool) -> str:
    """A row a CVE, by its most urgent finding. Those by which no device is known to be affected only where that is ``unclear`` is asked for."""
    by_cve: dict[str, list[Judged]] = {}
    for one in found:
        by_cve.setdefault(one.finding.cve, []).append(one)
    if not by_cve:
        return f"nothing is known against {devices:,} devices"
    known = {cve: several for cve, several in by_cve.items() if unclear or several[0].finding.verdict is Verdict.AFFECTED}
    if not known:
        return f"no device is known to be affected\n{_counted(found, devices, len(by_cve), hidden=len(by_cve))}"
    hidden, by_cve = len(by_cve) - len(known), known
    rows = [_list_row(fleet.about(cve), several) for cve, several in by_cve.items()]
    text = table(LIST_COLUMNS, rows, sys.stdout, lambda row: STYLES["affected"] if row[2] else STYLES["cannot tell"])
    return f"{text}\n{_counted(found, devices, len(by_cve) + hidden, hidden=hidden)}"


def _counted(found: list[Judged], devices: int, cves: int, *, hidden: int) -> str:
    """``4 CVEs; of 38 devices 2 are affected, of 7 more it cannot be told: --cannot-tell lists 3 more CVEs``."""
    hurt = {one.asset.id for one in found if one.finding.verdict is Verdict.AFFECTED}
    unclear = {one.asset.id for one in found if one.finding.verdict is Verdict.CANNOT_TELL} - hurt
    more = f": --cannot-tell lists {hidden:,} more CVEs" if hidden else ""
    return f"{cves:,} CVEs; of {devices:,} devices {len(hurt):,} are affected, unknown for {len(unclear):,} more{more}"


def _list_row(about: About, several: list[Judged]) -> tuple[str, ...]:
    counts = [sum(one.finding.verdict is verdict for one in several) for verdict in (Verdict.AFFECTED, Verdict.CANNOT_TELL)]
    return f"{several[0].points:.1f}", about.cve, *(str(count or "") for count in counts), *_scores(about), _short(about.title)


def _scores(about: About) -> tuple[str, str, str]:
    epss = "" if about.probability is None else f"{about.probability:.3f}"
    return "" if about.cvss is None else f"{about.cvss:.1f}", epss, ("ransomware" if about.ransomware else "yes") if about.exploited else ""


def device(args: argparse.Namespace) -> int:
    """All there is against one device."""
    if len(args.words) != 1:
        complain("expected device DEVICE: an id, an address, a MAC or a name", error="usage.missing-argument")
        return USAGE
    assessed = _fleet(args)
    if assessed is None:
        return NOT_OPENED
    found_devices, fleet = assessed
    record = the_device(found_devices.fold, args.words[0])
    if record is None:
        return NOT_FOUND
    found = ordered(one for one in fleet.judge([record]) if args.all or one.finding.verdict is not Verdict.NOT_AFFECTED)
    if args.json:
        _print_json(fleet, found)
        return 0
    if args.csv:
        write_csv(sys.stdout, CSV_COLUMNS, (_csv_row(fleet, one) for one in found))
        return 0
    for line in _told_version(fleet, record):
        put(line)
    rows = [
        (f"{one.points:.1f}", one.finding.cve, one.finding.verdict.value, tidy(one.finding.reason), terms_text(fleet.priority(one)), _title(fleet, one))
        for one in found
    ]
    put(table(DEVICE_COLUMNS, rows, sys.stdout, lambda row: STYLES.get(row[2], "")) if rows else "nothing is known against it")
    return 0


def _title(fleet: Fleet, one: Judged) -> str:
    return _short(fleet.about(one.finding.cve).title)


def _short(title: str) -> str:
    """The beginning of a title, whole words of it."""
    text = tidy(title)
    return text if len(text) <= TITLE_SHOWN else f"{text[:TITLE_SHOWN].rpartition(' ')[0]} …"


def _told_version(fleet: Fleet, record: Record) -> Iterator[str]:
    """The device, and the packets that told its version."""
    asset = fleet.asset(record)
    yield f"{_name(record)}: {tidy(asset.product) or 'vendor and model unknown'}, {tidy(asset.type)}"
    if asset.trouble:
        yield f"version: {tidy(asset.trouble)}"
    told = {(tidy(claim.get("observation")), tidy(claim.get("seen"))): claim for claim in asset.proof}
    for claim in told.values():
        seen = f"{tidy(claim.get('observation'))} is {tidy(claim.get('seen'), 120)!r}"
        when = f"{tidy(claim.get('count'))} times, last {clock(claim.get('last'))}; {tidy(claim.get('fingerprint'))}"
        yield f"version: {tidy(asset.firmware)}, for {seen} ({when})"


def _name(record: Record) -> str:
    body = part(record, "device")
    return " ".join(filter(None, (tidy(body.get("id")), first_of(body.get("ips")), tidy(body.get("hostname")))))


def show(args: argparse.Namespace) -> int:
    """What is known of a CVE, and the devices it is about."""
    if len(args.words) != 1:
        complain("expected show CVE, as CVE-2021-36260", error="usage.missing-argument")
        return USAGE
    assessed = _fleet(args)
    if assessed is None:
        return NOT_OPENED
    found_devices, fleet = assessed
    cve = args.words[0].upper()
    about = fleet.library.about(cve)
    if about is None:
        complain(f"{tidy(cve)} is in none of the sources: `sensor vulns sources` lists them", error="vulnerability.unknown")
        return NOT_FOUND
    found = fleet.of_cve(cve, found_devices.fold.devices.values())
    if args.json:
        print(json.dumps(about._asdict() | {"findings": [_body(fleet, one) for one in found]}, ensure_ascii=False, separators=(",", ":")))
        return 0
    for line in _about_lines(fleet, about):
        put(line)
    rows = [_show_row(one) for one in found]
    put(table(SHOW_COLUMNS, rows, sys.stdout, lambda row: STYLES.get(row[5], "")) if rows else "no device here is one of its products")
    if found:
        put(f"priority of the first: {terms_text(fleet.priority(found[0]))}")
    return 0


def _about_lines(fleet: Fleet, about: About) -> Iterator[str]:
    cvss, epss, _ = _scores(about)
    yield f"{about.cve}: {tidy(about.title)}"
    yield f"severity: CVSS {cvss or 'not rated'}, EPSS {epss or 'not scored'}{', rejected' if about.rejected else ''}"
    if about.exploited:
        since = f" since {tidy(about.exploited)}" if about.exploited != "known" else ""
        due = f"; due date {tidy(about.due)} (CISA)" if about.due else ""
        yield f"exploited: known{since}{', by ransomware' if about.ransomware else ''}{due}"
    for entry in fleet.library.curated.get(about.cve, ()):
        told = "; ".join(map(str, entry.ranges)) or f"no versions ({entry.basis})"
        yield f"curated: {'/'.join(entry.vendors)} {entry.product or entry.os}: {told}{f'; {entry.note}' if entry.note else ''}"
    products = fleet.library.products(about.cve)
    for source, vendor, product, versions in products[:PRODUCTS_SHOWN]:
        yield f"{source}: {tidy(vendor)} {tidy(product)}: {tidy(versions, 160)}"
    if len(products) > PRODUCTS_SHOWN:
        yield f"… and {len(products) - PRODUCTS_SHOWN:,} products more"
    yield f"fix: {f'{tidy(about.fixed)}. ' if about.fixed else ''}{tidy(about.advice)}"


def _show_row(one: Judged) -> tuple[str, ...]:
    body = part(one.device, "device")
    words = (one.asset.id, first_of(body.get("ips")), one.asset.product, one.asset.firmware, one.finding.verdict.value, one.finding.reason)
    return f"{one.points:.1f}", *map(tidy, words)


def terms_text(told: Priority) -> str:
    """The sum behind a priority, without what adds nothing."""
    terms = " + ".join(f"{term.points:.1f} {term.why}" for term in told.terms if term.points)
    return terms if told.share == 1 else f"{told.share} × ({terms})"


# For programs.


def _print_json(fleet: Fleet, found: Iterable[Judged]) -> None:
    for one in found:
        print(json.dumps(_body(fleet, one), ensure_ascii=False, separators=(",", ":")))


def _body(fleet: Fleet, one: Judged) -> Record:
    """A finding with the arithmetic of its priority and the packets that told the version."""
    told, about = fleet.priority(one), fleet.about(one.finding.cve)
    device_told = {name: value for name, value in one.asset._asdict().items() if name not in ("proof", "contested")}
    return {
        "cve": about.cve, "title": about.title, "priority": told.points, "share": told.share, "terms": [term._asdict() for term in told.terms],
        "device": device_told | {"ips": part(one.device, "device").get("ips") or []}, "verdict": one.finding.verdict.value, "reason": one.finding.reason,
        "source": one.finding.source, "product": one.finding.product, "certainty": one.finding.certainty, "cvss": about.cvss, "epss": about.probability,
        "exploited": about.exploited, "ransomware": about.ransomware, "fixed": about.fixed, "advice": about.advice, "evidence": list(one.asset.proof),
    }  # fmt: skip


def _csv_row(fleet: Fleet, one: Judged) -> dict[str, str]:
    about, body = fleet.about(one.finding.cve), part(one.device, "device")
    cvss, epss, exploited = _scores(about)
    values = (
        f"{one.points:.1f}", about.cve, one.asset.id, tidy(body.get("hostname")), first_of(body.get("ips")), one.asset.vendor, one.asset.model,
        one.asset.firmware, one.finding.verdict.value, one.finding.reason, one.finding.source, cvss, epss, exploited, about.title,
    )  # fmt: skip
    return dict(zip(CSV_COLUMNS, values, strict=True))
