"""The epoch, by which an output identifies a log to its destination, and a destination that lost records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from sensor.core.output import Ack, Entry, Retry
from sensor.delivery.epoch import Epoch
from sensor.delivery.runner import ONCE_TRIES, Runner
from sensor.eventlog.segments import cursors_of
from tests.delivery.scripted import Desk, Options, Scripted, lead, leave
from tests.eventlog.segmented import Segmented, line


class Named(Scripted):
    """Records the epoch of each batch; at number 50 its destination is ``away`` for some tries, and then once requests
    everything after ``lacks``, under another epoch if ``forks``.
    """

    has_epoch: ClassVar[bool] = True
    epochs: ClassVar[list[str]] = []
    lacks: ClassVar[int | None] = None
    forks: ClassVar[bool] = False
    away: ClassVar[int] = 0

    def send(self, entries: Sequence[Entry]) -> Ack:
        if Named.away and entries[-1].seq == 50:
            Named.away -= 1
            raise Retry("it is away")
        if Named.lacks is not None and entries[-1].seq == 50:
            self.wanted, Named.lacks = Named.lacks, None
            self.epoch = "" if Named.forks else self.epoch
            raise Retry("it lacks some")
        Named.epochs.append(self.epoch)
        return super().send(entries)


@pytest.fixture(autouse=True)
def fresh() -> None:
    Named.epochs, Named.lacks, Named.forks, Named.away = [], None, False, 0


def named(log: Path, desk: Desk) -> Runner:
    return Runner(log, "one", Named, Options(desk=desk, batch_events=10))


def done(one: Runner) -> None:
    lead(one)
    leave(one)


def test_an_epoch_outlives_the_process_and_the_position(tmp_path: Path) -> None:
    """The epoch survives a lost position, since the log is the same one."""
    log = Segmented(tmp_path / "events.jsonl")
    log.add(20)
    done(named(log.log, Desk()))
    for path in cursors_of(log.log).glob("one.[jb]*"):
        path.unlink()
    again = Desk()
    done(named(log.log, again))
    assert again.got == list(range(1, 21))
    assert len(set(Named.epochs)) == 1
    assert len(Named.epochs[0]) == 16


def test_another_log_has_another_epoch(tmp_path: Path) -> None:
    """A log that is replaced, before a start or while a runner reads it, has another epoch."""
    path = tmp_path / "replay.jsonl"
    for size, text in ((30, "first"), (30, "second"), (5, "third")):
        path.write_bytes(b"".join(line(number, id=f"{text}-{number}") for number in range(1, size + 1)))
        done(named(path, Desk()))
    assert len(set(Named.epochs)) == 3


@pytest.mark.parametrize("damage", [b"", b"zz", b"0123456789abcdeg\n", b"\xff" * 100])
def test_a_damaged_epoch_is_replaced(tmp_path: Path, damage: bytes) -> None:
    """After a damaged epoch everything is sent again; nothing is lost."""
    position = tmp_path / "cursors" / "one.json"
    first = Epoch(position).text
    assert Epoch(position).text == first
    position.with_suffix(".epoch").write_bytes(damage)
    second = Epoch(position).text
    assert second != first
    assert Epoch(position).text == second


def test_the_destination_asks_for_what_it_lacks(tmp_path: Path) -> None:
    """The runner goes back to the requested number, and the counters are consistent."""
    log, desk = Segmented(tmp_path / "events.jsonl"), Desk()
    log.add(60)
    Named.lacks = 25
    one = named(log.log, desk)
    done(one)
    assert desk.got == [*range(1, 41), *range(26, 61)]
    assert (one.position.seq, one.position.repeated, one.position.delivered) == (60, 15, 75)
    assert len(set(Named.epochs)) == 1


def test_a_destination_that_asks_is_not_away(tmp_path: Path) -> None:
    """With ``--once`` a request after nearly all tries does not end the delivery."""
    log, desk = Segmented(tmp_path / "events.jsonl"), Desk()
    log.add(60)
    Named.away, Named.lacks = ONCE_TRIES - 1, 25
    done(Runner(log.log, "one", Named, Options(desk=desk, batch_events=10), once=True))
    assert desk.got == [*range(1, 41), *range(26, 61)]


def test_the_destination_asks_for_another_epoch(tmp_path: Path) -> None:
    """Everything is sent again under the new epoch, which is stored."""
    log, desk = Segmented(tmp_path / "events.jsonl"), Desk()
    log.add(60)
    Named.lacks, Named.forks = 0, True
    done(named(log.log, desk))
    assert desk.got == [*range(1, 41), *range(1, 61)]
    before, after = Named.epochs[0], Named.epochs[-1]
    assert before != after
    assert Epoch(cursors_of(log.log) / "one.json").text == after


def test_an_output_without_epoch_leaves_no_file(tmp_path: Path) -> None:
    log = Segmented(tmp_path / "events.jsonl")
    log.add(5)
    done(Runner(log.log, "one", Scripted, Options(desk=Desk())))
    assert not list(cursors_of(log.log).glob("*.epoch"))
