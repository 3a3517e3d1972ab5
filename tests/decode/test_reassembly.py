"""Reassembly: order, retransmissions, gaps, and the bounds of buffered data."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from sensor.core.dissector import Interest, Parsed, Stream
from sensor.core.packet import Packet
from sensor.decode.reassembly import HELD_SEGMENTS, Assembler, Room

ROOM = 1 << 20


class Tape(Stream):
    """Records the data it gets."""

    def __init__(self) -> None:
        self.bytes = {True: b"", False: b""}
        self.gaps: list[int] = []
        self.ended = 0

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        self.bytes[from_client] += data
        return iter(())

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        self.gaps.append(missing)
        return iter(())

    def finish(self) -> Iterator[Parsed]:
        self.ended += 1
        return iter(())


def play(segments: list[tuple[int, bytes]], direction: int = 0) -> Tape:
    tape = Tape()
    assembler = Assembler(tape, Interest(stream=True), Room(ROOM))
    for seq, data in segments:
        list(assembler.feed(Packet(data, seq=seq, direction=direction, proto=6)))
    list(assembler.finish())
    return tape


def test_any_order_after_the_first() -> None:
    """Segments in any order are delivered in order, once, without gaps."""
    parts = [(1003, b"def"), (1006, b"ghi"), (1009, b"jkl")]
    for order in permutations(parts):
        tape = play([(1000, b"abc"), *order])
        assert (tape.bytes[True], tape.gaps, tape.ended) == (b"abcdefghijkl", [], 1)


def test_a_new_message_ends_the_wait() -> None:
    """If only openings are wanted, the rest of a body never comes: the start of a message is delivered at once."""
    interest = Interest(stream=True, opening=4, starts=(b"GET ",))
    for follow, expected in ((b"GET /two", [2000]), (b"more of one", [])):
        tape = Tape()
        assembler = Assembler(tape, interest, Room(ROOM))
        for seq, data in ((1000, b"GET /one"), (3008, follow)):
            list(assembler.feed(Packet(data, seq=seq, proto=6)))
        assert tape.gaps == expected


def received(*segments: tuple[int, bytes, int, int]) -> Tape:
    """Segments as (number, bytes, direction, bytes missing before them in the capture) for a dissector of openings."""
    tape = Tape()
    assembler = Assembler(tape, Interest(stream=True, opening=4, starts=(b"GET ",)), Room(ROOM))
    for seq, data, direction, late in segments:
        assembler.late = late
        list(assembler.feed(Packet(data, seq=seq, direction=direction, proto=6)))
    return tape


def test_neighbours_that_are_exchanged_are_put_in_order() -> None:
    """The first two segments, a message before the end of another, and the second half of one before its first."""
    tape = received(
        (1004, b"/one", 0, 4), (1000, b"GET ", 0, 0), (1018, b"GET /two", 0, 10), (1008, b" HTTP/1.1\n", 0, 0)
    )
    assert (tape.bytes[True], tape.gaps) == (b"GET /one HTTP/1.1\nGET /two", [])


def test_what_stays_away_is_not_waited_for() -> None:
    """It is awaited for three more segments or until the peer answers; bytes of an unwanted body are not awaited."""
    begun = ((1000, b"GET /one", 0, 0), (1018, b"GET /two", 0, 10))
    assert received(*begun).bytes[True] == b"GET /one"
    answered = received(*begun, (5000, b"200 OK", 1, 0))
    assert (answered.bytes[True], answered.bytes[False], answered.gaps) == (b"GET /oneGET /two", b"200 OK", [10])
    more = [(1026 + n, b"x", 0, 0) for n in range(3)]
    assert received(*begun, *more[:2]).gaps == []
    assert received(*begun, *more).gaps == [10]
    assert received(begun[0], (1018, b"GET /two", 0, 0)).gaps == [10]


def test_a_first_segment_that_stays_away() -> None:
    """The segments after it are delivered when the peer answers."""
    tape = received((1004, b"/one", 0, 4), (5000, b"200 OK", 1, 0))
    assert (tape.bytes[True], tape.bytes[False], tape.gaps) == (b"/one", b"200 OK", [4])


CUT = 1  # Row.problem


def test_bytes_that_were_cut_off_are_a_gap_at_once() -> None:
    """The bytes behind the captured part of a segment are a gap of known size; the stream continues behind it. A
    repetition adds nothing, and a longer one the rest.
    """
    tape = Tape()
    assembler = Assembler(tape, Interest(stream=True), Room(ROOM))
    for seq, data, cut in ((1000, b"abc", 7), (1010, b"def", 0), (1000, b"abc", 7), (1010, b"def", 4), (1017, b"g", 0)):
        list(assembler.feed(Packet(data, seq=seq, proto=6, problem=CUT if cut else 0, ethertype=cut)))
    assert (tape.bytes[True], tape.gaps) == (b"abcdefg", [7, 4])


def test_segments_that_were_cut_off_in_any_order() -> None:
    """Segments that overtook others are put in order, too."""
    parts = [(1010, b"def"), (1020, b"ghi"), (1030, b"jkl")]
    for order in permutations(parts):
        tape = Tape()
        assembler = Assembler(tape, Interest(stream=True), Room(ROOM))
        for seq, data in ((1000, b"abc"), *order):
            list(assembler.feed(Packet(data, seq=seq, proto=6, problem=CUT, ethertype=7)))
        assert (tape.bytes[True], tape.gaps) == (b"abcdefghijkl", [7, 7, 7, 7])


def test_what_the_peer_acknowledged_does_not_come() -> None:
    """A segment of the peer that acknowledges missing bytes ends the wait; one that does not, does not."""
    for ack, expected in ((1003, b"abc"), (1009, b"abc"), (1010, b"abcghi"), (1013, b"abcghi"), (-1, b"abc")):
        tape = Tape()
        assembler = Assembler(tape, Interest(stream=True), Room(ROOM))
        for seq, data, direction in ((1000, b"abc", 0), (1010, b"ghi", 0), (5000, b"OK", 1)):
            list(assembler.feed(Packet(data, seq=seq, direction=direction, ack=ack if direction else 5000, proto=6)))
        assert (tape.bytes[True], tape.bytes[False]) == (expected, b"OK")


def test_a_stream_that_is_done_receives_no_more() -> None:
    """Buffered segments are not delivered either."""
    tape = Tape()
    assembler = Assembler(tape, Interest(stream=True), Room(ROOM))
    list(assembler.feed(Packet(b"a", seq=1, proto=6)))
    tape.done = True
    list(assembler.feed(Packet(b"b", seq=2, proto=6)))
    assert tape.bytes[True] == b"a"


def test_repeats_and_overlaps() -> None:
    """Bytes delivered before are not delivered again."""
    assert play([(1, b"abc"), (1, b"abc"), (2, b"bcde"), (0, b"zabc")]).bytes[True] == b"abcde"


def test_sequence_numbers_wrap() -> None:
    """A stream whose sequence numbers wrap at 2**32 stays in order."""
    assert play([(2**32 - 2, b"abcd"), (2, b"ef")]).bytes[True] == b"abcdef"


def test_data_with_a_syn() -> None:
    """The SYN takes a number before its data (RFC 7413), also where the data are retransmitted without it."""
    tape = Tape()
    assembler = Assembler(tape, Interest(stream=True), Room(ROOM))
    for seq, flags, data in ((2**32 - 1, 0x02, b"abc"), (0, 0x10, b"abc"), (3, 0x18, b"def")):
        list(assembler.feed(Packet(data, seq=seq, tcp_flags=flags, proto=6)))
    assert (tape.bytes[True], tape.gaps) == (b"abcdef", [])


def test_numbers_that_begin_again() -> None:
    """After a reused port without FIN, or gigabytes of an unwanted body, numbers far behind are new data, no
    repetition.
    """
    segments = [(1_000_000_000, b"abc"), (1_000_000_010, b"held"), (1000, b"def"), (1003, b"ghi")]
    tape = play(segments)
    assert (tape.bytes[True], tape.gaps) == (b"abcdefghi", [2**32 - 1_000_000_003 + 1000])


def test_a_hole_is_reported_once_the_hold_is_full() -> None:
    """Data behind a gap is buffered up to a bound; then the size of the gap is reported and the rest delivered."""
    held = [(1010 + i, b"x") for i in range(HELD_SEGMENTS + 1)]
    tape = play([(1000, b"abc"), *held])
    assert (tape.gaps, tape.bytes[True]) == ([7], b"abc" + b"x" * len(held))


def test_directions_are_apart() -> None:
    """Sequence numbers of server and client are independent."""
    assert play([(5, b"ok")], direction=1).bytes == {True: b"", False: b"ok"}


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(max_size=20)), max_size=60))
def test_any_segments(segments: list[tuple[int, bytes]]) -> None:
    """For any segments, no more bytes are delivered than were sent, and there is no error."""
    tape = play(segments)
    assert len(tape.bytes[True]) <= sum(len(data) for _, data in segments)


def test_what_all_flows_hold_is_bounded_together() -> None:
    """Once flows with gaps buffer too much in total, the next flow does not wait for its own gap."""
    room, tapes = Room(1000), [Tape() for _ in range(20)]
    for tape in tapes:
        assembler = Assembler(tape, Interest(stream=True), room)
        for seq in (1, 1000):
            list(assembler.feed(Packet(b"x" * 100, seq=seq, proto=6)))
    assert [tape.gaps for tape in tapes] == [[]] * 10 + [[899]] * 10
    assert room.held == 1000


def test_what_is_held_no_more_is_room_again() -> None:
    """Buffers are released when the gap is filled, when it is given up, and at the end of a flow."""
    room = Room(ROOM)
    filled, ended, dropped = (Assembler(Tape(), Interest(stream=True), room) for _ in range(3))
    for assembler in (filled, ended, dropped):
        for seq in (1, 7):
            list(assembler.feed(Packet(b"abc", seq=seq, proto=6)))
    assert room.held == 9
    list(filled.feed(Packet(b"def", seq=4, proto=6)))
    list(ended.finish())
    dropped.drop()
    assert room.held == 0
