"""Captures through the whole engine as live capture passes packets: one by one, with time that passes between them."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

from sensor.capture.files import open_captures
from sensor.config import load_config
from sensor.core.addresses import mac_text
from sensor.core.batch import Batch
from sensor.core.observation import Observation
from sensor.core.record import Record
from sensor.core.time_units import SECOND
from sensor.engine.pipeline import Pipeline
from sensor.fingerprinting.match import Matcher
from sensor.runtime.assembly import assemble
from sensor.runtime.process import give_back
from tests.fingerprinting.own import own_knowledge

# As often as live capture lets time pass on a silent interface.
BEAT = SECOND // 5
MATCHER = Matcher(own_knowledge())


class Replay:
    """Records of a capture; the engine (some 35 MiB) is freed.

    ``received``: time of the first packet of a MAC with an observation; ``reported_at``: time of the first event about
    it; ``devices``: the last record of each device; ``faults``: malformed messages and failed units.
    """

    def __init__(self, capture: Path) -> None:
        self.received: dict[str, int] = {}
        self.reported_at: dict[str, int] = {}
        self.devices: dict[str, dict[str, Any]] = {}
        self.alerts: list[Record] = []
        self._now = 0
        self._run(capture)
        gc.collect()
        give_back()

    def _run(self, capture: Path) -> None:
        pipeline = assemble(load_config(None), self._receive)
        observe = pipeline.dispatcher.observe

        def listen(fact: Observation) -> None:
            if fact.subject.mac and MATCHER.match(fact.kind, fact.value):
                self.received.setdefault(mac_text(fact.subject.mac), self._now)
            observe(fact)

        pipeline.dispatcher.observe = listen
        source = open_captures([str(capture)])
        for batch in source.batches():
            for place, ts in enumerate(batch.rows["ts"].tolist()):
                self._wait(pipeline, ts)
                pipeline.process(Batch(batch.data, batch.rows[place : place + 1]))
            batch.release()
        source.close()
        pipeline.finish()
        boundary = pipeline.boundary
        self.faults = [f"{unit}: {fault}" for unit, fault in boundary.malformed] + [
            fault.error for fault in boundary.faults.values()
        ]

    def _wait(self, pipeline: Pipeline, ts: int) -> None:
        for beat in range((self._now // BEAT + 1) * BEAT, ts, BEAT) if self._now else ():
            self._now = beat
            pipeline.tick(beat)
        self._now = ts

    def _receive(self, record: Record) -> None:
        if record.kind == "alert":
            self.alerts.append(record)
        for mac in record.device.get("macs", ()) if record.kind == "device" else ():
            self.reported_at.setdefault(mac, self._now)
            self.devices[mac] = record.device

    @property
    def severe(self) -> list[str]:
        """Alerts of at least medium severity."""
        return [record.msg for record in self.alerts if record.severity not in ("info", "low")]
