"""Evictions: how often bounded tables had to let something go, by table. Each table counts for itself; here they are
found and named.

A name is the path from a unit to its table, such as ``inventory.table.leases`` or ``discovery.port_scan.reported``:
only code makes names, peers make none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

COUNTERS = ("evicted", "evicted_keys", "evicted_pairs")
DEEPEST, FEW = 6, 16


def evictions(units: Mapping[str, object]) -> dict[str, int]:
    """Name of a table → its evictions, where there were any. A table that several units know has the name that the
    first of them gives it.
    """
    found: dict[str, int] = {}
    seen: set[int] = set()
    for name, unit in units.items():
        for table, count in _within(name, unit, seen, DEEPEST):
            found[table] = found.get(table, 0) + count
    return found


def _within(name: str, one: object, seen: set[int], deep: int) -> Iterator[tuple[str, int]]:
    """(name, evictions) of a thing and of what it holds, everything once."""
    if id(one) in seen or not deep:
        return
    seen.add(id(one))
    count = sum(getattr(one, counter, 0) for counter in COUNTERS)
    if count:
        yield name, count
    for attribute, value in getattr(one, "__dict__", {}).items():
        for part in value[:FEW] if isinstance(value, tuple | list) else (value,):
            if type(part).__module__.startswith("sensor."):
                yield from _within(f"{name}.{attribute.strip('_')}", part, seen, deep - 1)
