"""The runner: batches that are delivered, retried, refused or partly delivered; two lanes; counters; and crashes."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from sensor.core.output import Ack, BatchRejected, Entry, Filter, Retry
from sensor.delivery.forwarder import last_number
from sensor.delivery.position import load_position
from sensor.delivery.requests import request_path, request_replay
from sensor.delivery.runner import Runner
from sensor.delivery.sender import BREAKS
from sensor.eventlog.segments import cursors_of, segments
from tests.delivery.scripted import Desk, Scripted, dead, lead, leave, runner
from tests.eventlog.segmented import Segmented
from tests.golden import Golden
from tests.waiting import until


@pytest.fixture
def log(tmp_path: Path) -> Segmented:
    return Segmented(tmp_path / "events.jsonl")


def balanced(one: Runner, log: Path) -> bool:
    status = one.status(last_number(log))
    return status.read == status.delivered + status.filtered + status.refused + status.missing + status.pending


def test_everything_in_order_and_where_it_is_is_written_down(log: Segmented) -> None:
    """Batches have the configured size; a second runner continues at the cursor of the first."""
    log.add(250)
    desk = Desk()
    one = runner(log.log, desk, batch_events=100)
    lead(one)
    leave(one)
    assert desk.got == list(range(1, 251))
    assert [len(batch) for batch in desk.tried] == [100, 100, 50]
    found = load_position(cursors_of(log.log) / "one.json")
    assert found is not None
    assert (found.seq, found.delivered, found.id) == (250, 250, f"{250:026}")
    log.add(10)
    again = runner(log.log, desk)
    lead(again)
    leave(again)
    assert desk.got == list(range(1, 261))


def test_a_batch_that_is_tried_again_is_the_same(log: Segmented) -> None:
    """After Retry the output is closed and opened again, and gets the same entries although more were written."""
    log.add(5)
    desk = Desk(Retry("away"), Retry("away", 0.01))
    one = runner(log.log, desk)
    one._turn()
    assert (one.sender.error, one.sender.backoff.tries) == ("away", 1)
    assert one.status(5).pending == 5
    log.add(5)
    lead(one)
    leave(one)
    assert desk.tried == [[1, 2, 3, 4, 5]] * 3 + [[6, 7, 8, 9, 10]]
    assert desk.calls[:5] == ["open", "close", "open", "close", "open"]
    assert one.sender.backoff.tries == 0


def test_what_is_refused_is_found_by_halving(log: Segmented) -> None:
    """Two refused records of a hundred become dead letters with the answer; all others arrive in order."""
    log.add(100)

    def picky(entries: Sequence[Entry]) -> Ack:
        if unmapped := {entry.seq for entry in entries} & {17, 64}:
            raise BatchRejected(f"mapping of {min(unmapped)} failed")
        return Ack()

    desk = Desk(always=picky)
    one = runner(log.log, desk)
    lead(one)
    leave(one)
    assert desk.got == [number for number in range(1, 101) if number not in (17, 64)]
    assert [(letter["seq"], letter["answer"]) for letter in dead(log.log)] == [
        (17, "mapping of 17 failed"),
        (64, "mapping of 64 failed"),
    ]
    assert dead(log.log)[0]["record"]["id"] == f"{17:026}"
    assert (one.position.seq, one.position.delivered, one.position.refused) == (100, 98, 2)


def test_batches_that_are_too_large_shrink_and_grow_again(log: Segmented) -> None:
    """The size of batches adapts to a destination that accepts ten at once."""
    log.add(2000)

    def small(entries: Sequence[Entry]) -> Ack:
        if len(entries) > 10:
            raise BatchRejected("413 too large")
        return Ack()

    desk = Desk(always=small)
    one = runner(log.log, desk, batch_events=100)
    lead(one)
    leave(one)
    assert desk.got == list(range(1, 2001))
    assert not dead(log.log)
    assert sum(len(batch) > 10 for batch in desk.tried) < 200


def test_an_answer_for_each_record(log: Segmented) -> None:
    """Some records are refused, and busy ones are sent again before any other."""
    log.add(6)
    desk = Desk(Ack(refused={1: "wrong type"}, busy=(3, 4)), Ack(busy=(1,)))
    one = runner(log.log, desk, batch_events=6)
    lead(one)
    leave(one)
    assert desk.tried == [[1, 2, 3, 4, 5, 6], [4, 5], [5]]
    assert sorted(desk.got) == [1, 3, 4, 5, 6]
    assert [letter["seq"] for letter in dead(log.log)] == [2]
    assert (one.position.delivered, one.position.refused) == (5, 1)


def test_an_output_that_breaks_is_tried_again(log: Segmented) -> None:
    """After any exception the fault is logged, and nothing is lost."""
    log.add(3)
    desk = Desk(KeyError("oops"), RecursionError("deep"))
    one = runner(log.log, desk)
    one._turn()
    assert "KeyError" in one.sender.error
    lead(one)
    leave(one)
    assert desk.got == [1, 2, 3]


def test_a_record_on_which_an_output_breaks(log: Segmented) -> None:
    """The record is found by halving, and becomes a dead letter after some tries; all others arrive in order."""
    log.add(40)

    def fragile(entries: Sequence[Entry]) -> Ack:
        if any(entry.seq == 23 for entry in entries):
            raise UnicodeError("\x1b[31moops")
        return Ack()

    desk = Desk(always=fragile)
    one = runner(log.log, desk)
    lead(one)
    leave(one)
    assert desk.got == [number for number in range(1, 41) if number != 23]
    ((seq, answer),) = [(letter["seq"], letter["answer"]) for letter in dead(log.log)]
    assert seq == 23
    assert answer.startswith("an internal error: UnicodeError:  [31moops at fragile:")
    assert sum(batch == [23] for batch in desk.tried) == BREAKS
    assert (one.position.delivered, one.position.refused) == (39, 1)


def test_an_output_that_is_broken_altogether(log: Segmented) -> None:
    """A broken output drops one record after many tries, whose pauses stay long; once fixed, it gets the others."""
    log.add(4)
    desk = Desk(*[KeyError("oops") for _ in range(2 + BREAKS)])
    one = runner(log.log, desk)
    for _ in range(2 + BREAKS):
        one.sender.again_at = 0.0
        list(one._guarded())
    assert [letter["seq"] for letter in dead(log.log)] == [1]
    assert one.sender.backoff.tries > BREAKS
    assert one.sender.failing_since > 0
    assert one.sender.last_delivered == 0
    lead(one)
    leave(one)
    assert desk.got == [2, 3, 4]


def test_an_output_that_cannot_be_opened_for_a_fault_of_ours(
    golden: Golden, log: Segmented, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An internal error of open gives up no record."""
    log.add(3)

    def broken(_: object) -> None:
        raise ImportError("no such module")

    with monkeypatch.context() as patch:
        patch.setattr(Scripted, "open", broken)
        one = runner(log.log, Desk())
        for _ in range(30):
            one.sender.again_at = 0.0
            list(one._guarded())
    assert not dead(log.log)
    assert one.position.seq == 0
    golden(one.sender.error.rpartition(":")[0], "ImportError")  # without its line
    lead(one)
    leave(one)
    assert one.position.delivered == 3


