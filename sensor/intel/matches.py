"""Lists that contain a value, and whether an alert would follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from sensor.core.time_units import SECOND
from sensor.documents import DocumentErrors
from sensor.intel.compiled import Entry
from sensor.intel.names import ALLOW
from sensor.intel.store import ThreatLists

ALLOWS, ALERTS = "allows", "yes"


class Match(NamedTuple):
    """``verdict``: ``yes`` if an alert would follow, ``allows`` for an allow-list, otherwise why not."""

    value: str
    entry: Entry
    verdict: str


def matches(
    paths: Sequence[Path], values: Iterable[str], now: float, report: Callable[[DocumentErrors], None]
) -> list[Match]:
    """All matching entries of all lists. ``now``: seconds since the epoch; ``report`` receives the faults of lists that
    cannot be read; they are left out.
    """
    values, found = list(values), list[Match]()
    allowed = ThreatLists(more=(path for path in paths if path.stem.startswith(ALLOW)))
    for path in paths:
        try:
            lists = ThreatLists([path])
        except DocumentErrors as errors:
            report(errors)
            continue
        found += [
            Match(value, entry, _verdict(value, entry, path, allowed, now))
            for value in values
            if (entry := lists.named(value)) is not None
        ]
    return found


def _verdict(value: str, entry: Entry, path: Path, allowed: ThreatLists, now: float) -> str:
    ts = int(now) * SECOND
    if entry.expired(ts):
        return "no: expired"
    if path.stem.startswith(ALLOW):
        return ALLOWS
    return "no: allowed" if allowed.allows(value, ts) else ALERTS
