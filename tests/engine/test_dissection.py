"""Selected rows to their dissectors: dissectors that have finished, idle directions, bounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sensor.boundary import Boundary
from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import MalformedMessage
from sensor.core.packet import Packet, Packets
from sensor.core.reader import Malformed
from sensor.core.recent import RecentSet
from sensor.decode.flows import FlowTable
from sensor.decode.select import Selector
from sensor.engine.dissection import Dissection
from tests.kit import batch_of, tcp_frame, udp_frame

A, B = "10.0.0.1", "10.0.0.2"


class Tape(Stream):
    """Records its input; ``!`` is malformed, ``.`` ends it, and after a ``GET`` the client's direction is idle."""

    def __init__(self, received: list[str]) -> None:
        self.received = received

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        self.received.append(data.decode())
        if data == b"malformed!":
            raise Malformed("a cry")
        self.done = data.endswith(b".")
        self.idle = (data.startswith(b"GET"), False)
        return iter(())

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        self.received.append(f"gap {missing}")
        return iter(())

    def finish(self) -> Iterator[Parsed]:
        self.received.append("end")
        return iter(())


class Listener(Dissector):
    """One tape for all connections, and the datagrams."""

    interest = Interest(udp=(9,), tcp=(9,), starts=(b"GET ",), stream=True, opening=4)

    def __init__(self) -> None:
        self.received: list[str] = []

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        self.received.append(packet.payload.decode())
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return Tape(self.received)


class Engine:
    """Frames through the kernels and the dissection."""

    def __init__(self, conversations: int = 100) -> None:
        self.unit, self.unfollowed = Listener(), 0
        self.dissection = Dissection(
            {"listener": self.unit}, Boundary(), self._unfollow, self._receive, conversations=conversations
        )

    def _unfollow(self, slot: int, flow: int, bits: int) -> None:
        self.unfollowed += 1

    def _receive(self, messages: Iterable[Parsed]) -> None:
        assert all(isinstance(one, MalformedMessage) for one in messages)

    def read(self, *frames: bytes) -> list[str]:
        batch, flows, selector = batch_of(frames), FlowTable(10), Selector([self.unit.interest], RecentSet(8))
        flows.follow(batch.rows, 0, len(batch))
        packets = Packets(batch.data, batch.rows)
        for row in selector.select(batch.data, batch.rows, 0, len(batch), flows).tolist():
            self.dissection.row(packets, row, int(batch.rows["wanted"][row]))
        for flow in dict.fromkeys(batch.rows["flow"].tolist()):
            self.dissection.end(flow)
        return self.unit.received


def sent(*parts: bytes, sport: int = 40000) -> list[bytes]:
    """Segments of one client, one after the other."""
    at = [sum(map(len, parts[:number])) for number in range(len(parts))]
    return [
        tcp_frame(A, B, part, seq=1000 + start, sport=sport, dport=9) for part, start in zip(parts, at, strict=True)
    ]


def test_datagrams_and_streams() -> None:
    """Each row is passed once to the dissector that requested it; the end of a connection is reported."""
    engine = Engine()
    assert engine.read(udp_frame(A, B, b"datagram", dport=9), *sent(b"segment one", b"segment two")) == [
        "datagram",
        "segment one",
        "segment two",
        "end",
    ]
    assert engine.dissection.selected == 3


class Rare(Dissector):
    """The ports of its datagrams."""

    def __init__(self, port: int) -> None:
        self.interest = Interest(udp=(port,), repeats_s=60, shares=True)  # type: ignore[misc]
        self.received: list[int] = []

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        self.received.append(packet.dport)
        return iter(())


def test_dissectors_that_share_a_bit() -> None:
    """Each receives the datagrams of its own ports, and a datagram between the ports of two both."""
    units = {str(port): Rare(port) for port in (30000, 30001, 30002)}
    dissection = Dissection(units, Boundary(), lambda *_: None, lambda _: None)
    frames = [udp_frame(A, B, b"announcement", dport=port, sport=30002) for port in (30000, 30001, 30002)]
    batch, flows = batch_of(frames), FlowTable(10)
    selector = Selector([unit.interest for unit in units.values()], RecentSet(8))
    flows.follow(batch.rows, 0, len(batch))
    for row in selector.select(batch.data, batch.rows, 0, len(batch), flows).tolist():
        dissection.row(Packets(batch.data, batch.rows), row, int(batch.rows["wanted"][row]))
    assert [unit.received for unit in units.values()] == [[30000], [30001], [30000, 30001, 30002]]


class RareStream(Listener):
    """A rare protocol over TCP."""

    def __init__(self, *ports: int) -> None:
        super().__init__()
        self.interest = Interest(tcp=ports, stream=True, shares=True)  # type: ignore[misc]


