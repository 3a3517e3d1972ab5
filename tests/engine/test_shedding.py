"""Load shedding: messages that a late engine does not parse."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pytest

from sensor.core.batch import ROW
from sensor.core.ip_protocols import TCP, UDP
from sensor.core.time_units import SECOND
from sensor.decode.kernels import TICK, Work
from sensor.decode.select import NEWCOMERS_BIT
from sensor.engine.shedding import GROUPS, LAST, PRESENT, SPARED, Shedder, level_of

PACKETS = 4096


def batch(proto: int = TCP) -> tuple[npt.NDArray[np.void], Work]:
    """A batch in which every packet is a message of a separate connection."""
    rows = np.zeros(PACKETS, ROW)
    rows["proto"] = proto
    rows["flow"] = np.arange(1, PACKETS + 1)
    none = np.zeros(0, np.uint8)
    return rows, Work(none, np.arange(PACKETS, dtype=np.int32), np.ones(PACKETS, np.uint64), np.zeros(0, TICK), 0)


def backlog(level: int) -> float:
    """A ring with the fill level of this step."""
    first, last = PRESENT
    return first + (last - first) * (level - 0.5) / LAST


def constant(level: int, rows: npt.NDArray[np.void], work: Work) -> Work:
    """What is left of a batch if the ring has had this fill level for a while."""
    shedder = Shedder()
    shedder.growth(0, backlog(level))
    return shedder.lighten(rows, work, backlog(level))


def read(level: int, proto: int = TCP) -> int:
    """The number of messages of a batch that are read."""
    return len(constant(level, *batch(proto)).chosen)


def test_an_engine_in_time_reads_everything() -> None:
    shedder = Shedder()
    rows, work = batch()
    shedder.growth(0, PRESENT[0])
    assert shedder.lighten(rows, work, PRESENT[0]) is work
    assert shedder.shed == 0


def levels(backlogs: Iterable[float], step: float) -> list[int]:
    """The levels while a ring has these backlogs, ``step`` seconds apart."""
    shedder = Shedder()
    return [level_of(one, shedder.growth(round(at * step * SECOND), one)) for at, one in enumerate(backlogs)]


def test_a_slow_overload_uses_the_ring_before_messages_are_shed() -> None:
    """A ring that fills in ten seconds, seen ten times a second: nothing is shed in the first six."""
    first = np.flatnonzero(levels([at / 100 for at in range(101)], 0.1))[0]
    assert 0.6 <= first / 100 < PRESENT[0]


@pytest.mark.parametrize("seconds", [0.2, 0.5, 1.0])
def test_a_steep_overload_is_shed_earlier(seconds: float) -> None:
    """A ring that fills within a second: the first messages are shed from a fifth of it, almost all from a third."""
    found = levels([at / 100 for at in range(101)], seconds / 100)
    assert 0.2 <= np.flatnonzero(found)[0] / 100 <= 0.25
    assert LAST in found[:34]


def test_rare_batches_are_shed_no_earlier() -> None:
    """A ring that fills in ten seconds, seen every second and a half: the growth is that of one second."""
    found = levels([at * 0.15 for at in range(7)], 1.5)
    assert np.flatnonzero(found)[0] * 0.15 >= 0.7


def test_bursts_that_end_leave_everything_read() -> None:
    """A fifth of the ring fills at once, and again after a silence."""
    assert levels([0.2, 0.1, 0.0], 0.2) == [0, 0, 0]
    assert levels([0.2, 0.1, 0.21], 10) == [0, 0, 0]


def test_a_clock_that_was_set_back_is_a_new_start() -> None:
    """Growth is not measured from a later time."""
    shedder = Shedder()
    shedder.growth(100 * SECOND, 0.1)
    assert [shedder.growth(at * SECOND, 0.4) for at in (50, 51)] == [0.4, 0.0]


def test_a_draining_ring_is_not_expected_to_be_empty() -> None:
    assert levels([0.9, 0.85, 0.8], 0.3)[-1] == level_of(0.8, 0)


@pytest.mark.parametrize("level", range(1, SPARED + 1))
def test_a_late_engine_halves_the_conversations_and_spares_datagrams(level: int) -> None:
    assert abs(read(level) - PACKETS / 2**level) < PACKETS / 2**level / 2
    assert read(level, UDP) == PACKETS


def test_beyond_that_datagrams_are_halved_too() -> None:
    assert [read(level) for level in range(SPARED + 1, LAST)] == [0] * (LAST - SPARED - 1)
    assert abs(read(SPARED + 1, UDP) - PACKETS / 2) < PACKETS / 8
    assert read(SPARED + 3, UDP) > 0


def test_the_fuller_the_ring_the_less_is_read() -> None:
    found = [level_of(part / 16, 0) for part in range(17)]
    assert found == sorted(found)
    assert (found[0], found[12], found[16]) == (0, 0, LAST)
    assert max(after - before for before, after in itertools.pairwise(found)) <= 5


def test_whole_conversations_stay() -> None:
    """All segments of half of the connections are read, since half of every connection would be useless."""
    rows, work = batch()
    rows["flow"] = np.arange(PACKETS) % 64
    kept = constant(1, rows, work).chosen
    counts = np.bincount(rows["flow"][kept].astype(np.int64), minlength=64)
    assert set(counts.tolist()) == {0, PACKETS // 64}


def test_what_is_read_at_one_step_is_read_at_the_step_before() -> None:
    """A connection that is read stays selected at lower load, and as few as possible are interrupted at higher load."""
    rows, work = batch()
    more, less = (set(constant(level, rows, work).chosen.tolist()) for level in (1, 2))
    assert less < more


def test_the_last_step_reads_nothing_but_a_flood_of_newcomers_is_still_seen() -> None:
    assert (read(LAST), read(LAST, UDP)) == (0, 0)
    rows, work = batch(UDP)
    work.wanted[7] |= np.uint64(1 << NEWCOMERS_BIT)
    assert Shedder().lighten(rows, work, 1.0).chosen.tolist() == [7]


def test_what_is_not_read_is_counted() -> None:
    shedder, kept = Shedder(), 0
    for turn in range(40):
        rows, work = batch()
        kept += len(shedder.lighten(rows, work, turn % 20 / 20).chosen)
    assert kept + shedder.shed == 40 * PACKETS
    assert 0 < shedder.shed < 40 * PACKETS


def to_groups(count: int) -> tuple[npt.NDArray[np.void], Work]:
    """A batch of datagrams, of which this many are broadcast or multicast."""
    rows, work = batch(UDP)
    rows["dst_mac"][:count] = (1 << 48) - 1
    return rows, work


@pytest.mark.parametrize("level", range(1, LAST + 1))
def test_what_is_reported_to_all_is_read_at_every_step(level: int) -> None:
    """Unicast datagrams are shed, those that identify devices stay."""
    rows, work = to_groups(GROUPS)
    kept = constant(level, rows, work).chosen
    assert set(range(GROUPS)) <= set(kept.tolist())
    assert level < LAST or len(kept) == GROUPS


def test_a_flood_of_what_is_reported_to_all_is_shed_like_the_rest() -> None:
    rows, work = to_groups(PACKETS)
    assert len(constant(LAST, rows, work).chosen) == 0
