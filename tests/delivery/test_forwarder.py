"""All outputs of a log: added, removed and changed ones, one that hangs, one that cannot be started, and a number that
cannot be valid.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sensor.core.output import Filter, Retry
from sensor.delivery import forwarder as module
from sensor.delivery import runner as runner_module
from sensor.delivery.forwarder import Forwarder, Lock, last_number
from sensor.delivery.runner import Runner
from sensor.delivery.status import load_status
from tests.delivery.scripted import Desk, Options, Scripted
from tests.eventlog.segmented import Segmented, line
from tests.forked import started
from tests.golden import Golden
from tests.outputs.receiver import Receiver
from tests.waiting import until


@pytest.fixture
def log(tmp_path: Path) -> Segmented:
    return Segmented(tmp_path / "events.jsonl")


@pytest.fixture
def forwarder(log: Segmented, monkeypatch: pytest.MonkeyPatch) -> Iterator[Forwarder]:
    monkeypatch.setattr(module, "output_class", lambda _: Scripted)
    made = Forwarder(log.log)
    yield made
    made.end()


def test_a_new_configuration(log: Segmented, forwarder: Forwarder) -> None:
    """Unchanged outputs keep their connection, changed ones continue at their cursor with the new options, removed ones
    end, new ones start.
    """
    same, changed, gone, new = Desk(), Desk(), Desk(), Desk()
    log.add(10)
    forwarder.take({"same": Options(desk=same), "changed": Options(desk=changed), "gone": Options(desk=gone)})
    until(lambda: [len(desk.got) for desk in (same, changed, gone)] == [10, 10, 10])
    forwarder.take(
        {
            "same": Options(desk=same),
            "changed": Options(desk=changed, filter=Filter(kinds=["alert"])),
            "new": Options(desk=new),
        }
    )
    log.add(5)
    log.add(1, "alert")
    until(lambda: len(same.got) == 16 and changed.got[-1] == 16 and len(new.got) == 16)
    assert changed.got == [*range(1, 11), 16]
    assert gone.got == list(range(1, 11))
    assert (same.calls, gone.calls) == (["open"], ["open", "close"])
    assert set(forwarder.runners) == {"same", "changed", "new"}
    status = load_status(log.log, "gone")
    assert status is not None
    assert (status.state, status.seq) == ("stopped", 10)
    # Added again, it continues at its cursor.
    forwarder.take({"gone": Options(desk=gone)})
    until(lambda: gone.got == list(range(1, 17)))


def test_one_that_hangs_while_it_is_changed(
    log: Segmented, forwarder: Forwarder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps its cursor until its send ends, and then starts with the new options; the others change at once."""
    monkeypatch.setattr(module, "TIMEOUT_S", 0.2)
    stuck, other = Desk(), Desk()
    log.add(3)
    forwarder.take({"stuck": Options(desk=stuck)})
    stuck.gate.clear()
    log.add(1)
    until(lambda: forwarder.runners["stuck"].sender.sending_since > 0)
    forwarder.take({"stuck": Options(desk=stuck, batch_events=1), "other": Options(desk=other)})
    until(lambda: len(other.got) == 4)
    forwarder.write_status(now=True)
    assert forwarder.runners["stuck"].options.batch_events == 500
    stuck.gate.set()
    log.add(2)

    def works() -> bool:
        forwarder.write_status(now=True)
        return sorted(set(stuck.got)) == [1, 2, 3, 4, 5, 6] and forwarder.runners["stuck"].options.batch_events == 1

    until(works)