def test_a_record_that_no_format_has_words_for_costs_itself_alone(log: Segmented) -> None:
    """A line of another program without the fields of a record becomes a dead letter."""
    log.add(2)
    log.append(b'{"sensor":{"seq":3},"id":"x"}\n')
    log.last = 3
    log.add(2)
    desk = Desk()
    one = runner(log.log, desk, format="cef")
    lead(one)
    leave(one)
    assert desk.got == [1, 2, 4, 5]
    assert dead(log.log)[0]["seq"] == 3
    assert one.position.refused == 1


def test_what_is_filtered_counts(log: Segmented) -> None:
    """Filtered records are counted, and the cursor moves on although nothing is sent."""
    log.add(5)
    log.add(1, "alert")
    log.add(3)
    desk = Desk()
    one = runner(log.log, desk, filter=Filter(kinds=["alert"]))
    lead(one)
    leave(one)
    assert desk.got == [6]
    assert (one.position.seq, one.position.filtered, one.position.delivered) == (9, 8, 1)


def test_alerts_overtake_a_backlog(log: Segmented) -> None:
    """Once a batch is full, alerts behind it are sent first; nothing is sent twice, and each lane is in order."""
    log.add(300)
    log.add(1, "alert")
    log.add(300)
    log.add(1, "incident")
    log.add(100)
    desk = Desk()
    one = runner(log.log, desk, batch_events=50)
    lead(one)
    assert desk.got[:52] == [*range(1, 51), 301, 602]
    assert balanced(one, log.log)
    log.add(200)
    log.add(1, "alert")
    lead(one)
    leave(one)
    assert sorted(desk.got) == list(range(1, log.last + 1))
    calm = [number for number in desk.got if number not in (301, 602, log.last)]
    assert calm == sorted(calm)
    assert (one.position.seq, one.position.ahead, one.position.delivered) == (log.last, 0, log.last)


def test_an_alert_that_comes_amid_a_drain_goes_next(log: Segmented) -> None:
    """An alert during a drain is sent next, long after the urgent lane reached the end of the log."""
    log.add(1000)
    desk = Desk()
    one = runner(log.log, desk, batch_events=10)
    for _ in range(20):
        one._turn()
    log.add(1, "alert")
    before = len(desk.got)
    one._turn()
    one._turn()
    assert 1001 in desk.got[before : before + 20]
    lead(one)
    leave(one)
    assert sorted(desk.got) == list(range(1, 1002))


