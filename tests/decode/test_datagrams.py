"""Fragments are reassembled to datagrams before they are dissected."""

from __future__ import annotations

import struct
from itertools import permutations

import pytest

from sensor.core.addresses import parse
from sensor.core.batch import Batch
from sensor.core.dissector import Interest
from sensor.core.packet import Packets
from sensor.core.recent import RecentSet
from sensor.core.time_units import SECOND
from sensor.decode import datagrams
from sensor.decode.datagrams import OVERSIZED, PIECES_LIMIT, SIZE_LIMIT, WAIT_NS, Datagram, Datagrams, Overlap
from sensor.decode.flows import FlowTable
from sensor.decode.kernels import Kernels
from sensor.decode.select import Selector
from tests.kit import batch_of, ethernet, ipv4, ipv6, tcp, udp

MORE = 0x2000
A, B = "10.0.0.1", "10.0.0.2"


def pieces_of(datagram: bytes, proto: int = 17, size: int = 32, vlan: int = 0) -> list[bytes]:
    """IPv4 frames of the datagram, fragmented every ``size`` bytes."""
    cuts = range(0, len(datagram), size)
    parts = [
        ipv4(datagram[at : at + size], proto, A, B, fragment=at // 8 | (MORE if at + size < len(datagram) else 0))
        for at in cuts
    ]
    return [ethernet(part, 0x0800, vlan=vlan) for part in parts]


def run(frames: list[bytes], kernels: Kernels | None = None, times: list[int] | None = None) -> tuple[Batch, list[int]]:
    """The batch after all passes, and its rows selected for SIP (UDP) and HTTP (TCP)."""
    selector = Selector([Interest(udp=(5060,)), Interest(tcp=(80,), stream=True)], RecentSet(4))
    kernels = kernels or Kernels(FlowTable(4), selector)
    batch = batch_of(frames, times=times)
    fresh = batch.rows[["ts", "frame", "caplen", "wirelen", "link"]].copy()
    batch.rows[:] = 0
    for name in fresh.dtype.names or ():
        batch.rows[name] = fresh[name]
    work = kernels.run(batch.data, batch.rows)
    return Batch(batch.data if work.data is None else work.data, batch.rows), work.chosen.tolist()


def read(frames: list[bytes], times: list[int] | None = None) -> list[bytes]:
    """Payloads that dissectors get."""
    batch, chosen = run(frames, times=times)
    return [Packets(batch.data, batch.rows).at(row).payload for row in chosen]


@pytest.mark.parametrize(
    ("proto", "datagram"),
    [(17, udp(bytes(range(72)), 5060, 5060)), (6, tcp(bytes(range(80)), 40000, 80))],
    ids=["udp", "tcp"],
)
def test_fragments_in_any_order_are_one_message(proto: int, datagram: bytes) -> None:
    """The order of fragments does not matter, also where the first one has only eight bytes."""
    message = datagram[8 if proto == 17 else 20 :]
    for order in permutations(pieces_of(datagram, proto, 24)):
        assert read(list(order)) == [message]
    assert read(pieces_of(datagram, proto, 8)) == [message]


def test_the_whole_datagram_has_the_ends_of_its_fragments() -> None:
    """It has their MACs, VLAN, addresses, ports and time, and is neither a fragment nor malformed."""
    frames = pieces_of(udp(bytes(100), 40000, 5060), vlan=42)
    batch, [last] = run(frames)
    packet = Packets(batch.data, batch.rows).at(last)
    assert (packet.src, packet.dst, packet.vlan, packet.sport, packet.dport) == (parse(A), parse(B), 42, 40000, 5060)
    assert (packet.src_mac, packet.dst_mac, packet.fragment, packet.problem, packet.ttl) == (
        0x0200_0000_000A,
        0x0200_0000_000B,
        0,
        0,
        64,
    )
    assert (packet.ts, last) == (int(batch.rows["ts"][-1]), len(frames) - 1)


def test_ipv6_fragments() -> None:
    """Fragments with the IPv6 fragment header are reassembled as well."""
    datagram = udp(b"x" * 40, 5060, 5060)
    head = [struct.pack("!BBHI", 17, 0, at | more, 77) for at, more in ((0, 1), (24, 0))]
    frames = [
        ethernet(ipv6(part + piece, 44), 0x86DD)
        for part, piece in zip(head, (datagram[:24], datagram[24:]), strict=True)
    ]
    assert read(frames) == [b"x" * 40]


def test_a_fragmented_tunnel_is_entered_once_it_is_whole() -> None:
    """VXLAN with a full-size inner frame is always fragmented."""
    inner = ethernet(ipv4(udp(bytes(range(60)), 5060, 5060), 17), 0x0800)
    batch, [last] = run(pieces_of(udp(bytes.fromhex("0800000000002a00") + inner, 50000, 4789), size=48))
    packet = Packets(batch.data, batch.rows).at(last)
    assert (packet.payload, packet.tunnels) == (bytes(range(60)), 1)


def test_datagrams_span_batches() -> None:
    """The fragments of a datagram may come in several batches."""
    first, *rest = pieces_of(udp(bytes(100), 5060, 5060))
    kernels = Kernels(FlowTable(4), Selector([Interest(udp=(5060,))], RecentSet(4)))
    assert [len(run([frame], kernels)[1]) for frame in (first, *rest)] == [0] * len(rest) + [1]


def test_what_is_never_whole_is_never_read() -> None:
    """A fragment is lost; the capture truncated one; the last one came a minute later, when the identification is
    reused.
    """
    frames = pieces_of(udp(bytes(100), 5060, 5060))
    assert read(frames[:-1]) == read(frames[1:]) == []
    assert read(frames, [SECOND] * (len(frames) - 1) + [61 * SECOND]) == []


def test_ordinary_batches_keep_their_bytes() -> None:
    """Without fragments nothing is copied."""
    kernels = Kernels(FlowTable(4), Selector([Interest(udp=(5060,))], RecentSet(4)))
    batch = batch_of([ethernet(ipv4(udp(b"x", 5060, 5060), 17), 0x0800)])
    batch.rows["slot"] = batch.rows["problem"] = 0
    assert kernels.run(batch.data, batch.rows).data is None


def test_overlaps_with_the_same_bytes_are_no_dispute() -> None:
    """Overlaps with the same bytes are accepted; with other bytes they are ambiguous, and the datagram is dropped."""
    datagram = Datagram(0)
    for at, piece, last in ((0, b"abcdefgh", False), (4, b"efghijkl", True)):
        datagram.add(at, piece, last=last)
    assert datagram.whole() == b"abcdefghijkl"
    disputed = Datagram(0)
    for at, piece, last in ((0, b"abcdefgh", False), (4, b"EFGHijkl", True)):
        disputed.add(at, piece, last=last)
    with pytest.raises(Overlap):
        disputed.whole()


def test_fragments_that_contradict_each_other_are_dropped() -> None:
    """Conflicting overlaps, two last fragments, too many fragments, and bytes beyond the maximum size."""
    for at, piece, last in ((0, b"other", False), (16, b"end", True), (70_000, b"x", False)):
        datagram = Datagram(0)
        datagram.add(0, b"first", last=False)
        datagram.add(5, b"end", last=True)
        with pytest.raises(Overlap):
            datagram.add(at, piece, last=last)
    full = Datagram(0, pieces={2 * n: b"x" for n in range(PIECES_LIMIT)})
    with pytest.raises(Overlap):
        full.add(1, b"x", last=False)


def test_the_largest_datagram() -> None:
    """65,535 bytes are a datagram (RFC 791), one more is none."""
    datagram, begin = Datagram(0), SIZE_LIMIT - 7
    datagram.add(0, bytes(begin), last=False)
    datagram.add(begin, bytes(7), last=True)
    assert datagram.whole() == bytes(SIZE_LIMIT)
    assert datagram.fault(begin, b"x" * 7) == ""
    with pytest.raises(Overlap):
        datagram.add(begin, bytes(8), last=True)
    assert datagram.fault(begin, bytes(8)) == OVERSIZED


@pytest.mark.parametrize(("apart", "whole"), [(0, 1), (WAIT_NS, 1), (WAIT_NS + 1, 0), (-WAIT_NS - 1, 0)])
def test_fragments_wait_for_each_other_for_a_time(apart: int, whole: int) -> None:
    """Also if the clock is set back."""
    frames, begin = pieces_of(udp(bytes(range(72)), 5060, 5060), size=40), 1_700_000_000 * SECOND
    assert len(frames) == 2
    assert len(run(frames, times=[begin, begin + apart])[1]) == whole


def test_a_datagram_that_is_dropped_is_counted_and_stays_dropped() -> None:
    """Its later fragments are not counted and are not reassembled."""
    joined = Datagrams(4)
    first, *rest = pieces_of(udp(bytes(range(72)), 5060, 5060))
    evil = ethernet(ipv4(b"other bytes of same place", 17, A, B, fragment=MORE), 0x0800)
    for frames, dropped in (([first, evil], 1), (rest, 1), ([evil, first], 1)):
        batch = batch_of(frames)
        joined.join(batch.data, batch.rows)
        assert joined.dropped == dropped


@pytest.mark.parametrize(
    ("parts", "faults"),
    [
        (((0, b"a" * 40, True), (24, b"b" * 8, False)), [(1, "overlapping")]),  # Teardrop
        (((0, b"a" * 24, True), (16, b"b" * 16, True)), []),  # no fault until the datagram is complete
        (((0, b"a" * 24, True), (16, b"b" * 16, False)), [(1, "overlapping")]),
        (((65528, b"a" * 24, False),), [(0, "oversized")]),  # ping of death
        (((0, b"a" * 24, True), (24, b"b" * 8, False), (0, b"c" * 24, True)), []),  # repeated after completion
        (((0, b"a" * 24, True), (0, b"c" * 24, True)), []),  # repeated while the first one is still incomplete
        (((0, b"a" * 24, True), (16, b"a" * 8 + b"b" * 8, False)), []),  # an overlap with the same bytes
    ],
)  # fmt: skip
def test_fragments_that_no_stack_sends(
    parts: tuple[tuple[int, bytes, bool], ...], faults: list[tuple[int, str]]
) -> None:
    """They are reported once, with the row of the fragment."""
    joined = Datagrams(4)
    frames = [
        ethernet(ipv4(body, 1, A, B, fragment=at // 8 | (MORE if more else 0)), 0x0800) for at, body, more in parts
    ]
    batch = batch_of(frames)
    assert list(joined.join(batch.data, batch.rows)[2]) == faults
    assert joined.join(batch.data, batch.rows[:0])[2] == ()


def test_state_is_bounded() -> None:
    """The number of incomplete datagrams is bounded."""
    datagrams = Datagrams(4)
    for number in range(100):
        datagram = ipv4(bytes(16), 17, A, B, fragment=MORE)
        batch = batch_of([ethernet(datagram[:4] + number.to_bytes(2, "big") + datagram[6:], 0x0800)])
        datagrams.join(batch.data, batch.rows)
    assert datagrams._open.evicted == 96


def test_a_flood_of_fragments_costs_no_more_than_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fragments beyond the limit per second are ignored, in batches of any size, until the next second."""
    monkeypatch.setattr(datagrams, "FRAGMENTS_PER_S", 6)
    message = pieces_of(udp(bytes(range(72)), 5060, 5060), size=40)
    frames, times = message * 5, [number // 8 * SECOND + number for number in range(5 * len(message))]
    whole, chosen = run(frames, times=times)
    assert len(message) == 2
    assert len(chosen) == 4  # three of the first second, whose last fragment is ignored, and that of the next
    kernels = Kernels(FlowTable(4), Selector([Interest(udp=(5060,)), Interest(tcp=(80,), stream=True)], RecentSet(4)))
    assert sum(len(run([frame], kernels, [ts])[1]) for frame, ts in zip(frames, times, strict=True)) == 4
    assert kernels.datagrams.ignored == 2
    assert len(whole) == len(frames)
