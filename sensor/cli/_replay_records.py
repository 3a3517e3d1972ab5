"""The parts of records that the tables at the end of a replay show: whole records take more than twice the memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from sensor.eventlog.fold import Fold
from sensor.eventlog.packed_records import PackedRecords

if TYPE_CHECKING:
    from sensor.core.record import Record

# By kind, what ``_show`` and ``_incidents`` print: fields of the record, and of the object that is named like the kind.
FIELDS = {
    "device": ("action", "reason"),
    "alert": ("ts", "severity", "msg", "src", "dst", "targets"),
    "incident": ("action", "severity", "msg"),
}
PARTS = {
    "device": ("id", "type", "vendor", "model", "hostname", "ips", "macs", "confidence", "last_seen"),
    "alert": ("id", "detector", "count", "risk", "last"),
    "incident": ("id", "risk", "count", "last"),
}
END = ("ip", "hostname", "mac", "device")
# Fields that ``--json`` prints: evidence remains in the log only.
WHOLE = ("ts", "kind", "action", "severity", "msg", "device", "reason", "alert", "incident", "src", "dst", "targets")


def new_fold() -> Fold:
    """Keeps records as JSON: a replay may have many."""
    return Fold(PackedRecords)


def collector(fold: Fold, *, whole: bool) -> Callable[[Record], None]:
    """A listener that folds records: the parts that tables show, or, if ``whole``, those that ``--json`` prints."""
    reduced = _whole if whole else _tabled

    def collect(record: Record) -> None:
        if record.kind in FIELDS:
            fold.add(reduced(record))

    return collect


def _whole(record: Record) -> dict[str, Any]:
    return _some(record, WHOLE)


def _tabled(record: Record) -> dict[str, Any]:
    made, about = _some(record, FIELDS[record.kind]), getattr(record, record.kind)
    for name in ("src", "dst"):
        if name in made:
            made[name] = _end(made[name])
    if "targets" in made:  # tables show the first and the number
        made["targets"] = [_end(one) if not at else {} for at, one in enumerate(made["targets"])]
    about = {name: about[name] for name in PARTS[record.kind] if name in about}
    return {"kind": record.kind, record.kind: about, **made}


def _some(record: Record, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(record, name)) is not UNSET}


def _end(end: dict[str, Any]) -> dict[str, Any]:
    return {name: end[name] for name in END if name in end}
