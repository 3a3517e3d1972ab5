"""Samples a source for some seconds: each interface separately, a capture as a whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from sensor.capture.source import Source
from sensor.doctor.traffic import Traffic


def listen(
    source: Source,
    seconds: float,
    traffics: Mapping[str, Traffic],
    clock: Callable[[], int],
    progress: Callable[[], None],
) -> None:
    """Read live interfaces for some seconds, or until the source is stopped. ``traffics``: by interface name;
    ``clock``: our clock, ns.
    """
    end = time.perf_counter() + seconds
    for batch in source.batches():
        if len(batch):  # blocks of a ring belong to one interface
            traffics[source.names[int(batch.rows["source"][0])]].add(batch, clock())
        batch.release()
        progress()
        if time.perf_counter() >= end:
            source.stop()


def read(source: Source, traffic: Traffic, progress: Callable[[], None]) -> None:
    """Read all of a capture, or until the source is stopped."""
    for batch in source.batches():
        traffic.add(batch)
        batch.release()
        progress()
