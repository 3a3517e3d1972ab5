"""Events that no subscriber wants: repeated content is decided without an object, as it would be with one, also when
tables, data or subscribers change in between.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sensor.boundary import Boundary
from sensor.core.addresses import parse
from sensor.core.alert import Alert
from sensor.core.bounded import Bounded
from sensor.core.detector import EventDetector
from sensor.core.event import Event
from sensor.core.packet import Packets
from sensor.core.wants import ALWAYS, Want, armed, field, held
from sensor.decode.kernels import Kernels
from sensor.dissectors.dns import DnsQuery
from sensor.dissectors.http import Http, HttpRequest
from sensor.engine.members import Member
from sensor.engine.native_messages import NativeMessages
from sensor.engine.screens import Lookup, screen
from sensor.engine.subscribers import Subscribers
from sensor.inventory.novelty import Novelty
from tests.engine.test_pipeline import Engine, raw
from tests.kit import batch_of, tcp_frame
from tests.native.test_messages import kernels, question

A, B = "a.example", "b.example"
CLIENT = parse("10.0.0.9")
# Offset of the source port in a frame with a query.
PORT_AT = 14 + 20
SYN, SYN_ACK, ACK, PUSH = 0x02, 0x12, 0x10, 0x18


class Queries:
    """The queries that a subscriber with some want gets, message by message."""

    def __init__(self, want: Want) -> None:
        self.received: list[str] = []
        self.boundary, self._numbers = Boundary(), itertools.count(5_000)
        self._kernels: Kernels = kernels()
        self._subscribers = Subscribers(self.boundary, [(DnsQuery, Member("unit", self._receive, want))])
        self.messages = NativeMessages(self._deliver, lambda packets, row: packets.at(row), Novelty(), self.boundary)
        self.messages.subscribe((DnsQuery,), self._subscribers)

    def run(self, *names: str) -> list[str]:
        """What was received of one batch."""
        self.received.clear()
        batch = batch_of([self._numbered(question(name)) for name in names])
        self.messages.begin(Packets(batch.data, batch.rows), self._kernels.run(batch.data, batch.rows).messages)
        self.messages.end()
        return list(self.received)

    def _numbered(self, frame: bytes) -> bytes:
        """With a source port of its own: repeated datagrams are not read."""
        return frame[:PORT_AT] + next(self._numbers).to_bytes(2, "big") + frame[PORT_AT + 2 :]

    def _receive(self, event: Any) -> None:
        self.received.append(event.name)

    def _deliver(self, results: list[Any]) -> None:
        for one in results:
            if isinstance(one, DnsQuery):
                self._subscribers.deliver(one)


def test_repeated_content_that_is_not_wanted_costs_no_object() -> None:
    """The subscriber evaluates the first, the second is evaluated for all later ones; wanted names are delivered."""
    queries = Queries(field("name") == B)
    assert queries.run(A, A, A) == []
    assert queries.messages.unwanted.skipped == 1
    assert queries.run(B, A, B, "c.example", B) == [B, B, B]
    assert queries.messages.unwanted.skipped == 2


def table() -> Bounded[int, bool]:
    return Bounded(4)


@pytest.mark.parametrize(
    ("of", "before", "after"),
    [
        (lambda kept: held(kept, "packet.src"), [], [A, B]),
        (lambda kept: ~held(kept, "packet.src"), [A, B], []),
        (armed, [], [A, B]),
        (lambda kept: ~armed(kept), [A, B], []),
        (lambda kept: held(kept, "packet.src") & (field("name") == B), [], [B]),
        (lambda kept: ~(held(kept, "packet.src") | (field("name") == B)), [A], []),
        (lambda kept: ~held(kept, "packet.dst"), [A, B], [A, B]),
        (lambda kept: (field("name") == A) | held(kept, "packet.src"), [A], [A, B]),
    ],
)
def test_wants_that_look_into_a_table(
    of: Callable[[Bounded[int, bool]], Want], before: list[str], after: list[str]
) -> None:
    """Content that was not wanted before is wanted once the table contains the key, and the other way round."""
    kept = table()
    queries = Queries(of(kept))
    for _ in range(2):
        assert queries.run(A, B) == before
    kept.put(CLIENT, True)
    for _ in range(2):
        assert queries.run(A, B) == after
    kept.pop(CLIENT)
    assert queries.run(A, B) == before


def test_a_key_of_several_fields() -> None:
    """Looked up as a tuple."""
    kept: Bounded[tuple[int, int], bool] = Bounded(4)
    queries = Queries(held(kept, "packet.src", "packet.dport"))
    assert queries.run(A, A) == []
    kept.put((CLIENT, 53), True)
    assert queries.run(A, A) == [A, A]


class Names:
    """Names that may be replaced."""

    version, names = 1, frozenset((B,))


def test_replaced_data_is_heeded_in_the_next_batch() -> None:
    """Answers that depend on it are forgotten."""
    names = Names()
    queries = Queries(field("name").passes(lambda name: name in names.names, names))
    assert queries.run(A, A, B) == [B]
    names.version, names.names = 2, frozenset((A,))
    assert queries.run(A, A, B) == [A, A]


def test_a_want_that_breaks_gets_everything_from_then_on() -> None:
    """Also content that was unwanted before."""

    def test(name: str) -> bool:
        if name == B:
            raise ZeroDivisionError(name)
        return False

    queries = Queries(field("name").passes(test))
    assert queries.run(A, A) == []
    assert queries.run(B, A) == [B, A]
    assert [fault.unit for fault in queries.boundary.faults.values()] == ["unit"]


def test_what_has_no_screen() -> None:
    """If all are wanted, or a payload decides, or too many look-ups would, nothing is compared."""
    assert screen(DnsQuery, [field("name") == A, ALWAYS]) is None
    assert screen(DnsQuery, [field("packet.payload").filled()]) is None
    assert screen(DnsQuery, [held(table(), "packet.src") for _ in range(64)]) is None


def test_what_decides() -> None:
    """A look-up by a field of the event counts as if it held; others are asked for the row."""
    kept = table()
    made = screen(DnsQuery, [held(kept, "name") & (field("name") == A), ~held(kept, "packet.dst")])
    assert made is not None
    assert made.fields == ("name",)
    assert made.lookups == (Lookup(kept, ("packet.dst",), True),)


# Two messages in one packet, of which the first makes the second wanted.


class TwoSteps(EventDetector):
    """Receives ``/first``, and after it all requests of the same client."""

    watches = (HttpRequest,)

    def __init__(self, all_of_them: bool = False) -> None:
        super().__init__(None)  # type: ignore[arg-type]
        self.id, self._everything = "test.steps", all_of_them
        self._begun: Bounded[int, bool] = Bounded(64)
        self.received: list[tuple[int, str]] = []

    def wants(self) -> dict[type[Event], Want]:
        return {} if self._everything else {HttpRequest: (field("path") == "/first") | held(self._begun, "packet.src")}

    def inspect(self, event: Event) -> Iterator[Alert]:
        assert isinstance(event, HttpRequest)
        if event.path == "/first" or event.packet.src in self._begun:
            self._begun.put(event.packet.src, True)
            self.received.append((event.packet.src & 0xFF, event.path))
        return iter(())


def conversation(client: int, *paths: str) -> list[bytes]:
    """A handshake, then requests in one segment."""
    ends = {"sport": 40_000, "dport": 80}
    sent = b"".join(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for path in paths)
    source, server = f"10.0.0.{client}", "10.0.0.200"
    return [
        tcp_frame(source, server, flags=SYN, seq=1, **ends),
        tcp_frame(server, source, flags=SYN_ACK, seq=1, sport=80, dport=40_000),
        tcp_frame(source, server, flags=ACK, seq=2, **ends),
        tcp_frame(source, server, sent, flags=PUSH, seq=2, **ends),
    ]


def test_an_event_changes_what_is_wanted_of_the_same_packet() -> None:
    """The second request was unwanted of others; after the first one of this client it is delivered."""
    frames = [
        frame
        for client, paths in enumerate([("/next", "/next"), ("/first", "/next"), ("/next", "/first", "/next")], 1)
        for frame in conversation(client, *paths)
    ]
    screened, whole = TwoSteps(), TwoSteps(all_of_them=True)
    for detector in (screened, whole):
        Engine({"http": Http()}, detector).read(raw(frames))
    assert screened.received == [(2, "/first"), (2, "/next"), (3, "/first"), (3, "/next")]
    assert screened.received == whole.received
