"""Load shedding: messages that a late engine does not parse."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from sensor.core.batch import ROW
from sensor.core.ip_protocols import TCP, UDP
from sensor.decode.kernels import TICK, Work
from sensor.decode.select import NEWCOMERS_BIT
from sensor.engine.shedding import FIRST_AT, GROUPS, LAST, LAST_AT, SPARED, Shedder, level_of

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
    return FIRST_AT + (LAST_AT - FIRST_AT) * (level - 0.5) / LAST


def read(level: int, proto: int = TCP) -> int:
    """The number of messages of a batch that are read."""
    rows, work = batch(proto)
    return len(Shedder().lighten(rows, work, backlog(level)).chosen)


def test_an_engine_in_time_reads_everything() -> None:
    shedder = Shedder()
    rows, work = batch()
    assert shedder.lighten(rows, work, FIRST_AT) is work
    assert shedder.shed == 0


@pytest.mark.parametrize("level", range(1, SPARED + 1))
def test_a_late_engine_halves_the_conversations_and_spares_datagrams(level: int) -> None:
    assert abs(read(level) - PACKETS / 2**level) < PACKETS / 2**level / 2
    assert read(level, UDP) == PACKETS


def test_beyond_that_datagrams_are_halved_too() -> None:
    assert [read(level) for level in range(SPARED + 1, LAST)] == [0] * (LAST - SPARED - 1)
    assert abs(read(SPARED + 1, UDP) - PACKETS / 2) < PACKETS / 8
    assert read(SPARED + 3, UDP) > 0


def test_the_fuller_the_ring_the_less_is_read() -> None:
    levels = [level_of(part / 16) for part in range(17)]
    assert levels == sorted(levels)
    assert (levels[0], levels[8], levels[13], levels[16]) == (0, 0, LAST, LAST)
    assert max(after - before for before, after in itertools.pairwise(levels)) <= 3


def test_whole_conversations_stay() -> None:
    """All segments of half of the connections are read, since half of every connection would be useless."""
    rows, work = batch()
    rows["flow"] = np.arange(PACKETS) % 64
    kept = Shedder().lighten(rows, work, backlog(1)).chosen
    counts = np.bincount(rows["flow"][kept].astype(np.int64), minlength=64)
    assert set(counts.tolist()) == {0, PACKETS // 64}


def test_what_is_read_at_one_step_is_read_at_the_step_before() -> None:
    """A connection that is read stays selected at lower load, and as few as possible are interrupted at higher load."""
    rows, work = batch()
    more, less = (set(Shedder().lighten(rows, work, backlog(level)).chosen.tolist()) for level in (1, 2))
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
    kept = Shedder().lighten(rows, work, backlog(level)).chosen
    assert set(range(GROUPS)) <= set(kept.tolist())
    assert level < LAST or len(kept) == GROUPS


def test_a_flood_of_what_is_reported_to_all_is_shed_like_the_rest() -> None:
    rows, work = to_groups(PACKETS)
    assert len(Shedder().lighten(rows, work, backlog(LAST)).chosen) == 0