def test_one_that_hangs_for_ever(log: Segmented, forwarder: Forwarder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call far beyond any time-out is reported, since only a restart helps; an output that waits for its destination
    is not.
    """
    stuck, idle = Desk(), Desk()
    log.add(3)
    forwarder.take({"stuck": Options(desk=stuck), "idle": Options(desk=idle)})
    until(lambda: stuck.got == idle.got == [1, 2, 3])
    monkeypatch.setattr(runner_module, "STUCK_S", 0.0)
    monkeypatch.setattr(runner_module, "STUCK_TIMES", 0.1)
    assert forwarder.stuck == []
    stuck.gate.clear()
    log.add(1)
    until(lambda: forwarder.stuck == ["stuck"])
    stuck.gate.set()
    until(lambda: forwarder.stuck == [])


def test_one_that_hangs_while_it_is_taken_away(
    log: Segmented, forwarder: Forwarder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its cursor is released once its send ends: another process may use it."""
    monkeypatch.setattr(module, "TIMEOUT_S", 0.2)
    stuck = Desk()
    stuck.gate.clear()
    log.add(1)
    forwarder.take({"stuck": Options(desk=stuck)})
    until(lambda: forwarder.runners["stuck"].sender.sending_since > 0)
    forwarder.take({})
    assert set(forwarder.runners) == {"stuck"}
    stuck.gate.set()

    def gone() -> bool:
        forwarder.write_status(now=True)
        return not forwarder.runners

    until(gone)
    Lock(log.log, "stuck").close()


def test_while_nothing_changes_nothing_is_written(
    log: Segmented, forwarder: Forwarder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An output that waits for its next try writes its status once, not each second."""
    saved: list[str] = []
    log.add(1)
    forwarder.take({"away": Options(desk=Desk(Retry("away", 600)))})
    until(lambda: forwarder.runners["away"].sender.wait_s > 500)
    forwarder.write_status(now=True)
    monkeypatch.setattr(module, "save_status", lambda _, status: saved.append(status.name))
    for _ in range(20):
        forwarder.write_status(now=True)
    assert saved == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_one_whose_thread_dies(log: Segmented, forwarder: Forwarder, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an unexpected error outside of all guards the output restarts at its cursor."""
    desk = Desk()
    log.add(2)
    forwarder.take({"one": Options(desk=desk)})
    until(lambda: desk.got == [1, 2])
    first = forwarder.runners["one"]

    def dies(_: Runner) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(Runner, "_rest", dies)
        until(lambda: first.join(0))
    log.add(2)

    def works() -> bool:
        forwarder.write_status(now=True)
        return desk.got == [1, 2, 3, 4]

    until(works)
    assert forwarder.runners["one"] is not first


def test_one_that_cannot_be_begun_stops_no_other(golden: Golden, log: Segmented, forwarder: Forwarder) -> None:
    """An output whose cursor is locked or whose salt is unreadable is reported, the others work, and it starts once it
    can.
    """
    held, salted, free = Desk(), Desk(), Desk()
    log.add(2)
    lock = Lock(log.log, "held")
    salt = log.log.with_suffix(".cursors") / "salt"
    salt.mkdir()
    wanted = {"held": Options(desk=held), "salted": Options(desk=salted, redact=["msg"]), "free": Options(desk=free)}
    with pytest.raises(OSError) as raised:
        forwarder.take(wanted)
    golden(str(raised.value))
    until(lambda: free.got == [1, 2])
    lock.close()
    salt.rmdir()

    def works() -> bool:
        forwarder.write_status(now=True)
        return held.got == salted.got == [1, 2]

    until(works)
    assert salted.records[0]["msg"].startswith("#")


@pytest.mark.parametrize(
    ("ends", "last"),
    [
        ([], 10),
        ([11], 11),
        ([9_000_011], 11),
        ([11, 9_000_012], 12),
        ([9_000_011, 12], 12),
        ([11, 12, 3], 13),
        ([4, 12, 13], 13),
        ([11, 12, 13, 14], 14),
    ],
)
def test_a_number_that_cannot_be_true_makes_nothing_pending(log: Segmented, ends: list[int], last: int) -> None:
    """With a damaged digit in the last lines of a log, only existing records are pending."""
    log.add(10)
    for number in ends:
        log.append(line(number))
    assert last_number(log.log) == last


def test_the_last_of_a_log_with_gaps(tmp_path: Path) -> None:
    """The last number of a log that was filtered."""
    path = tmp_path / "alerts.jsonl"
    path.write_bytes(line(5) + line(90))
    assert last_number(path) == 90
    assert last_number(tmp_path / "none.jsonl") == 0


# The program.

CONFIG = """\
outputs:
  same: {{type: http, url: "{url}", batch_ms: 0}}
  changed: {{type: file, path: changed.jsonl, batch_ms: 0{more}}}
  {third}: {{type: file, path: {third}.jsonl, batch_ms: 0}}
"""


def numbers(path: Path) -> list[int]:
    return [json.loads(text)["sensor"]["seq"] for text in path.read_bytes().splitlines()] if path.exists() else []


def write(folder: Path, receiver: Receiver, **values: Any) -> None:
    (folder / "sensor.yaml").write_text(CONFIG.format(url=receiver.url, **values))


@pytest.mark.slow
def test_sighup_adds_takes_away_and_changes(golden: Golden, tmp_path: Path, log: Segmented, root: Path) -> None:
    """`sensor forward` reloads its configuration in the same process: an unchanged output keeps its connection."""
    command = [sys.executable, "-m", "sensor", "forward", "--config", "sensor.yaml", "--events", "events.jsonl"]
    with Receiver() as receiver:
        write(tmp_path, receiver, more="", third="old")
        log.add(5)
        with started(
            command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(root)}
        ) as process:
            try:
                until(lambda: numbers(tmp_path / "old.jsonl") == numbers(tmp_path / "changed.jsonl") == [1, 2, 3, 4, 5])
                until(lambda: len(receiver.store.lines) == 5)
                connections = receiver.connections
                write(tmp_path, receiver, more=", redact: [msg], format: native", third="new")
                process.send_signal(signal.SIGHUP)
                until(lambda: numbers(tmp_path / "new.jsonl") == [1, 2, 3, 4, 5])
                log.add(3)
                until(
                    lambda: numbers(tmp_path / "changed.jsonl") == list(range(1, 9)) and len(receiver.store.lines) == 8
                )
                until(lambda: numbers(tmp_path / "new.jsonl") == list(range(1, 9)))
            finally:
                process.terminate()
                _, messages = process.communicate(timeout=120)
        assert receiver.connections == connections
    assert process.returncode == 0
    assert numbers(tmp_path / "old.jsonl") == [1, 2, 3, 4, 5]
    reported = [json.loads(text)["msg"] for text in (tmp_path / "changed.jsonl").read_text().splitlines()]
    assert [text.startswith("#") for text in reported] == [False] * 5 + [True] * 3
    golden(messages, "delivering")
