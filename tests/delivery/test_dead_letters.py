"""Dead letters: bounded, complete, without duplicates, and kept back while there is no disk space. Real full disks are
in ``test_full_disk.py``.
"""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.core.output import Ack, BatchRejected, Entry
from sensor.delivery import dead_letters as module
from sensor.delivery.dead_letters import DeadLetters
from tests.delivery.scripted import Desk, dead, lead, leave, runner
from tests.delivery.test_accounting import answer, holds
from tests.eventlog.segmented import Segmented
from tests.golden import Golden

SIZE = 4096


def letters(first: int, count: int, size: int = 100) -> list[tuple[int, dict[str, Any], str]]:
    return [
        (number, {"id": f"{number:026}", "msg": "x" * size}, "400 wrong type") for number in range(first, first + count)
    ]


def numbers(path: Path) -> list[int]:
    return [json.loads(line)["seq"] for line in path.read_bytes().splitlines()] if path.exists() else []


@pytest.fixture
def kept(tmp_path: Path) -> DeadLetters:
    return DeadLetters(tmp_path / "events.jsonl", "one", SIZE)


def older(kept: DeadLetters) -> Path:
    return kept.path.with_name(kept.path.name + ".1")


@pytest.mark.parametrize("together", [1, 7, 500])
def test_two_files_of_a_size(kept: DeadLetters, together: int) -> None:
    """Neither file exceeds its size, the newest letters are there without a gap, and every line is complete."""
    for first in range(1, 501, together):
        kept.add(letters(first, min(together, 501 - first)))
        assert all(path.stat().st_size <= SIZE for path in (kept.path, older(kept)) if path.exists())
    found = numbers(older(kept)) + numbers(kept.path)
    assert found == list(range(found[0], 501))
    assert len(found) > SIZE // 250
    assert {path.name for path in kept.path.parent.iterdir()} == {"one.jsonl", "one.jsonl.1"}


def test_one_that_is_longer_than_the_file(kept: DeadLetters) -> None:
    """A letter longer than the file limit has its own file."""
    kept.add(letters(1, 2))
    kept.add(letters(3, 1, size=2 * SIZE))
    kept.add(letters(4, 1))
    assert (numbers(older(kept)), numbers(kept.path)) == ([3], [4])


def test_a_torn_one_is_cut_off(kept: DeadLetters) -> None:
    """A letter that a crash truncated is removed: its record is processed again."""
    kept.add(letters(1, 2))
    with kept.path.open("ab") as file:
        file.write(b'{"refused":"2026-11-24T09:14:0')
    kept.add(letters(3, 1))
    assert numbers(kept.path) == [1, 2, 3]


