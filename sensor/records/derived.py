"""Columns that are not in the files of records: computed for rows that are read without a query."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sensor.core.addresses import parse
from sensor.core.community_id import community_id
from sensor.records import columns, community
from sensor.records.block import HEAD
from sensor.records.codes import proto_number
from sensor.records.schema import CONN, LIST, Table

HALF = 64
MASK = (1 << HALF) - 1


def completed(table: Table, rows: pa.Table, alerts: Mapping[int, list[str]] | None = None) -> pa.Table:
    """Rows of files with the columns of the table: hidden ones are left out, derived ones are computed; null if that
    needs other rows. ``alerts``: ids of the alerts of connections, by uid.
    """
    known = {name: rows[name] for name in rows.schema.names}
    if table is CONN:
        known["community_id"] = community_ids(rows)
        if alerts:
            kind = columns.TYPES[LIST]
            known["alert_ids"] = pa.array([alerts.get(uid) for uid in rows["uid"].to_pylist()], kind)
    arrays = [
        known.get(one.name, pa.nulls(len(rows), columns.TYPES[one.kind])) if one.derived else known[one.name]
        for one in table.columns
        if one.derived or one.name in known
    ]
    return pa.Table.from_arrays(arrays, [one.name for one in table.columns if one.derived or one.name in known])


def community_ids(rows: pa.Table) -> pa.Array:
    """The Community ID of each connection; null if it has none."""
    heads = np.zeros(len(rows), HEAD)
    for end, port in (("src", "sport"), ("dst", "dport")):
        places, texts = _coded(rows[f"{end}_ip"])
        numbers = [parse(text) if text else 0 for text in texts]
        heads[f"{end}_hi"] = np.array([number >> HALF for number in numbers], np.uint64)[places]
        heads[f"{end}_lo"] = np.array([number & MASK for number in numbers], np.uint64)[places]
        heads[port] = rows[f"{end}_port"].fill_null(0).to_numpy().astype(np.uint16)
    places, texts = _coded(rows["proto"])
    heads["proto"] = np.array([proto_number(text) for text in texts], np.uint8)[places]
    return columns.strings(*community.ids(heads))


def _coded(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int32], list[str | None]]:
    """Texts as indexes into the distinct ones, of which null is one."""
    coded = columns.decoded(column.combine_chunks()).dictionary_encode(null_encoding="encode")
    return coded.indices.to_numpy(), coded.dictionary.to_pylist()


def community_of(row: Mapping[str, Any]) -> str | None:
    """The Community ID of the connection of a row of any traffic table; None if it has none."""
    number = proto_number(row.get("proto"))
    if not number or not row.get("src_ip") or not row.get("dst_ip"):
        return None
    found = community_id(parse(row["src_ip"]), parse(row["dst_ip"]), number, row["src_port"] or 0, row["dst_port"] or 0)
    return found or None
