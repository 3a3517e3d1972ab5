"""Fragments: from frames through decode and selection to a whole datagram."""

from __future__ import annotations

import struct
from itertools import permutations

from sensor.core.addresses import parse
from sensor.core.dissector import Interest
from sensor.core.packet import Packet, Packets
from sensor.core.recent import RecentSet
from sensor.decode.flows import FlowTable
from sensor.decode.fragments import PIECES_LIMIT, Fragments
from sensor.decode.select import Selector
from tests.kit import SECOND, batch_of, ethernet, ipv4, ipv6, malformed, udp

MORE = 0x2000


def pieces_of(datagram: bytes, size: int = 32) -> list[bytes]:
    """IPv4 frames of the datagram cut every ``size`` bytes."""
    cuts = range(0, len(datagram), size)
    return [ethernet(ipv4(datagram[at : at + size], 17, fragment=at // 8 | (MORE if at + size < len(datagram) else 0)), 0x0800) for at in cuts]


def whole(frames: list[bytes]) -> list[bytes]:
    """Payloads of the datagrams that come out at the end."""
    batch, flows, selector, fragments = batch_of(frames), FlowTable(4), Selector([Interest(udp=(5060,))], RecentSet(4)), Fragments(8)
    assert malformed(batch) == 0
    flows.follow(batch.rows, 0, len(batch))
    packets = Packets(batch.data, batch.rows)
    chosen = selector.select(batch.data, batch.rows, 0, len(batch), flows)
    return [packet.payload for i in chosen.tolist() if (packet := fragments.add(packets.at(i))) is not None]


def test_a_fragmented_message_is_whole_again() -> None:
    """The pieces behind the first may come in any order."""
    message = bytes(range(100))
    first, *rest = pieces_of(udp(message, 5060, 5060))
    for order in permutations(rest):
        assert whole([first, *order]) == [message]


def test_ipv6_fragments() -> None:
    """The fragment header of IPv6 does the same."""
    datagram = udp(b"x" * 40, 5060, 5060)
    head = [struct.pack("!BBHI", 17, 0, at | more, 77) for at, more in ((0, 1), (24, 0))]
    frames = [ethernet(ipv6(part + piece, 44), 0x86DD) for part, piece in zip(head, (datagram[:24], datagram[24:]), strict=True)]
    assert whole(frames) == [b"x" * 40]


def test_nobody_wants_them() -> None:
    """Fragments of other ports are not kept."""
    assert whole(pieces_of(udp(bytes(100), 999, 1000))) == []


def test_a_missing_piece() -> None:
    """Without all pieces there is no message."""
    assert whole(pieces_of(udp(bytes(100), 5060, 5060))[:-1]) == []


def piece(at: int, payload: bytes, *, more: int = 1, number: int = 1, ts: int = 0) -> Packet:
    return Packet(payload, ts=ts, src=parse("10.0.0.1"), dst=parse("10.0.0.2"), seq=number, fragment=1 if at == 0 else 2, fragment_at=at, tcp_flags=more)


def test_overlaps_are_dropped_whole() -> None:
    """Overlapping fragments are how one message shows two faces: it gets none."""
    fragments = Fragments(4)
    assert [fragments.add(piece(0, bytes(16))), fragments.add(piece(16, bytes(16), more=0)), fragments.dropped] == [None, None, 1]


def test_nobody_waits_for_ever() -> None:
    """The number of a datagram is used again: pieces left over from a minute ago, and an overlap then, are no part of the new one."""
    for left_over in ([piece(24, b"old " * 4, more=0)], [piece(0, bytes(16)), piece(16, bytes(16))]):
        fragments, later = Fragments(4), 61 * SECOND
        for one in left_over:
            fragments.add(one)
        assert fragments.add(piece(0, b"new " * 4, ts=later)) is None
        made = fragments.add(piece(24, b"end", more=0, ts=later))
        assert made is not None
        assert made.payload == b"new " * 4 + b"end"


def test_state_is_bounded() -> None:
    """Neither endless pieces nor endless datagrams are kept."""
    fragments = Fragments(4)
    for at in range(PIECES_LIMIT * 3):
        fragments.add(piece(8 + at * 16, b"x" * 8))
    assert fragments.dropped >= 1
    for number in range(100):
        fragments.add(piece(0, b"x", number=number))
    assert len(fragments._open) == 4
