"""Coverage of connections and TLS sessions: one direction only, and hidden server names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from sensor.records.spans import CONTENT_BYTES, seen


def conn(*rows: tuple[int | None, str, int, int, int, int]) -> pa.Table:
    names = ("vlan", "proto", "src_bytes", "dst_bytes", "src_packets", "dst_packets")
    return pa.table({name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)})


def tls(*rows: tuple[int | None, str | None, bool | None]) -> pa.Table:
    vlans, prints, hidden = zip(*rows, strict=True)
    return pa.table({"vlan": pa.array(vlans, pa.int64()), "ja4": list(prints), "ech": pa.array(hidden, pa.bool_())})


def counted(vlans: list[int], **tables: pa.Table) -> dict[str, Any]:
    return {name: column.tolist() for name, column in seen(np.array(vlans, np.uint16), tables).items()}


def test_connections_with_content_count_in_the_first_row_of_their_vlan() -> None:
    """Short connections and UDP do not count, nor do those of VLANs without a row."""
    found = counted(
        [30, 0, 30],
        conn=conn(
            (30, "tcp", CONTENT_BYTES, 0, 9, 0),
            (30, "tcp", 0, CONTENT_BYTES, 0, 9),
            (30, "tcp", CONTENT_BYTES, 60, 9, 1),
            (30, "tcp", CONTENT_BYTES - 1, 0, 9, 0),
            (30, "udp", CONTENT_BYTES, 0, 9, 0),
            (None, "tcp", CONTENT_BYTES, 0, 9, 0),
            (40, "tcp", CONTENT_BYTES, 0, 9, 0),
        ),
    )
    assert found == {"connections": [3, 1, 0], "one_way": [2, 1, 0]}


def test_hellos_with_and_without_ech() -> None:
    """A session whose ClientHello was not captured does not count."""
    found = counted([0], tls=tls((None, "t13d", True), (None, "t13d", False), (None, None, None)))
    assert found == {"hellos": [2], "encrypted_hellos": [1]}


def test_without_connections_nothing_is_known() -> None:
    assert counted([0, 30]) == {}
