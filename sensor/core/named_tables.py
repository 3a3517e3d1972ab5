"""Bounded tables by name: each unit names its tables where it makes them, and telemetry counts what they evict.

A name, such as ``inventory.table.leases`` or ``discovery.port_scan.reported``, is a label of a metric. Users refer to
it, so it stays the same when code is renamed. Names come from code, never from peers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar


class Table(Protocol):
    """``evicted``: number of entries evicted so far."""

    @property
    def evicted(self) -> int: ...


class Unit(Protocol):
    """An object with its own tables: (name, table)."""

    @property
    def tables(self) -> Iterable[tuple[str, Table]]: ...


SomeTable = TypeVar("SomeTable", bound=Table)
SomeUnit = TypeVar("SomeUnit", bound=Unit)


class NamedTables:
    """The bounded tables of a unit, and the units that it consists of."""

    def __init__(self) -> None:
        self._tables: dict[str, Table] = {}
        self._units: dict[str, Unit] = {}

    def add(self, name: str, table: SomeTable) -> SomeTable:
        """Name a table and return it. Raises ValueError if the name is in use."""
        if name in self._tables:
            raise ValueError(f"table {name}: another table has this name")
        self._tables[name] = table
        return table

    def include(self, name: str, unit: SomeUnit) -> SomeUnit:
        """Put ``name.`` before the names of a unit's tables, and return the unit. Raises ValueError if the name is in
        use.
        """
        if name in self._units:
            raise ValueError(f"unit {name}: another unit has this name")
        self._units[name] = unit
        return unit

    def __iter__(self) -> Iterator[tuple[str, Table]]:
        """(name, table) of all tables, those of units included."""
        yield from self._tables.items()
        for prefix, unit in self._units.items():
            for name, table in unit.tables:
                yield f"{prefix}.{name}", table

    def evicted(self) -> dict[str, int]:
        """Number of evictions by table, zeros omitted."""
        return {name: table.evicted for name, table in self if table.evicted}
