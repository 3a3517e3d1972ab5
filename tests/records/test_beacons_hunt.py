"""The hunt for beacons on many connections, compared with a plain computation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sensor.records.columns import filled
from sensor.records.hunts_library import hunt, library
from sensor.records.query import Query
from sensor.records.schema import CONN
from sensor.records.writer import Writer

pytestmark = pytest.mark.usefixtures("queries_within")

PAIRS, SECOND, START_US = 60, 1_000_000, 1_700_000_000_000_000
OTHERS = 250_000


def beacons(draw: np.random.Generator) -> dict[int, np.ndarray[Any, np.dtype[np.int64]]]:
    """Start times of each pair, in microseconds: intervals of 2 to 600 s, regular to random."""
    made = {}
    for pair in range(PAIRS):
        interval, number = draw.choice([2, 5.5, 30, 60, 600]), int(draw.choice([19, 21, 60, 200]))
        jitter = draw.choice([0, 0.05, 0.2, 1.0])
        steps = interval * (1 + jitter * draw.uniform(-1, 1, number))
        made[pair] = START_US + (np.cumsum(steps) * SECOND).astype(np.int64)
    return made


def regular(moments: np.ndarray[Any, np.dtype[np.int64]]) -> tuple[int, float] | None:
    """Number and median interval, by the definition in the description of the hunt."""
    if len(moments) < 20:
        return None
    steps = np.diff(np.sort(moments // 1000)) / 1000
    middle = float(np.median(steps))
    spread = float(np.median(np.abs(steps - middle)))
    return (len(moments), middle) if middle >= 5 and spread <= 0.1 * middle else None


def written(folder: Path, made: dict[int, np.ndarray[Any, np.dtype[np.int64]]], draw: np.random.Generator) -> Path:
    """Records of the pairs among many other connections, in three files."""
    pair = np.concatenate([np.full(len(moments), pair) for pair, moments in made.items()])
    other = PAIRS + np.minimum(draw.zipf(1.3, OTHERS), 5_000)
    ts = np.concatenate([*made.values(), START_US + draw.integers(0, 86_400 * SECOND, OTHERS)])
    ends = np.concatenate([pair, other])
    order = np.argsort(ts % 3 * 10**16 + ts)  # each file holds a third of all, in order of time
    writer = Writer(folder, print, durable=False)
    for part in np.array_split(order, 3):
        columns = {
            "ts": pa.array(np.sort(ts[part]), pa.timestamp("us")),
            "src_ip": pa.array([f"10.0.{n >> 8}.{n & 255}" for n in ends[part][np.argsort(ts[part])]]),
            "dst_ip": pa.array(["203.0.113.9"] * len(part)),
            "dst_port": pa.array(np.full(len(part), 443)),
            "direction": pa.array(["outbound"] * len(part)),
        }
        with writer.manifest.transaction():
            writer.manifest.add(writer.file("conn", 0, [filled(CONN, columns, len(part))]))
    writer.close()
    return folder


def test_all_regular_pairs_are_found_and_no_others(tmp_path: Path) -> None:
    draw = np.random.default_rng(7)
    made = beacons(draw)
    expected = {f"10.0.0.{pair}": found for pair, moments in made.items() if (found := regular(moments)) is not None}
    assert 10 < len(expected) < PAIRS - 10
    query = Query(written(tmp_path, made, draw))
    try:
        answer = query.run(hunt(library()["beacons"]).sql)
    finally:
        query.close()
    rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    found = {row["src_ip"]: (row["connections"], row["interval_s"]) for row in rows}
    assert found.keys() == expected.keys()
    assert all(found[name] == (number, round(middle, 1)) for name, (number, middle) in expected.items())
