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

ALLOWS, ALERTS, EXPIRED = "allows", "yes", "no: expired"


class Match(NamedTuple):
    """``allows``: the entry is that of an allow-list; ``verdict``: ``yes`` if an alert would follow, ``allows`` if such
    an entry is valid, otherwise why not.
    """

    value: str
    entry: Entry
    verdict: str
    allows: bool

    @property
    def expired(self) -> bool:
        return self.verdict == EXPIRED


def matches(
    paths: Sequence[Path], values: Iterable[str], now: float, report: Callable[[DocumentErrors], object]
) -> list[Match]:
    """The closest entry of each list that contains a value: one that is valid, else one that expired. ``now``: seconds
    since the epoch; ``report`` receives the faults of lists that cannot be read; they are left out.
    """
    values, ts, found = list(values), int(now) * SECOND, list[Match]()
    allowed = ThreatLists(more=(path for path in paths if path.stem.startswith(ALLOW)))
    for path in paths:
        try:
            lists = ThreatLists([path])
        except DocumentErrors as errors:
            report(errors)
            continue
        found += [
            Match(value, entry, _verdict(value, entry, path, allowed, ts), path.stem.startswith(ALLOW))
            for value in values
            if (entry := lists.named(value, ts) or lists.named(value)) is not None
        ]
    return found


def _verdict(value: str, entry: Entry, path: Path, allowed: ThreatLists, ts: int) -> str:
    if entry.expired(ts):
        return EXPIRED
    if path.stem.startswith(ALLOW):
        return ALLOWS
    return "no: allowed" if allowed.allows(value, ts) else ALERTS
