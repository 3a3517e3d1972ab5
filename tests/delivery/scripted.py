"""An output that answers by script and records its batches, and its runner, which is driven by hand or works in its
thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sensor.core.output import Ack, Entry, Output
from sensor.core.output import Options as CommonOptions
from sensor.delivery.dead_letters import dead_of
from sensor.delivery.runner import Runner

Step = Callable[[Sequence[Entry]], Ack] | Exception | Ack


class Desk:
    """The records of a destination and its answers. ``steps``: answers in place of the usual, one per batch;
    ``always``: the answer after them. ``begun``: number of batches that came, answered or not.
    """

    def __init__(self, *steps: Step, always: Callable[[Sequence[Entry]], Ack] | None = None) -> None:
        self.steps, self.always = deque(steps), always
        self.tried: list[list[int]] = []
        self.got: list[int] = []
        self.records: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.begun = 0
        self.gate = threading.Event()
        self.gate.set()

    def send(self, entries: Sequence[Entry]) -> Ack:
        self.begun += 1
        self.gate.wait()
        self.tried.append([entry.seq for entry in entries])
        step = self.steps.popleft() if self.steps else (self.always or Ack())
        if isinstance(step, Exception):
            raise step
        ack = step(entries) if callable(step) else step
        for place, entry in enumerate(entries):
            if place not in ack.refused and place not in ack.busy:
                self.got.append(entry.seq)
                self.records.append(dict(entry.record))
        return ack


class Options(CommonOptions):
    type: str = "scripted"
    desk: Any = None
    backoff_s: float = 0.01
    backoff_max_s: float = 0.05
    batch_ms: int = 0


class Scripted(Output):
    """Answers by script."""

    Options = Options
    title = "Scripted"
    guarantee = "exactly_once"

    def open(self) -> None:
        self.options.desk.calls.append("open")

    def send(self, entries: Sequence[Entry]) -> Ack:
        return self.options.desk.send(entries)

    def close(self) -> None:
        self.options.desk.calls.append("close")


def runner(log: Path, desk: Desk, *, once: bool = False, name: str = "one", **options: Any) -> Runner:
    return Runner(log, name, Scripted, Options(desk=desk, **options), once=once)


def lead(one: Runner, turns: int = 10_000) -> None:
    """Run its turns synchronously, without pauses, until it is idle."""
    for _ in range(turns):
        one.sender.again_at = 0.0
        one._looked_at = 0.0
        idle = list(one._guarded()) == [False]
        if (
            idle
            and one._main is not None
            and not one._main.batch.count
            and (one._urgent is None or not one._urgent.batch.count)
            and not one.sender.backoff.tries
        ):
            return
    raise AssertionError("it never comes to an end")


def leave(one: Runner, *, crash: bool = False) -> None:
    """End a runner that ``lead`` drove. ``crash``: without storing its position."""
    if not crash:
        one._save(at_last=True)
    one._drop_lanes()


def dead(log: Path, name: str = "one") -> list[dict[str, Any]]:
    path = dead_of(log) / f"{name}.jsonl"
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()] if path.exists() else []
