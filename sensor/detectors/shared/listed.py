"""Text and facts of a threat list entry in alerts."""

from __future__ import annotations

from sensor.core.detector import Listed
from sensor.detectors.shared.hosts import Numbers

DAY = 86_400


def listing(entry: Listed, ts: int) -> str:
    """The entry, its list, category and age: ``203.0.113.0/24 on threat list feodo (botnet), first seen 12 days
    before``.
    """
    reason = f"{entry.entry} on threat list {entry.list_name}" + (f" ({entry.category})" if entry.category else "")
    days = age(entry, ts)
    return reason + (f", first seen {days} days before" if days >= 0 else "")


def facts(entry: Listed, ts: int) -> Numbers:
    """Facts of an alert about the entry."""
    found: Numbers = {
        "list": entry.list_name,
        "entry": entry.entry,
        "category": entry.category or "none given",
    }
    days = age(entry, ts)
    return found | {"age_days": days, "list_confidence": entry.confidence} if days >= 0 else found


def age(entry: Listed, ts: int) -> int:
    """Days from the first sighting to ``ts`` (ns), -1 if it is unknown or in the future."""
    return max((ts // 1_000_000_000 - entry.seen) // DAY, -1) if entry.seen else -1
