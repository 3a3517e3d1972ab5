"""Core classes: event kinds, evidence required by constructors, flows from columns, text cleaning, the reader, bounded
maps.
"""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.core.alert import Alert, Severity
from sensor.core.attack import TECHNIQUES
from sensor.core.bounded import Bounded, Recent
from sensor.core.device import FIXED_FUNCTION, TYPES, Attribute
from sensor.core.event import Event, kind_of
from sensor.core.flow import CHANGE, Change, Reason, flow_of
from sensor.core.observation import Subject
from sensor.core.packet import Packet, Packets
from sensor.core.reader import Malformed, Reader, clean
from tests.golden import Golden
from tests.kit import batch_of, udp_frame


class MadeTreeConnect(Event):
    share: str


def test_an_event_is_named_after_its_class() -> None:
    """The first word is the protocol, the rest the message."""
    event = MadeTreeConnect(Packet(ts=7), "ADMIN$")
    assert (event.kind, event.ts, kind_of(Event)) == ("made.tree_connect", 7, "event")


def test_no_attribute_without_evidence() -> None:
    """A claim without evidence cannot be constructed."""
    with pytest.raises(ValueError, match="without evidence"):
        Attribute("type", "printer", 0.9, ())


def test_no_alert_without_proof(golden: Golden) -> None:
    """An alert needs a proof and a reason."""
    words = ("discovery.x", "t", Severity.low, 0.5, (), Subject(1), "s")
    with pytest.raises(ValueError) as raised:
        Alert(1, *words, ("why",), {}, "a", "f", "k")
    golden(str(raised.value))
    with pytest.raises(ValueError) as raised:
        Alert(1, *words, (), {}, "a", "f", "k", proof=(MadeTreeConnect(Packet(), "x"),))
    golden(str(raised.value))


def test_vocabulary() -> None:
    """Types are unique, fixed-function ones are types, techniques are listed under their own id."""
    assert len(set(TYPES)) == len(TYPES)
    assert set(TYPES) >= FIXED_FUNCTION
    assert all(key == technique.technique for key, technique in TECHNIQUES.items())


def test_a_flow_from_its_columns() -> None:
    """Every column is copied to its field."""
    rows = np.zeros(1, CHANGE)
    for number, name in enumerate(CHANGE.names or ()):
        rows[name] = number + 1
    rows["kind"], rows["reason"] = Change.ENDED, Reason.IDLE
    flow = flow_of(rows[0])
    for name in (
        "ts",
        "first",
        "client_mac",
        "server_port",
        "client_packets",
        "server_bytes",
        "vlan",
        "proto",
        "source",
    ):
        assert getattr(flow, name) == rows[0][name]
    assert (flow.client, flow.kind, flow.reason) == (4 << 64 | 5, Change.ENDED, Reason.IDLE)


def test_a_packet_from_its_row() -> None:
    """The packet has the values of the columns."""
    batch = batch_of([udp_frame("10.0.0.1", "10.0.0.2", b"hello", dport=5353)])
    packet = Packets(batch.data, batch.rows).at(0)
    assert (packet.payload, packet.dport, packet.proto, packet.frame, packet.truncated) == (
        b"hello",
        5353,
        17,
        batch.frame(0),
        False,
    )
    other = packet.with_payload(b"whole")
    assert (other.payload, other.src, other.ts, other.frame) == (b"whole", packet.src, packet.ts, packet.frame)


def test_a_row_outside_its_block_is_no_packet() -> None:
    """A faulty source gets an error."""
    batch = batch_of([b"x"])
    batch.rows["payload"], batch.rows["payload_len"] = 1, 9
    with pytest.raises(IndexError):
        Packets(batch.data, batch.rows).at(0)


def test_the_reader_checks_before_it_reads() -> None:
    """Fields are read in order; a length beyond the end is Malformed."""
    reader = Reader(b"\x01\x00\x02\x00\x00\x00\x03abc")
    assert (reader.u8(), reader.u16(), reader.u32(), reader.take(2), reader.left, reader.rest()) == (
        1,
        2,
        3,
        b"ab",
        1,
        b"c",
    )
    for read in (
        reader.u8,
        reader.u16,
        reader.u32,
        reader.u64,
        lambda: reader.take(1),
        lambda: reader.skip(-1),
        lambda: reader.unpack(struct.Struct("!I")),
    ):
        with pytest.raises(Malformed):
            read()
    with pytest.raises(Malformed):
        Reader(b"abc", 5)


@pytest.mark.parametrize(("raw", "reported"), [
    (b"plain", "plain"),
    (b" two words \0\0", "two words"),
    (b"\x1b[31mred\x07", "[31mred"),
    ("caf\u00e9\u202eevil\u200b".encode(), "caf\u00e9 evil"),
    (b"\xff\xfe", "\ufffd\ufffd"),
    (b"line\r\nbreak", "line  break"),
    ("e\u0301\u20dd".encode() + "\u0301\u0489".encode() * 60, "e\u0301\u20dd\u0301"),
    ("Vie\u0323\u0302t \u05d1\u05bc\u05b0\u0591".encode(), "Vie\u0323\u0302t \u05d1\u05bc\u05b0\u0591"),
])  # fmt: skip
def test_peer_text_is_cleaned(raw: bytes, reported: str) -> None:
    """There are no control, format or direction characters and no stacks of accents that cover other lines, valid
    UTF-8, one line; accents and points of languages stay.
    """
    assert clean(raw) == reported


@given(st.binary(max_size=200))
def test_any_peer_text_is_printable(raw: bytes) -> None:
    """Any text that a host sends can be printed and encoded."""
    reported = clean(raw, 50)
    assert reported.isprintable()
    assert len(reported) <= 50
    reported.encode()


def test_a_bounded_map_forgets_the_oldest() -> None:
    """A lookup renews an entry; the least recently used one is evicted and counted."""
    bounded: Bounded[str, int] = Bounded(2)
    bounded.put("a", 1)
    bounded.put("b", 2)
    bounded.get("a")
    assert bounded.put("c", 3) == ("b", 2)
    assert (list(bounded), bounded.evicted, "b" in bounded, bounded.oldest()) == (["a", "c"], 1, False, ("a", 1))
    with pytest.raises(ValueError, match="at least 1"):
        Bounded(0)


def test_recent_keys() -> None:
    """A key is fresh once per window."""
    recent: Recent[str] = Recent(8, 10)
    assert [recent.fresh("x", t) for t in (0, 5, 10, 12)] == [True, False, True, False]
