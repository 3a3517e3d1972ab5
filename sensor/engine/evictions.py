"""Evictions by bounded tables, counted by table. Each table counts its own; this module finds and names the tables.

A name is the path from a unit to its table, such as ``inventory.table.leases`` or ``discovery.port_scan.reported``:
names come from code, never from peers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

COUNTERS = ("evicted", "evicted_keys", "evicted_pairs")
DEEPEST, FEW = 6, 16


def evictions(units: Mapping[str, object]) -> dict[str, int]:
    """Name of a table → its evictions, if there were any. A table that several units share has the name from the first
    of them.
    """
    found: dict[str, int] = {}
    seen: set[int] = set()
    for name, unit in units.items():
        for table, count in _within(name, unit, seen, DEEPEST):
            found[table] = found.get(table, 0) + count
    return found


def _within(name: str, one: object, seen: set[int], deep: int) -> Iterator[tuple[str, int]]:
    """(name, evictions) of an object and the objects it holds, each once."""
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
