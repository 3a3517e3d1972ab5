"""What was captured of the connections and TLS sessions that are written with a span of coverage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

# Bytes of a side that make a connection with content.
CONTENT_BYTES = 1000

Counted = npt.NDArray[np.int64]


def seen(vlans: npt.NDArray[np.uint16], tables: Mapping[str, pa.Table]) -> dict[str, Counted]:
    """Columns of ``coverage``, from the rows that are written with it: each VLAN's numbers in the first row of the
    VLAN. ``vlans``: of the rows, 0 untagged.
    """
    numbers, first = np.unique(vlans, return_index=True)
    made = dict[str, Counted]()
    for name, (table, chosen) in _chosen(tables).items():
        theirs = _vlans(table, chosen)
        at = np.searchsorted(numbers, theirs[np.isin(theirs, numbers)])
        made[name] = np.zeros(len(vlans), np.int64)
        made[name][first] = np.bincount(at, minlength=len(numbers))
    return made


def _chosen(tables: Mapping[str, pa.Table]) -> dict[str, tuple[pa.Table, Any]]:
    """Table and selection of the rows of each column."""
    found: dict[str, tuple[pa.Table, Any]] = {}
    if (conn := tables.get("conn")) is not None:
        content = pc.max_element_wise(conn["src_bytes"], conn["dst_bytes"])
        over = pc.and_(pc.equal(conn["proto"], "tcp"), pc.greater_equal(content, CONTENT_BYTES))
        least = pc.min_element_wise(conn["src_packets"], conn["dst_packets"])
        found |= {"connections": (conn, over), "one_way": (conn, pc.and_(over, pc.equal(least, 0)))}
    if (tls := tables.get("tls")) is not None:
        found |= {"hellos": (tls, pc.is_valid(tls["ja4"])), "encrypted_hellos": (tls, tls["ech"])}
    return found


def _vlans(table: pa.Table, chosen: Any) -> Counted:
    """The VLANs of the chosen rows, 0 untagged."""
    found: Counted = pc.fill_null(table["vlan"].filter(chosen), 0).to_numpy().astype(np.int64)
    return found