def test_alerts_that_went_ahead_do_not_come_again_after_a_crash(log: Segmented) -> None:
    """The cursor of the urgent lane is stored with the other."""
    log.add(100)
    log.add(3, "alert")
    log.add(100)
    desk = Desk()
    one = runner(log.log, desk, batch_events=20)
    while 103 not in desk.got:
        one._turn()
    one._save()
    leave(one, crash=True)
    assert one.position.ahead == 3
    two = runner(log.log, desk, batch_events=20)
    lead(two)
    leave(two)
    assert sorted(desk.got) == list(range(1, 204))


def test_alerts_keep_their_turn_where_that_is_wanted(log: Segmented) -> None:
    """With ``alerts_first: false`` alerts are sent in log order."""
    log.add(100)
    log.add(1, "alert")
    log.add(100)
    desk = Desk()
    one = runner(log.log, desk, batch_events=20, alerts_first=False)
    lead(one)
    leave(one)
    assert desk.got == list(range(1, 202))


def test_numbers_that_can_never_come_are_counted(log: Segmented) -> None:
    """Numbers of a segment that the hard cap of retention deleted unread are counted as missing, except for alerts
    already sent.
    """
    log.add(100)
    log.rotate()
    log.add(60)
    log.add(2, "alert")
    log.add(60)
    log.rotate()
    log.add(4, "alert")
    log.add(100)
    desk = Desk()
    one = runner(log.log, desk, batch_events=10)
    while 226 not in desk.got:
        one._turn()
    assert one.position.ahead == 6
    one._save()
    leave(one, crash=True)
    segments(log.log)[1].path.unlink()
    two = runner(log.log, desk, batch_events=10)
    lead(two)
    leave(two)
    expected = [*range(1, 101), 161, 162, *range(223, 327)]
    assert sorted(desk.got) == expected
    assert two.position.missing == 120
    assert two.position.delivered == len(expected)
    assert balanced(two, log.log)


def test_going_back(log: Segmented) -> None:
    """On request everything after a number is sent again, and the counters are consistent."""
    log.add(50)
    desk = Desk()
    one = runner(log.log, desk)
    lead(one)
    request_replay(log.log, "one", 40)
    lead(one)
    leave(one)
    assert desk.got == [*range(1, 51), *range(41, 51)]
    assert not request_path(log.log, "one").exists()
    assert (one.position.repeated, one.position.delivered) == (10, 60)
    assert balanced(one, log.log)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"seq":99999}', None])
def test_a_position_that_cannot_be_believed(log: Segmented, damage: bytes | None) -> None:
    """A damaged position, even by one digit, falls back to the previous one: some records repeat, none is lost."""
    log.add(50)
    desk = Desk()
    one = runner(log.log, desk)
    lead(one)
    leave(one)
    path = cursors_of(log.log) / "one.json"
    path.write_bytes(path.read_bytes().replace(b'"seq":50', b'"seq":59') if damage is None else damage)
    log.add(20)
    two = runner(log.log, desk)
    lead(two)
    leave(two)
    assert desk.got == list(range(1, 71))


def test_another_log_of_the_same_name(tmp_path: Path) -> None:
    """Another capture was replayed into the log: its records are different, though their numbers are the same."""
    from tests.eventlog.segmented import line

    path = tmp_path / "replay.jsonl"
    for size, text in ((30, "first"), (30, "second"), (5, "third")):
        path.write_bytes(b"".join(line(number, id=f"{text}-{number}") for number in range(1, size + 1)))
        desk = Desk()
        one = runner(path, desk)
        lead(one)
        leave(one)
        assert desk.got == list(range(1, size + 1)), text
        assert balanced(one, path)


def test_one_that_hangs_does_not_stop_another(log: Segmented) -> None:
    """A hanging output delays neither another output nor the exit: its thread is abandoned."""
    log.add(100)
    stuck, free = Desk(), Desk()
    stuck.gate.clear()
    one, two = runner(log.log, stuck, name="stuck"), runner(log.log, free, name="free")
    one.start()
    two.start()
    until(lambda: len(free.got) == 100 and stuck.begun)
    assert one.status(100).pending == 100
    one.stop()
    two.stop()
    assert two.join(60)
    assert not one.join(0.2)
    stuck.gate.set()
    assert one.join(60)


def test_a_rate_is_kept(log: Segmented) -> None:
    """A burst of one second's worth, then the configured number per second."""
    log.add(150)
    desk = Desk()
    one = runner(log.log, desk, rate=100)
    begun = time.monotonic()
    one.start()
    until(lambda: len(desk.got) == 150)
    assert time.monotonic() - begun > 0.3
    one.stop()
    assert one.join(60)
    assert max(map(len, desk.tried)) <= 100


def test_threads_and_descriptors_stay_as_they_are(log: Segmented) -> None:
    """Threads and descriptors do not grow, however often a destination fails."""
    desk = Desk(*[Retry("away") for _ in range(10)])
    one = runner(log.log, desk, backoff_max_s=0.01)
    one.start()
    log.add(1)
    until(lambda: len(desk.tried) > 2)

    def used() -> tuple[int, int]:
        return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))

    before = used()
    until(lambda: desk.got == [1])
    until(lambda: used() == before)
    one.stop()
    assert one.join(60)
