"""Seconds of packet time: units that are called, and the cost of a second in which nothing is due."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sensor.capture.files import open_captures
from sensor.config import load_config
from sensor.core.alert import Alert
from sensor.core.detector import NEVER, Detector
from sensor.core.record import Record
from sensor.core.time_units import SECOND
from sensor.runtime.assembly import assemble

OFFICE = Path("pcaps/office.pcapng")
# Python calls of a second in which nothing is due: the pipeline's tick, and one check per unit that waits for time.
CALLS = 12


class Waits(Detector):
    """Records its calls; the next one is due in a minute."""

    id = "test.waits"
    requested: list[int]

    def tick(self, now: int) -> Iterator[Alert]:
        self.requested.append(now)
        self.due = now + 60 * SECOND
        return iter(())


def after_the_office() -> tuple[Any, list[Record], int]:
    """A pipeline that has read the office capture, its records, and the second at which that ended."""
    reported: list[Record] = []
    pipeline = assemble(load_config(None), reported.append)
    source = open_captures([str(OFFICE)])
    for batch in source.batches():
        pipeline.process(batch)
        batch.release()
    source.close()
    return pipeline, reported, pipeline._now // SECOND


def calls_of(pipeline: Any, second: int) -> int:
    count = 0

    def see(frame: object, event: str, _: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(see)
    try:
        pipeline._tick(second)
    finally:
        sys.setprofile(None)
    return count


def test_a_quiet_second_costs_a_few_comparisons() -> None:
    """Once recent observations and sweeps are settled, a second calls no unit; from time to time one is due."""
    pipeline, reported, last = after_the_office()
    for second in range(last + 1, last + 721):
        pipeline._tick(second)
    before = len(reported)
    costs = [calls_of(pipeline, second) for second in range(last + 721, last + 1021)]
    assert len(reported) == before
    assert sum(cost <= CALLS for cost in costs) > 290


def test_a_detector_is_called_when_it_is_due_and_when_the_clock_is_set_back() -> None:
    pipeline, _, last = after_the_office()
    waits = Waits(pipeline.detectors[0].context)
    waits.requested = []
    pipeline.watch([*pipeline.detectors, waits])
    for second in (last + 1, last + 2, last + 61, last + 62, last - 1000, last - 999):
        pipeline._tick(second)
    assert [now // SECOND - last for now in waits.requested] == [1, 61, -1000]


def test_the_second_reported_of_is_the_same_for_every_detector() -> None:
    """Delayed records come out in the same second as if every unit checked everything each second."""
    lazy, eager = reported_over_hours(lazy=True), reported_over_hours(lazy=False)
    assert lazy == eager
    assert {record.kind for record in lazy} == {"device", "alert", "incident", "recommendation"}


def reported_over_hours(*, lazy: bool) -> list[Record]:
    """Records of three quiet hours after the office capture, of a day with few packets, and of the end of that."""
    pipeline, reported, last = after_the_office()
    reported.clear()
    few = range(last + 11_000, last + 100_001, 3000)
    for second in (*range(last + 1, last + 11_000), *few, *range(last + 99_000, last + 99_050)):
        if not lazy:
            look_at_everything(pipeline)
        pipeline._tick(second)
    return [record for record in reported if record.kind != "sensor"]


def look_at_everything(pipeline: Any) -> None:
    pipeline.inventory.table.settle_at = 0
    pipeline.advisor._due = 0
    alerts = pipeline.alert_processor
    for unit in (*pipeline._ticking, alerts.aggregator, alerts.suppressed.aggregator, alerts.incidents):
        unit.due = 0
    assert all(unit.due < NEVER for unit in pipeline._ticking)
