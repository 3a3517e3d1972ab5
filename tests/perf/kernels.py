"""The kernels alone: record scan, decode, flows, select, without any Python per packet. Time of the system to read the
file is separate.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import sensor.dissectors
from sensor.capture.blocks import BLOCK
from sensor.capture.files import open_captures
from sensor.core.dissector import Dissector
from sensor.core.recent import RecentSet
from sensor.decode.flows import FlowTable
from sensor.decode.kernels import Kernels
from sensor.decode.select import Selector
from sensor.registry import units
from tests.native import speed

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


def reading(path: Path) -> float:
    """Seconds to read all bytes of the file, in blocks as the source does."""
    block = bytearray(BLOCK)
    with path.open("rb", buffering=0) as file:
        began = time.perf_counter()
        while file.readinto(block):
            pass
        return time.perf_counter() - began


def measure(path: Path, runs: int) -> Iterator[tuple[str, str, str]]:
    """Rows of the table: nanoseconds per packet, of the run with the least sum."""
    packets, spent = min((one_run(path) for _ in range(runs)), key=lambda run: sum(run[1].values()))
    read = min(reading(path) for _ in range(runs))
    whole, parts = sum(spent.values()), {"scan": spent[STEPS[0]] - read, STEPS[1]: spent[STEPS[1]]}
    steps = ", ".join(f"{step} {seconds / packets * 1e9:.0f}" for step, seconds in parts.items())
    reported = (
        f"{(whole - read) / packets * 1e9:.0f} ns a packet ({steps}); reading the file {read / packets * 1e9:.0f}"
    )
    yield "kernels alone", reported, "under 250 ns"
    yield (
        "native dissectors",
        ", ".join(f"{name} {one.ns:.0f}" for name, one in speed.table(path)) + " ns a message",
        "under 2,000 ns",
    )
