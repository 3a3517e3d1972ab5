"""The kernels alone: record scan, decode, flows, select, without any Python per packet."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import sensor.dissectors
from sensor.capture.files import open_captures
from sensor.core.dissector import Dissector
from sensor.core.recent import RecentSet
from sensor.decode.flows import FlowTable
from sensor.decode.kernels import Kernels
from sensor.decode.select import Selector
from sensor.registry import units

STEPS = ("read and scan", "decode, flows, select")


def one_run(path: Path) -> tuple[int, dict[str, float]]:
    """(packets, seconds by step) of one pass over a capture file."""
    interests = [unit.interest for unit in units(sensor.dissectors, Dissector).values()]
    engine = Kernels(FlowTable(), Selector(interests, RecentSet()))
    spent, packets, clock = dict.fromkeys(STEPS, 0.0), 0, time.perf_counter
    source = open_captures([str(path)])
    began = clock()
    for batch in source.batches():
        spent[STEPS[0]] += clock() - began
        began = clock()
        engine.run(batch.data, batch.rows)
        spent[STEPS[1]] += clock() - began
        packets += len(batch)
        batch.release()
        began = clock()
    source.close()
    return packets, spent


def measure(path: Path, runs: int) -> Iterator[tuple[str, str, str]]:
    """Rows of the table: nanoseconds a packet, of the run with the least sum."""
    packets, spent = min((one_run(path) for _ in range(runs)), key=lambda run: sum(run[1].values()))
    steps = ", ".join(f"{step} {spent[step] / packets * 1e9:.0f}" for step in STEPS)
    yield "kernels alone, reading included", f"{sum(spent.values()) / packets * 1e9:.0f} ns a packet ({steps})", "under 250 ns"
