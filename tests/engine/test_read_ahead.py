"""Reading ahead: a late engine gets fewer and larger live batches, equal to batches of that size."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from sensor.core.batch import ROW, Batch
from sensor.core.recent import RecentSet
from sensor.core.time_units import SECOND
from sensor.decode.flows import FlowTable
from sensor.decode.kernels import Kernels
from sensor.decode.select import Selector
from sensor.dissectors.dns import Dns
from sensor.engine.read_ahead import JOINED_LIMIT, ReadAhead, joined
from sensor.engine.shedding import Shedder
from tests.kit import ethernet, ipv4, tcp_frame, udp, udp_frame

SYN, SYN_ACK, RST = 0x02, 0x12, 0x14
MORE = 0x2000  # of the flags and offset of a fragment
ASKS = bytes.fromhex("000101000001000000000000") + b"\1a\0\0\1\0\1"


def frames(count: int) -> list[bytes]:
    """Queries, and connections that are opened, answered, refused and left idle."""
    made = []
    for number in range(count):
        port, flags = 40000 + number // 8, (SYN, SYN_ACK, RST, SYN)[number % 4]
        ends = ("10.0.0.1", "10.0.0.2") if number % 2 == 0 else ("10.0.0.2", "10.0.0.1")
        ports = {"sport": port, "dport": 80} if number % 2 == 0 else {"sport": 80, "dport": port}
        made.append(
            udp_frame("10.0.0.3", "10.0.0.4", ASKS, sport=port)
            if number % 5 == 0
            else tcp_frame(*ends, flags=flags, **ports)
        )
    return made


def kernels() -> Kernels:
    return Kernels(FlowTable(12), Selector([Dns.interest], RecentSet(8)))


def raw(some: Sequence[bytes], step: int) -> Batch:
    """Batches as a source gives them, ``step`` ns apart."""
    rows = np.zeros(len(some), ROW)
    rows["caplen"] = rows["wirelen"] = [len(frame) for frame in some]
    rows["frame"] = np.cumsum(rows["caplen"], dtype=np.int64) - rows["caplen"]
    rows["ts"], rows["link"] = SECOND + step * np.arange(len(some)), 1
    return Batch(np.frombuffer(b"".join(some), np.uint8), rows)


@pytest.mark.parametrize("cuts", [(), (1,), (7, 8, 9), (100, 350)])
@pytest.mark.parametrize("step", [1000, SECOND // 7, 40 * SECOND])
def test_joined_batches_are_one(cuts: tuple[int, ...], step: int) -> None:
    """The kernels give the same results as for one batch: changes, seconds, expired flows, and selected rows, at the
    same places.
    """
    whole, cut, some = raw(frames(400), step), raw(frames(400), step), kernels()
    wanted = kernels().run(whole.data, whole.rows)
    pieces = [Batch(cut.data, rows) for rows in np.split(cut.rows, cuts)]
    batch, work = joined([(one, some.run(one.data, one.rows)) for one in pieces])
    assert len(wanted.changes) > 10
    assert len(wanted.chosen) > 10
    assert len(wanted.ticks) >= (step > 1000)
    assert batch.rows.tobytes() == whole.rows.tobytes()
    for name in ("changes", "chosen", "wanted", "ticks"):
        assert getattr(work, name).tolist() == getattr(wanted, name).tolist(), name
    assert work.malformed == wanted.malformed


class Given:
    """A ring that gives these batches at once, and sets ``given`` then."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        self._batches, self.given = batches, threading.Event()

    def batches(self) -> Iterator[Batch]:
        yield from self._batches
        self.given.set()

    def backlog(self) -> float:
        return 0.0

    def stop(self) -> None:
        pass


def taken(batches: Sequence[Batch], shedder: Shedder | None) -> list[Batch]:
    """The batches of an engine that starts after all were given, or as many as the queue holds."""
    source: Any = Given(batches)
    reader = iter(ReadAhead(source, kernels(), shedder))
    first = next(reader)
    source.given.wait(0.5 if shedder is not None else 0.2)
    return [batch for batch, _ in (first, *reader)]


def cut(count: int, rows: int, released: list[int]) -> list[Batch]:
    whole = raw(frames(count * rows), 1000)
    return [
        Batch(whole.data, part, lambda number=number: released.append(number))
        for number, part in enumerate(np.split(whole.rows, count))
    ]


def test_a_late_engine_gets_larger_batches() -> None:
    """All rows, in order; releasing a joined batch releases all its parts."""
    released: list[int] = []
    found = taken(cut(50, 4, released), Shedder())
    assert 2 <= len(found) <= 4
    assert np.diff(np.concatenate([batch.rows["ts"] for batch in found])).min() > 0
    for batch in found:
        batch.release()
    assert released == list(range(50))


def test_reassembled_datagrams_stay_within_the_bytes_of_their_batch() -> None:
    """Their bytes are behind those of the source: such a batch is not joined with others."""
    body = udp(b"x" * 40)
    pair = [
        ethernet(ipv4(part, 17, "10.0.0.3", "10.0.0.4", fragment=place), 0x0800)
        for part, place in ((body[:24], MORE), (body[24:], 3))
    ]
    whole = raw([*frames(4), *pair, *frames(4)], 1000)
    cuts = [Batch(whole.data, rows) for rows in np.split(whole.rows, range(1, 10))]
    found = taken(cuts, Shedder())
    assert sum(map(len, found)) == 10
    for batch in found:
        assert (batch.rows["frame"] + batch.rows["caplen"] <= len(batch.data)).all()
    assert max(len(batch.data) for batch in found) > len(whole.data)


def test_a_file_waits_instead() -> None:
    assert [len(batch) for batch in taken(cut(50, 4, []), None)] == [4] * 50


def test_silence_is_put_behind_nothing() -> None:
    """A tick is joined with the next batch, or passed alone."""
    nothing = Batch(np.zeros(0, np.uint8), np.zeros(0, ROW))
    found = taken([nothing, *cut(20, 4, []), nothing, nothing], Shedder())
    assert sum(map(len, found)) == 80
    assert sum(not len(batch) for batch in found) <= 2


def test_batches_of_several_rings_stay_apart() -> None:
    """Offsets are relative to one block of bytes."""
    one, other = cut(4, 4, []), cut(4, 4, [])
    found = taken([*one[:2], *other[:2], *one[2:], *other[2:]], Shedder())
    assert sum(map(len, found)) == 32
    for batch in found:
        assert batch.data is one[0].data or batch.data is other[0].data


def test_a_joined_batch_has_an_end() -> None:
    """The size of a joined batch is limited, so that a late engine is not delayed further."""
    rows = np.zeros(4 * JOINED_LIMIT, ROW)
    rows["ts"] = np.arange(len(rows))
    data = np.zeros(64, np.uint8)
    found = taken([Batch(data, part) for part in np.split(rows, 64)], Shedder())
    assert max(map(len, found)) < JOINED_LIMIT + len(rows) // 64
