"""The object ``capture`` of the summary record: figures of the run."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from sensor.alerts.files import AlertFiles
from sensor.capture.source import Source
from sensor.core.addresses import text
from sensor.core.record_parts import time_text
from sensor.engine.pipeline import Pipeline
from sensor.eventlog.live_log import LiveLog
from sensor.eventlog.writer import EventLog
from sensor.runtime.recording import Recording

SHAPES_LIMIT, SAMPLES_LIMIT, SAMPLE_BYTES = 32, 8, 32


class Summary:
    """Collects the counters of the parts of a run. ``unread``: messages left unread for lack of time."""

    def __init__(
        self, source: Source, pipeline: Pipeline, files: AlertFiles, log: EventLog | LiveLog, records: Recording | None
    ) -> None:
        self._source, self._pipeline, self._files, self._log, self._records = source, pipeline, files, log, records

    def capture(self, first: int, last: int, unread: int) -> dict[str, Any]:
        """The complete object. ``first``, ``last``: packet times, ns."""
        tally, report = self._source.tally, self._pipeline.report()
        summary: dict[str, Any] = {
            "source": self._source.name,
            "packets": tally.packets,
            "bytes": tally.bytes,
            "wire_bytes": tally.wire_bytes,
            "decoded": report["decoded"] - report["malformed"],
            "malformed": report["malformed"],
            "truncated": tally.truncated,
            "dropped": tally.lost,
            "selected": report["selected"],
            "repeats": report["repeats"],
            "shed": report["shed"] + unread,
            "flows": report["flows"],
            "flows_evicted": report["flows_evicted"],
            "duration_s": round((last - first) / 1e9, 6),
            "linktypes": dict(tally.linktypes),
            "vlans": self._pipeline.vlans,
        }
        return summary | self._details()

    def _details(self) -> dict[str, Any]:
        """Fields that are present only if there is something to report."""
        tally, pipeline, log = self._source.tally, self._pipeline, self._log
        muted = {name: count for name, count in pipeline.alert_processor.mutes.counts.items() if count}
        lost = {name: count for name, count in tally.dropped.items() if count} if tally.lost else {}
        faults = [
            f"{fault.unit}: {fault.error} in {fault.place}, {fault.count} times"
            for fault in pipeline.boundary.faults.values()
        ]
        summary: dict[str, Any] = {
            name: value for name, value in pipeline.inventory.telemetry().items() if name in ("devices", "pending")
        }
        found = {
            "evicted": dict(sorted(pipeline.evicted().items(), key=itemgetter(1), reverse=True)[:SHAPES_LIMIT]),
            "muted": dict(list(muted.items())[:SHAPES_LIMIT]),
            "below": pipeline.alert_processor.below,
            "evidence_dropped": self._files.dropped,
            "traffic_records_dropped": self._records.dropped if self._records is not None else 0,
            "log_given_up": log.lost.total() if isinstance(log, LiveLog) else 0,
            "log_shortened": log.shortened if isinstance(log, LiveLog) else 0,
            "one_way": pipeline.health.one_way if pipeline.health is not None else 0,
            "health": dict(pipeline.health.reported) if pipeline.health is not None else {},
            "anomalies": dict(sorted(pipeline.anomalies().items())[:SHAPES_LIMIT]),
            "samples": self._samples(),
            "dropped_by": lost,
            "damages": [str(damage) for damage in list(self._source.damages)[:SHAPES_LIMIT]],
            "faults": faults[:SHAPES_LIMIT],
        }
        return summary | {name: value for name, value in found.items() if value}

    def _samples(self) -> list[str]:
        """A message for each of the first few faults: time, endpoints, and its first bytes."""
        samples = list(self._pipeline.boundary.samples.items())[:SAMPLES_LIMIT]
        return [
            (
                f"{unit}: {fault}, {time_text(packet.ts)} {text(packet.src)} > {text(packet.dst)}: "
                f"{packet.payload[:SAMPLE_BYTES].hex()}"
            )
            for (unit, fault), packet in samples
        ]
