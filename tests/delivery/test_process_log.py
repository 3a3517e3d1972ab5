"""What a runner writes to the process log, and that nothing depends on a reader of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sensor.core.output import Ack, BatchRejected
from sensor.delivery import runner as module
from tests.delivery.scripted import Desk, dead, lead, leave, runner
from tests.eventlog.segmented import Segmented


class Ear:
    """Collects log records; ``deaf``: the pipe is broken."""

    def __init__(self, *, deaf: bool = False) -> None:
        self.deaf = deaf
        self.received: list[tuple[str, dict[str, Any]]] = []

    def warning(self, what: str, **facts: Any) -> None:
        if self.deaf:
            raise BrokenPipeError
        self.received.append((what, facts))

    info = error = warning


def refuse(_: object) -> Ack:
    raise BatchRejected("413 Request Entity Too Large")


def test_a_destination_that_refuses_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each record is kept as a dead letter, and a single line reports it, not one per record."""
    log, desk, ear = Segmented(tmp_path / "events.jsonl"), Desk(always=refuse), Ear()
    monkeypatch.setattr(module, "log", lambda: ear)
    log.add(60)
    one = runner(log.log, desk)
    lead(one)
    assert len(dead(log.log)) == 60
    assert [(what, facts["records"]) for what, facts in ear.received if what == "refused"] == [("refused", 1)]
    one._refusals_at -= module.REFUSALS_EVERY_S
    log.add(1)
    lead(one)
    leave(one)
    assert [facts["records"] for what, facts in ear.received if what == "refused"] == [1, 60]


def test_nothing_receives_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the reader of the process log is gone, refused records are kept once, and delivery continues."""
    log = Segmented(tmp_path / "events.jsonl")
    desk = Desk(BatchRejected("no"), BatchRejected("no"), Ack(), BatchRejected("no"), Ack())
    ear = Ear(deaf=True)
    monkeypatch.setattr(module, "log", lambda: ear)
    log.add(4)
    one = runner(log.log, desk)
    lead(one)
    leave(one)
    assert (one.position.seq, one.position.refused) == (4, len(dead(log.log)))
    assert one.sender.backoff.tries == 0
    assert len(desk.got) == 4 - one.position.refused
