"""Objects are freed as soon as they are unused: those created for a packet or flow are in no reference cycle, since the
garbage collector hardly runs (runtime/daemon.py).
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import netaddr  # noqa: F401 - being imported leaves cycles, once

from sensor.capture.files import open_captures
from sensor.config import Config
from sensor.core.record import Record
from sensor.runtime.assembly import assemble
from tests import sampling

PCAPS = Path(__file__).parents[2] / "pcaps"
LAB = sorted((PCAPS / "lab").rglob("*.pcap*"))
EVERY = sorted({*PCAPS.rglob("*.pcap*")} - {*LAB})


def no_listener(_: Record) -> None:
    """Ignores a record."""


@contextmanager
def garbage() -> Iterator[Counter[str]]:
    """Number of objects in reference cycles after the block, by names of our own classes."""
    found: Counter[str] = Counter()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found.update(
            type(one).__qualname__ for one in gc.garbage if type(one).__module__.startswith(("sensor.", "tests."))
        )
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def test_replaying_every_protocol_leaves_no_garbage() -> None:
    pipeline = assemble(Config(), no_listener)
    sources = [open_captures([str(path)]) for path in (*EVERY, *sampling.drawn(LAB, 20, "cycles"))]
    with garbage() as found:
        for source in sources:
            for batch in source.batches():
                pipeline.process(batch)
                batch.release()
            source.close()
        pipeline.finish()
    assert found == {}
    assert pipeline.report()["selected"] > 1000


class Knot:
    """References itself."""

    def __init__(self) -> None:
        self.itself = self


def test_a_cycle_would_be_found() -> None:
    with garbage() as found:
        Knot()
    assert found == {"Knot": 1}
