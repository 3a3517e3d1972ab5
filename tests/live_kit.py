"""A live run with scripted packets, pauses and actions, for tests of what happens while a sensor captures."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sensor.capture.source import Damage, Tally
from sensor.config import load_config
from sensor.core.batch import ROW, Batch
from sensor.eventlog.disk import Disk
from sensor.eventlog.live_log import LiveLog
from sensor.eventlog.log_cursor import LogCursor
from sensor.runtime.daemon import Run
from sensor.runtime.keeper import Keeper
from sensor.runtime.reload import Settings

# A frame; frames that arrive together; an action that runs once all before it was processed, and a condition until
# which no frame arrives.
Step = bytes | list[bytes] | Callable[[], Callable[[], bool]]
TIMEOUT_S = 60.0


class Scripted:
    """A source with scripted packets. ``clock``: ns since the epoch."""

    def __init__(self, steps: list[Step], clock: Callable[[], int] = time.time_ns) -> None:
        self.name, self.names, self.damages, self.tally = "scripted", ["scripted"], list[Damage](), Tally()
        self.steps, self._clock, self._stopped = steps, clock, False
        self.given = self.released = 0
        # Empty batches that were made, and processed.
        self.made = self.processed = 0

    def batches(self) -> Iterator[Batch]:
        for step in self.steps:
            if not callable(step):
                yield self._batch([step] if isinstance(step, bytes) else step)
                continue
            yield from self._silence(lambda: self.given == self.released)
            yield from self._silence(step())
            if self._stopped:
                return
        yield Batch(np.zeros(0, np.uint8), np.zeros(0, ROW))

    def _silence(self, over: Callable[[], bool]) -> Iterator[Batch]:
        end = time.monotonic() + TIMEOUT_S
        while not over() and not self._stopped:
            assert time.monotonic() < end, "what was waited for did not happen"
            self.made += 1
            yield Batch(np.zeros(0, np.uint8), np.zeros(0, ROW), release=self._process)
            time.sleep(0.002)

    def _process(self) -> None:
        self.processed += 1

    def _release(self) -> None:
        self.released += 1

    def _batch(self, frames: list[bytes]) -> Batch:
        rows = np.zeros(len(frames), ROW)
        rows["caplen"] = rows["wirelen"] = [len(frame) for frame in frames]
        rows["frame"] = np.cumsum([0, *map(len, frames[:-1])])
        rows["link"], rows["ts"] = 1, self._clock()
        self.tally.add(rows)
        self.given += 1
        return Batch(np.frombuffer(b"".join(frames), np.uint8), rows, release=self._release)

    def backlog(self) -> float:
        return 0.0

    def stop(self) -> None:
        self._stopped = True

    def close(self) -> None:
        pass


class Sensor:
    """A live sensor with a configuration in ``folder`` that may be rewritten. ``traffic``: folder of its traffic
    records, None without records.
    """

    def __init__(
        self, folder: Path, text: str, *, clock: Callable[[], int] = time.time_ns, traffic: Path | None = None
    ) -> None:
        self.folder, self.path, self.clock, self.traffic = folder, folder / "sensor.yaml", clock, traffic
        self.write(text)
        self.wanted = False
        self.run: Run
        self._requested_at = self.took_s = 0.0

    def write(self, text: str) -> None:
        self.path.write_text(text, encoding="utf-8")

    def settings(self) -> Settings:
        """Settings as `sensor run` reads them."""
        config = load_config(self.path)
        rules = [self.folder / "rules"] if (self.folder / "rules").is_dir() else []
        evidence = (config.evidence.folder or self.folder / "evidence") if config.evidence.enabled else None
        return Settings(
            config, config.alerts.mutes or self.folder / "mutes.yaml", evidence, rules, self.folder / "profiles"
        )

    def requested(self) -> bool:
        wanted, self.wanted = self.wanted, False
        return wanted

    def reload(self, text: str | None = None) -> Step:
        """A step that rewrites the configuration and reloads it."""

        def happen() -> Callable[[], bool]:
            if text is not None:
                self.write(text)
            before = self.reads
            self.wanted = True
            return lambda: self.reads > before

        return happen

    def then(self, look: Callable[[Run], object]) -> Step:
        """A step that calls a function with the run; a failed assertion ends the run."""

        def happen() -> Callable[[], bool]:
            look(self.run)
            return lambda: True

        return happen

    def pause(self, batches: int = 5) -> Step:
        """A step of some empty batches, until nothing waits for a new evaluation. They are counted as processed: the
        sensor runs in another thread than its source.
        """

        def happen() -> Callable[[], bool]:
            source = self.run.source
            assert isinstance(source, Scripted)
            enough = source.made + batches
            return lambda: not self.run.engine.reread.waiting and source.processed >= enough

        return happen

    @property
    def reads(self) -> int:
        assert self.run.reloader is not None
        return self.run.reloader.state.reloads + self.run.reloader.state.refused

    def stop(self) -> Step:
        """A step that requests the stop; ``took_s`` is the time until the run has ended."""

        def happen() -> Callable[[], bool]:
            self._requested_at = time.monotonic()
            self.run.source.stop()
            return lambda: True

        return happen

    def live(self, *steps: Step, keeper: Keeper | None = None, disk: Disk | None = None) -> list[dict[str, Any]]:
        """Captures scripted packets; the records of the log."""
        at = self.settings()
        config, source = at.config, Scripted(list(steps), self.clock)
        names = [name for name, options in config.outputs.items() if options.enabled]
        log = LiveLog(self.folder / "log", config.retention, outputs=names, clock=lambda: self.clock() / 1e9, disk=disk)
        self.run = Run(
            config, source, log, live=True, keeper=keeper, mutes=at.mutes, evidence=at.evidence, rules=at.rules,
            profiles=at.profiles, lists=self.folder / "intel", read=self.settings, requested=self.requested,
            clock=self.clock,
            records=self.traffic,
            hunts=[self.folder / "hunts"],
        )  # fmt: skip
        try:
            self.run.run()
        finally:
            try:
                log.close(self.run.left_s)
            finally:
                self.took_s = time.monotonic() - self._requested_at
        return self.records()

    def records(self) -> list[dict[str, Any]]:
        cursor = LogCursor(self.folder / "log", 0)
        found: list[dict[str, Any]] = []
        while lines := cursor.read():
            found += [json.loads(line) for _, line in lines]
        cursor.close()
        return found


def sensor_records(records: list[dict[str, Any]], action: str) -> list[dict[str, Any]]:
    """Records about the sensor itself."""
    return [record for record in records if record["kind"] == "sensor" and record["action"] == action]


def alerts(records: list[dict[str, Any]], detector: str = "") -> list[dict[str, Any]]:
    """Records of opened alerts."""
    return [
        record
        for record in records
        if record["kind"] == "alert" and record["action"] == "open" and detector in record["alert"]["detector"]
    ]
