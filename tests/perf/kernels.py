"""The kernels alone: record scan, decode, flows, select, without any Python per packet."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import sensor.dissectors
from sensor.capture.files import open_captures
from sensor.core.dissector import Dissector
from sensor.core.recent import RecentSet
from sensor.decode.flows import FlowTable, until
from sensor.decode.frames import decode
from sensor.decode.select import Selector
from sensor.registry import units

SECOND = 1_000_000_000
STEPS = ("scan", "decode", "flows", "select")


def one_run(path: Path) -> tuple[int, dict[str, float]]:
    """(packets, seconds by step) of one pass over a capture file."""
    flows = FlowTable()
    selector = Selector([unit.interest for unit in units(sensor.dissectors, Dissector).values()], RecentSet())
    spent, packets, second, clock = dict.fromkeys(STEPS, 0.0), 0, -1, time.perf_counter
    source = open_captures([str(path)])
    began = clock()
    for batch in source.batches():
        spent["scan"] += clock() - began
        began = clock()
        decode(batch.data, batch.rows)
        spent["decode"] += clock() - began
        start, packets = 0, packets + len(batch)
        while start < len(batch):
            began = clock()
            second = int(batch.rows["ts"][start]) // SECOND
            stop = max(until(batch.rows, start, second), start + 1)
            flows.follow(batch.rows, start, stop)
            flows.sweep(second * SECOND)
            spent["flows"] += clock() - began
            began = clock()
            selector.select(batch.data, batch.rows, start, stop, flows)
            spent["select"] += clock() - began
            start = stop
        batch.release()
        began = clock()
    source.close()
    return packets, spent


def measure(path: Path, runs: int) -> Iterator[tuple[str, str, str]]:
    """Rows of the table: nanoseconds a packet, of the run with the least sum."""
    packets, spent = min((one_run(path) for _ in range(runs)), key=lambda run: sum(run[1].values()))
    steps = " + ".join(f"{step} {spent[step] / packets * 1e9:.0f}" for step in STEPS)
    yield "kernels alone", f"{sum(spent.values()) / packets * 1e9:.0f} ns a packet", "under 250 ns"
    yield "  of which", steps, ""