def test_stream_dissectors_that_share_a_bit() -> None:
    """Each receives the flows of its own ports, a flow between the ports of two only the first; the end of a flow and
    malformed data are those of one dissector.
    """
    units = {str(port): RareStream(port) for port in (5000, 6000, 7000)}
    dissection = Dissection(units, Boundary(), lambda *_: None, lambda _: None)
    parts = [(40000, 6000, b"six"), (40000, 7000, b"malformed!"), (7000, 5000, b"both"), (40001, 7000, b"seven")]
    frames = [tcp_frame(A, B, data, sport=sport, dport=dport) for sport, dport, data in parts]
    batch, flows = batch_of(frames), FlowTable(10)
    selector = Selector([unit.interest for unit in units.values()], RecentSet(8))
    flows.follow(batch.rows, 0, len(batch))
    for row in selector.select(batch.data, batch.rows, 0, len(batch), flows).tolist():
        dissection.row(Packets(batch.data, batch.rows), row, int(batch.rows["wanted"][row]))
    for flow in dict.fromkeys(batch.rows["flow"].tolist()):
        dissection.end(flow)
    assert [unit.received for unit in units.values()] == [
        ["both", "end"],
        ["six", "end"],
        ["malformed!", "seven", "end"],
    ]
    assert set(batch.rows["wanted"].tolist()) == {1}


def test_who_gave_up_or_is_done_receives_no_more() -> None:
    """Neither the rest of the connection nor its end is passed; the kernels are notified once."""
    for word in (b"malformed!", b"the end, done."):
        engine = Engine()
        assert engine.read(*sent(word, b"more of it", b"and more of it")) == [word.decode()]
        assert (engine.unfollowed, engine.dissection.selected) == (1, 1)


def test_who_gave_up_receives_no_more_when_the_conversation_made_room() -> None:
    """The state that a dissector gave up is stored in the flow, not in the connection."""
    first, other = sent(b"malformed!", b"more of it", sport=1), sent(b"another", sport=2)
    assert Engine(conversations=1).read(first[0], *other, first[1]) == ["malformed!", "another", "end"]


def test_an_idle_end_is_skipped_until_a_message_begins() -> None:
    """The body costs little; the start of a message is passed to the dissector, after the gap."""
    assert Engine().read(*sent(b"GET /one", b"body body", b"more body", b"GET /two")) == [
        "GET /one",
        "gap 18",
        "GET /two",
        "end",
    ]


def test_conversations_are_bounded() -> None:
    """The least recently used connection is evicted without an end, and would start again."""
    received = Engine(conversations=2).read(
        *(frame for port in (1, 2, 3) for frame in sent(b"conversation %d" % port, sport=port))
    )
    assert received == ["conversation 1", "conversation 2", "conversation 3", "end", "end"]


def test_a_conversation_that_makes_room_gives_up_what_it_held() -> None:
    """A segment that arrived early is not kept for an evicted connection."""
    engine = Engine(conversations=2)
    engine.read(
        *(
            frame
            for port in (1, 2, 3)
            for frame in (*sent(b"it begins", sport=port), tcp_frame(A, B, b"early", seq=9000, sport=port, dport=9))
        )
    )
    assert engine.dissection.early.held == 0


# Openings in pieces: port 7777 has no dissector, so the first bytes decide.


def pieces(text: bytes, size: int, *, port: int = 7777, sport: int = 40000) -> list[bytes]:
    """Segments of this many bytes of one client, after a handshake."""
    return [
        tcp_frame(A, B, sport=sport, dport=port, flags=0x02, seq=999),
        *(
            tcp_frame(A, B, text[at : at + size], sport=sport, dport=port, seq=1000 + at)
            for at in range(0, len(text), size)
        ),
    ]


def test_an_opening_in_tiny_segments_is_recognised() -> None:
    """No segment contains the start of a message; all are read, from the first on, in order."""
    assert "".join(Engine().read(*pieces(b"GET /one of many", 3))) == "GET /one of manyend"


def test_an_opening_that_comes_last_is_recognised() -> None:
    """Segments that arrived before the first one are read after it."""
    first, *rest = pieces(b"GET /one of many", 4)
    assert Engine().read(first, *reversed(rest)) == ["GET ", "/one", " of ", "many", "end"]


def test_another_protocol_in_tiny_segments_is_left_alone() -> None:
    """A limited number of its segments is buffered."""
    engine = Engine()
    assert engine.read(*pieces(b"an unknown protocol " * 5, 3)) == []
    assert engine.dissection.selected == 0


def test_the_middle_of_a_conversation_is_no_opening() -> None:
    """Without the handshake the first bytes of the stream are unknown."""
    _, *rest = pieces(b"GET /one of many", 3)
    assert Engine().read(*rest) == []


def test_pieces_of_many_conversations_are_bounded() -> None:
    """A flood of tiny segments costs at most the size of the table; later openings are recognised again."""
    flood = [frame for port in range(600) for frame in pieces(b"??", 2, sport=10_000 + port)]
    assert "".join(Engine().read(*flood, *pieces(b"GET /after it", 3))) == "GET /after itend"
