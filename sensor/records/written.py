"""The values and columns of written records, for the manifest. pyarrow is imported here, so that a run that only reads
the manifest does not load it.
"""

from __future__ import annotations

import functools
import zlib

import pyarrow as pa
import pyarrow.compute as pc

from sensor.records.columns import arrow_schema
from sensor.records.contents import endings
from sensor.records.schema import LIST, Table
from sensor.records.searched import DOMAINS, EXACT

LOOKED_FOR = EXACT.union(DOMAINS)


def shape_of(schema: pa.Schema) -> int:
    """A number for a set of columns: files with the same number can be read without checking the columns of each."""
    return zlib.crc32(str(schema).encode()) | 1  # never 0, which means unknown


@functools.cache
def shape_of_today(table: Table) -> int:
    """The shape of files that this version writes."""
    return shape_of(arrow_schema(table))


def values_in(table: Table, rows: pa.Table) -> set[bytes]:
    """The values of rows that a search may look for."""
    values = set[bytes]()
    for column in table.columns:
        if column.name in LOOKED_FOR and column.name in rows.column_names:
            cells = pc.unique(pc.list_flatten(rows[column.name]) if column.kind == LIST else rows[column.name])
            if column.name in EXACT:
                values.update(_bytes(cells))
            if column.name in DOMAINS:
                values.update(ending for name in _bytes(pc.utf8_lower(cells)) for ending in endings(name))
    return values


def _bytes(cells: pa.Array) -> list[bytes]:
    found: list[bytes] = cells.drop_null().cast(pa.binary()).to_pylist()
    return found
