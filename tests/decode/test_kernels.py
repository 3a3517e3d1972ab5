"""All passes in one call: seconds, expiry between them, what is passed to Python, and independence of batch sizes."""

from __future__ import annotations

import numpy as np

from sensor.core.batch import Problem
from sensor.core.dissector import Interest
from sensor.core.flow import Change
from sensor.core.recent import RecentSet
from sensor.core.time_units import SECOND
from sensor.decode.flows import FlowTable
from sensor.decode.kernels import Kernels, Work
from sensor.decode.select import Selector
from tests.kit import batch_of, tcp_frame, udp_frame

A, B = "10.0.0.1", "10.0.0.2"
SYN = 2


def kernels(*interests: Interest) -> Kernels:
    return Kernels(FlowTable(6), Selector(interests or (Interest(udp=(53,)),), RecentSet(8)))


def run(engine: Kernels, frames: list[bytes], times: list[int]) -> Work:
    batch = batch_of(frames, times=times, raw=True)
    return engine.run(batch.data, batch.rows)


def test_raw_frames_come_out_decoded() -> None:
    """Raw rows are decoded, and the malformed ones counted."""
    frames = [udp_frame(A, B, b"question", dport=53), udp_frame(A, B, b"x")[:20]]
    batch = batch_of(frames, raw=True)
    work = kernels().run(batch.data, batch.rows)
    assert (work.malformed, work.chosen.tolist(), work.wanted.tolist()) == (1, [0], [1])
    assert batch.rows["problem"].tolist() == [0, Problem.NETWORK_SHORT]


def test_seconds_are_reported_where_they_begin() -> None:
    """A tick precedes the first packet of each later second; late packets cause none, a clock set back by much does."""
    times = [5 * SECOND, 5 * SECOND + 9, 4 * SECOND, 6 * SECOND, 9 * SECOND, 9 * SECOND - 600 * SECOND]
    work = run(kernels(), [udp_frame(A, B)] * 6, times)
    assert [(int(tick["second"]), int(tick["row"])) for tick in work.ticks] == [(6, 3), (9, 4), (-591, 5)]


def test_aged_flows_come_before_the_packet_of_their_second() -> None:
    """Flows that expired are reported with the row of the next packet."""
    frames = [tcp_frame(A, B, flags=SYN)] + [udp_frame(B, A, b"tick", sport=i + 1) for i in range(20)]
    work = run(kernels(), frames, [0] + [(40 + i) * SECOND for i in range(20)])
    (tick,) = [tick for tick in work.ticks if tick["stop"] > tick["first"]]
    (aged,) = work.changes[tick["first"] : tick["stop"]]
    assert (aged["kind"], aged["flow"], aged["row"]) == (Change.ENDED, 1, tick["row"])


def test_a_silent_wire() -> None:
    """Time advances without packets, once there was one."""
    engine = kernels()
    assert len(engine.idle(9 * SECOND).ticks) == 0
    run(engine, [udp_frame(A, B)], [9 * SECOND])
    assert [engine.idle(now * SECOND).ticks["second"].tolist() for now in (9, 10, 10, 12)] == [[], [10], [], [12]]


def test_a_silent_wire_whose_clock_is_set_back() -> None:
    """Time continues from there, instead of stopping until the clock has caught up."""
    engine = kernels()
    run(engine, [udp_frame(A, B)], [9000 * SECOND])
    assert [engine.idle(now * SECOND).ticks["second"].tolist() for now in (8999, 5000, 5000, 5001)] == [
        [],
        [5000],
        [],
        [5001],
    ]


def test_who_gave_up_is_left_alone_from_the_next_batch_on() -> None:
    """After ``unfollow`` no dissector gets the rows of the flow; the rows that are chosen do not change."""
    engine = kernels(Interest(starts=(b"REGISTER",), stream=True))
    frames = [tcp_frame(A, B, b"REGISTER sip:b")] + [
        tcp_frame(A, B, b"more and more", seq=100 + 13 * i) for i in range(12)
    ]
    batch = batch_of(frames[:7], raw=True)
    assert len(engine.run(batch.data, batch.rows).chosen) == 7
    engine.unfollow(int(batch.rows["slot"][0]), int(batch.rows["flow"][0]), 1)
    batch = batch_of(frames[7:], raw=True)
    work = engine.run(batch.data, batch.rows)
    assert (work.chosen.tolist(), work.wanted.tolist()) == ([0, 1, 2, 3, 4, 5], [0] * 6)


def test_who_gave_up_a_flow_that_is_over_touches_no_other() -> None:
    """The slot of an ended flow may be in use by a new flow, which is still followed."""
    engine, conversation = kernels(Interest(tcp=(9,), stream=True)), tcp_frame(A, B, b"talk", dport=9)
    batch = batch_of([conversation], raw=True)
    engine.run(batch.data, batch.rows)
    slot, flow = int(batch.rows["slot"][0]), int(batch.rows["flow"][0])
    run(engine, [udp_frame(B, A, b"tick")] * 20, [(40 + i) * SECOND for i in range(20)])
    engine.unfollow(slot, flow, 1)
    batch = batch_of([conversation], times=[70 * SECOND], raw=True)
    work = engine.run(batch.data, batch.rows)
    assert (int(batch.rows["slot"][0]), int(batch.rows["flow"][0]) > flow, work.wanted.tolist()) == (slot, True, [1])


def test_the_end_of_a_conversation_that_is_followed_is_reported_as_such() -> None:
    """The same holds for a flow that begins and ends in one batch, and for one whose last packet is
    the first wanted.
    """
    conversation, over = tcp_frame(A, B, b"talk", dport=9), tcp_frame(A, B, dport=9, seq=4, flags=4)
    for frames, followed in (([conversation, over], 1), ([tcp_frame(A, B, b"talk", dport=9, flags=4)], 1), ([over], 0)):
        work = run(kernels(Interest(tcp=(9,), stream=True)), frames, [SECOND] * len(frames))
        assert [(int(one["kind"]), int(one["spare"])) for one in work.changes][-1] == (Change.ENDED, followed)


def test_cuts_change_nothing() -> None:
    """Changes, choices and ticks are the same in one batch and packet by packet, and the buffer for changes grows."""
    frames, times = [], []
    for i in range(3000):
        frames.append(
            tcp_frame(f"10.1.{i >> 8}.{i & 255}", B, flags=SYN)
            if i % 3
            else udp_frame(A, B, b"question %d" % i, dport=53)
        )
        times.append(i * SECOND // 7)
    whole, engine = run(kernels(), frames, times), kernels()
    pieces = [run(engine, frames[i : i + 1], times[i : i + 1]) for i in range(3000)]
    changes = np.concatenate([piece.changes for piece in pieces])
    changes["row"] = whole.changes["row"]
    assert changes.tobytes() == whole.changes.tobytes()
    assert len(whole.changes) > 3000
    assert [bits for piece in pieces for bits in piece.wanted.tolist()] == whole.wanted.tolist()
    assert [int(tick["second"]) for piece in pieces for tick in piece.ticks] == whole.ticks["second"].tolist()
