"""Loads an older report from its JSON, or from the HTML that contains it."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from sensor.report.model import FORMAT, VERSION, Report

SIZE_LIMIT = 1 << 30
_CARRIED = re.compile(rb'<script type="application/json" id="report">(.*?)</script>', re.DOTALL)
_DECODER = msgspec.json.Decoder(Report)


class BadReport(Exception):
    """It is not a report; the text is the reason."""


def encoded(report: Report) -> bytes:
    """As JSON with a final line end."""
    return msgspec.json.encode(report) + b"\n"


def stored(path: Path) -> Report:
    """Raises BadReport if it is not a report; OSError if it cannot be read."""
    if path.stat().st_size > SIZE_LIMIT:
        raise BadReport(f"{path}: over {SIZE_LIMIT >> 20:,} MiB, expected a report of this sensor")
    data = path.read_bytes()
    if data[:4] == b"%PDF":
        raise BadReport(f"{path}: a PDF contains no data, expected the HTML or the JSON of a report")
    if data.lstrip()[:1] == b"<":
        carried = _CARRIED.search(data)
        if carried is None:
            raise BadReport(f"{path}: found HTML without a report, expected one that `sensor report` wrote")
        data = carried[1]
    try:
        report = _DECODER.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:  # a ValidationError is a DecodeError
        raise BadReport(f"{path}: not a report of this sensor: {error}") from None
    if report.format != FORMAT or report.version > VERSION:
        raise BadReport(
            f"{path}: found {report.format} version {report.version}, expected {FORMAT} version {VERSION} or older"
        )
    return report
