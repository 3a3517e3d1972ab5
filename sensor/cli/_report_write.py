"""``sensor report``: from a log and an inventory to the file."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from pathlib import Path
from typing import NamedTuple

from sensor.cli._codes import NOT_OPENED, USAGE
from sensor.cli._configuration import configuration
from sensor.cli._data import dataset_of, head, need_log
from sensor.cli._setup import complain, complain_of_faults, lists_folder
from sensor.cli._show import tidy
from sensor.cli._site import site_of
from sensor.cli._tickets_open import policy_of
from sensor.cli._vulns_feeds import reading
from sensor.core.phrases import counted
from sensor.datasets.card import LIVE
from sensor.documents import DocumentErrors
from sensor.eventlog.paths import folder_to_read
from sensor.intel.list_sources import load_sources
from sensor.posture.scores.trend import FILE, read
from sensor.posture.tickets.ledger import LedgerError, read_ledger
from sensor.posture.tickets.policy import Policy
from sensor.posture.vulnerabilities.database import DatabaseError
from sensor.posture.vulnerabilities.sources import Source, sources_of
from sensor.report.build import Listed, Sources, report_of
from sensor.report.links import PAPER
from sensor.report.model import Report
from sensor.report.page import page
from sensor.report.pdf import NoPdf, pdf, writer
from sensor.report.period import PeriodSpec, is_time, period_spec
from sensor.report.stored import BadReport, encoded, stored
from sensor.report.story import Story

STANDARD_OUTPUT = Path("-")
ENDINGS = {".html": "html", ".htm": "html", ".pdf": "pdf", ".json": "json"}


class Requested(NamedTuple):
    """The requested output. ``older``: the report to compare with."""

    kind: str
    period_spec: PeriodSpec
    older: Report | None
    policy: Policy


def write(args: argparse.Namespace) -> int:
    requested = _requested(args)
    if isinstance(requested, int):
        return requested
    sources = _sources(args, requested.policy, Story(requested.period_spec.until))
    if sources is None:
        return NOT_OPENED
    report = report_of(sources._replace(older=requested.older), requested.period_spec)
    if _has_no_data(args, report):
        return NOT_OPENED
    return _put(args.output, _written(report, requested.kind), report)


def _has_no_data(args: argparse.Namespace, report: Report) -> bool:
    """Whether the period has no data, after an error: the report would state that no alert was raised."""
    dataset, period = dataset_of(args), report.period
    if not (args.period or args.since or args.until) or not (is_time(dataset.span.first) and period.until):
        return False
    is_after = dataset.kind != LIVE and period.since > dataset.span.last
    if period.until >= dataset.span.first and not is_after:
        return False
    span = f"{period.since[:16]}Z to {period.until[:16]}Z"
    complain(f"no report was written: {span} is outside of the data: {head(dataset)}", error="dataset.empty")
    return True


def _requested(args: argparse.Namespace) -> Requested | int:
    """The exit code after an error if an option is invalid or missing, before large files are read."""
    kind = args.format or ENDINGS.get(args.output.suffix.lower(), "")
    if not kind:
        complain(
            f"found -o {tidy(str(args.output))}, expected a name that ends with .html, .pdf or .json, or --format",
            error="usage.invalid-value",
        )
        return USAGE
    try:
        if kind == "pdf":
            writer()
        older = stored(args.against) if args.against is not None else None
        return Requested(
            kind,
            period_spec(args.period, args.since, args.until),
            older,
            policy_of(configuration(args).tickets),
        )
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return USAGE
    except ValueError as error:
        complain(tidy(str(error)), error="usage.invalid-value")
        return USAGE
    except (BadReport, NoPdf) as error:
        complain(tidy(str(error)), error="report.not-possible")
        return NOT_OPENED
    except OSError as error:
        complain(f"cannot read {args.against}: {error.strerror}", error="file.not-read")
        return NOT_OPENED


def _written(report: Report, kind: str) -> bytes:
    if kind == "json":
        return encoded(report)
    return pdf(page(report, PAPER)) if kind == "pdf" else page(report, embedded=encoded(report).strip()).encode()


def _sources(args: argparse.Namespace, policy: Policy, story: Story) -> Sources | None:
    """None after an error if something cannot be read. Stored scores and tickets come from the state folder, unless
    only a log is given.
    """
    args.for_programs = args.output == STANDARD_OUTPUT
    need_log(args, "alerts")
    site = site_of(args, story.take)
    if site is None:
        return None
    dataset = dataset_of(args)
    if dataset.inventory is None:
        return Sources(site, story, policy, feeds=_feeds(args))
    try:
        lists = _lists(lists_folder(args.state or folder_to_read()))
        return Sources(site, story, policy, read_ledger(dataset.folder), _feeds(args), lists, read(dataset.folder).days)
    except LedgerError as error:
        complain(str(error), error="ticket.ledger")
    except OSError as error:
        complain(f"cannot read {dataset.folder / FILE}: {error.strerror}", error="file.not-read")
    return None


def _feeds(args: argparse.Namespace) -> list[Source]:
    """The imported feeds; empty if they cannot be read, which the site has reported."""
    with contextlib.suppress(DatabaseError):
        return sources_of(reading(args))
    return []


def _lists(folder: Path) -> list[Listed]:
    """Threat lists; the faults of invalid ones are printed, and the report is written without them."""
    try:
        return [Listed(one.name, one.entries, one.fetched) for one in load_sources(folder)]
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return []


def _replace(path: Path, data: bytes) -> None:
    """Replace the file atomically."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _put(path: Path, data: bytes, report: Report) -> int:
    """Write to standard output, or atomically to a file."""
    if path == STANDARD_OUTPUT:
        sys.stdout.buffer.write(data)
        return 0
    try:
        if path.exists() and not path.is_file():  # a pipe or a device is written, never replaced
            path.write_bytes(data)
        else:
            _replace(path.resolve(), data)
    except OSError as error:
        complain(f"cannot write {path}: {error.strerror}", error="file.not-written")
        return NOT_OPENED
    counts = [
        counted(len(report.devices), "device"),
        counted(len(report.findings), "finding"),
        counted(len(report.alerts), "alert"),
    ]
    span = f"{report.period.since[:16]}Z to {report.period.until[:16]}Z" if report.period.until else report.period.label
    print(f"{path}: {', '.join(counts)}; {span}")
    return 0