def test_all_or_none(kept: DeadLetters, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fills up within a letter, the error names the file, and no part of the letters stays in it."""
    kept.add(letters(1, 2))
    write = os.write

    def full(file: int, data: bytes) -> int:
        if len(data) <= 200:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, bytes(data)[:200])

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "write", full)
        with pytest.raises(OSError, match="No space left") as raised:
            kept.add(letters(3, 3))
    assert raised.value.filename == str(kept.path)
    kept.add(letters(3, 3))
    assert numbers(kept.path) == [1, 2, 3, 4, 5]


def test_answers_are_cut_and_clean(kept: DeadLetters) -> None:
    """Answers are cut and have no control characters, since terminals show them."""
    kept.add([(1, {"id": "x"}, "no\x1b[31m\n\u202e" + "y" * 9999)])
    (line,) = kept.path.read_text().splitlines()
    assert json.loads(line)["answer"] == "no [31m  " + "y" * (module.ANSWER_LIMIT - 9)


class Full:
    """Dead letters that cannot be written while ``full``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = True
        keep = DeadLetters.add

        def add(kept: DeadLetters, reported: module.Letters) -> None:
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device", str(kept.path))
            keep(kept, reported)

        monkeypatch.setattr(DeadLetters, "add", add)


def test_nothing_is_sent_again_because_letters_cannot_be_kept(
    golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the destination has answered nothing is sent again; the cursor stays, and the status names the disk."""
    log, full = Segmented(tmp_path / "events.jsonl"), Full(monkeypatch)
    log.add(6)
    desk = Desk(Ack(refused={1: "wrong type"}, busy=(4,)))
    one = runner(log.log, desk, batch_events=6)
    for _ in range(5):
        one.sender.again_at = 0.0
        assert list(one._guarded()) == [False]
    assert desk.tried == [[1, 2, 3, 4, 5, 6]]
    assert one.position.seq == 0
    assert one.status(6).pending == 6
    golden(one.sender.error)
    full.full = False
    lead(one)
    leave(one)
    assert desk.tried == [[1, 2, 3, 4, 5, 6], [5]]
    assert [letter["seq"] for letter in dead(log.log)] == [2]
    assert (one.position.delivered, one.position.refused) == (5, 1)


def test_an_alert_without_words_is_not_lost_while_there_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alert that a format cannot encode, on the urgent lane amid a backlog, is kept once there is space, and counted
    once.
    """
    log, full = Segmented(tmp_path / "events.jsonl"), Full(monkeypatch)
    log.add(30)
    for number in (31, 32):
        # Without a severity: a line of another program.
        log.append(
            b'{"ts":"2026-11-24T09:00:00.000000Z","kind":"alert","action":"open","msg":"m","id":"%d","sensor":{"id":"hq","seq":%d}}\n'
            % (number, number)
        )
    log.last = 32
    log.add(20)
    desk = Desk()
    one = runner(log.log, desk, batch_events=10, format="cef")
    for _ in range(20):
        one.sender.again_at = 0.0
        list(one._guarded())
    assert not dead(log.log)
    full.full = False
    lead(one)
    leave(one)
    assert sorted(letter["seq"] for letter in dead(log.log)) == [31, 32]
    assert sorted(desk.got) == [*range(1, 31), *range(33, 53)]
    assert (one.position.seq, one.position.ahead, one.position.refused, one.position.delivered) == (52, 0, 2, 50)


def test_what_is_refused_in_halves_is_kept_as_it_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the first refused record cannot be written, the rest of the batch waits, in order."""
    log, full = Segmented(tmp_path / "events.jsonl"), Full(monkeypatch)
    log.add(8)

    def picky(entries: Sequence[Entry]) -> Ack:
        if {entry.seq for entry in entries} & {2, 7}:
            raise BatchRejected("mapping failed")
        return Ack()

    desk = Desk(always=picky)
    one = runner(log.log, desk, batch_events=8)
    list(one._guarded())
    tried = len(desk.tried)
    one.sender.again_at = 0.0
    list(one._guarded())
    assert len(desk.tried) == tried
    full.full = False
    lead(one)
    leave(one)
    assert desk.got == [1, 3, 4, 5, 6, 8]
    assert [letter["seq"] for letter in dead(log.log)] == [2, 7]


@settings(max_examples=60)
@given(
    steps=st.lists(st.sampled_from(["ack", "retry", "refuse", "refuse one", "busy one"]), max_size=12),
    room=st.lists(st.booleans(), max_size=20),
    events=st.sampled_from([1, 3, 10]),
)
def test_each_record_once_whatever_is_full_when(steps: list[str], room: list[bool], events: int) -> None:
    """For any answers and any full disk each record is delivered or a dead letter, once, and everything is counted."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        log, full = Segmented(Path(folder) / "events.jsonl"), Full(patch)
        for kind, count in (("device", 12), ("alert", 3), ("device", 7)):
            log.add(count, kind)
        desk = Desk(*map(answer, steps))
        one = runner(log.log, desk, batch_events=events)
        for has_room in room:
            full.full = not has_room
            one.sender.again_at = 0.0
            list(one._guarded())
            assert holds(one, log.log)
        full.full = False
        lead(one)
        leave(one)
        assert sorted([*desk.got, *(letter["seq"] for letter in dead(log.log))]) == list(range(1, 23))
        assert one.position.refused == len(dead(log.log))
