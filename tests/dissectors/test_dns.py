"""DNS: queries, answers, hostile names, and messages segmented anywhere on TCP."""

from __future__ import annotations

import struct

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.dns import Dns
from tests.dissectors.samples import events, facts, packets, values

QUERY = bytes.fromhex("1a01 0100 0001 0000 0000 0000 03575757 076578616d706c65 03636f6d 00 0001 0001")


def dissect(payload: bytes, **fields: int) -> list[object]:
    return list(
        Dns().dissect(
            Packet(
                payload,
                src=parse("10.0.0.5"),
                dst=parse("10.0.0.1"),
                src_mac=0x020000000005,
                sport=fields.pop("sport", 50000),
                dport=53,
                **fields,
            )
        )
    )


def response(
    *records: bytes, question: bytes = b"\1a\0\0\1\0\1", count: int | None = None, flags: int = 0x8180
) -> bytes:
    return (
        struct.pack("!HHHHHH", 7, flags, bool(question), len(records) if count is None else count, 0, 0)
        + question
        + b"".join(records)
    )


def record(name: bytes, kind: int, data: bytes) -> bytes:
    return name + struct.pack("!HHIH", kind, 1, 60, len(data)) + data


def answers(payload: bytes) -> list[tuple[str, int, int, str]]:
    (event, *_) = dissect(payload, sport=53)
    return [(one.name, one.type, one.address, one.value) for one in event.answers]


def test_query() -> None:
    """The queried name is reported in lower case, as event and as observation about the client."""
    parsed = dissect(QUERY)
    assert events(parsed) == [("DnsQuery", 0x1A01, "www.example.com", 1, 0, True)]
    assert facts(parsed) == [("02:00:00:00:00:05", "10.0.0.5", "dns.query", "www.example.com")]


@pytest.mark.parametrize(
    ("kind", "flags", "sport", "found"),
    [(1, 0x0100, 50000, True), (28, 0x0110, 50000, True), (65, 0x0100, 50000, True), (16, 0x0100, 50000, False),
    (12, 0x0100, 50000, False),
     (1, 0x0000, 50000, False), (1, 0x0100, 53, False), (1, 0x2100, 50000, False)],
)  # fmt: skip
def test_whose_question_it_is(kind: int, flags: int, sport: int, found: bool) -> None:
    """Only recursive address and service queries of a client, not of a server, yield an observation."""
    parsed = dissect(
        struct.pack("!HHHHHH", 7, flags, 1, 0, 0, 0) + b"\1a\3com\0" + struct.pack("!HH", kind, 1), sport=sport
    )
    assert events(parsed)
    assert values(parsed) == ([("dns.query", "a.com")] if found else [])


def test_update() -> None:
    """The zone of an update, and the names for which it adds records; not those of prerequisites and deletions."""
    [update] = [each for each in packets("dns") if each.sport == 50005]
    parsed = list(Dns().dissect(update))
    assert events(parsed) == [
        ("DnsQuery", 0x1A05, "office.example", 6, 5, False),
        ("DnsUpdate", "office.example", ("desk14.office.example", "wpad.office.example")),
    ]
    with pytest.raises(Malformed):
        dissect(update.payload[:-1])
    assert events(dissect(update.payload[:-20], problem=1))[1] == (
        "DnsUpdate", "office.example", ("desk14.office.example",)
    )  # fmt: skip


def test_same_question_with_another_id() -> None:
    """Messages that differ only in their id are reported with their own id."""
    assert [dissect(id_ + QUERY[2:])[0].id for id_ in (b"\0\1", b"\0\2", b"\0\1")] == [1, 2, 1]


def test_response() -> None:
    """A response reports aliases and addresses; a host that answers from port 53 is a DNS server."""
    packet = packets("dns")[1]
    parsed = list(Dns().dissect(packet))
    assert facts(parsed) == [("02:00:5e:00:53:01", "10.20.30.1", "dns.role", "dns_server")]
    event = parsed[0]
    assert (event.name, event.type, event.rcode, event.truncated) == ("www.example.com", 1, 0, False)
    assert [(one.name, one.type, one.ttl, one.size, one.address, one.value) for one in event.answers] == [
        ("www.example.com", 5, 300, 7, 0, "edge.example.com"),
        ("edge.example.com", 1, 60, 4, parse("198.51.100.7"), ""),
    ]


def test_no_such_name() -> None:
    """A negative answer has its code and no answers."""
    parsed = list(Dns().dissect(packets("dns")[3]))
    assert events(parsed) == [("DnsResponse", 0x1A02, "nowhere.example.com", 28, 3, False, ())]


def test_kinds_of_answers() -> None:
    """Names, addresses, mail servers, services and texts are decoded; other records are reported by size only."""
    payload = response(
        record(b"\xc0\x0c", 28, parse("2001:db8::1").to_bytes(16, "big")),
        record(b"\xc0\x0c", 15, b"\0\5\2mx\xc0\x0c"),
        record(b"\xc0\x0c", 33, struct.pack("!HHH", 0, 0, 5060) + b"\3SIP\xc0\x0c"),
        record(b"\xc0\x0c", 16, b"\3one\4two\x1b\0"),
        record(b"\xc0\x0c", 10, b"\xff" * 9),
    )
    assert answers(payload) == [
        ("a", 28, parse("2001:db8::1"), ""),
        ("a", 15, 0, "mx.a"),
        ("a", 33, 0, "sip.a"),
        ("a", 16, 0, "one two"),
        ("a", 10, 0, ""),
    ]
    event = dissect(payload, sport=53)[0]
    assert (event.answers[2].port, event.answers[4].size) == (5060, 9)


def test_answers_from_elsewhere_show_no_server() -> None:
    """A response from another port is reported but gives no server role."""
    parsed = dissect(response(), sport=5300)
    assert [type(one).__name__ for one in parsed] == ["DnsResponse"]


def test_root_and_missing_questions() -> None:
    """A query for the root has an empty name and no observation; a response may have no question."""
    root = dissect(bytes.fromhex("0001 0000 0001 0000 0000 0000 00 0002 0001"))
    assert events(root) == [("DnsQuery", 1, "", 2, 0, False)]
    assert values(root) == []
    assert events(dissect(response(question=b"", flags=0x8001), sport=53)) == [("DnsResponse", 7, "", 0, 1, False, ())]


def test_hostile_text_is_cleaned() -> None:
    """Control and bidirectional characters are removed."""
    name = b"\x07a\x1b[31mb" + b"\4c\xe2\x80\xae" + b"\0"
    assert events(dissect(bytes.fromhex("0001 0000 0001 0000 0000 0000") + name + b"\0\1\0\1"))[0][2] == "a [31mb.c"


def test_zero_byte_inside_a_label() -> None:
    """A zero byte inside a label does not end the name."""
    assert events(dissect(bytes.fromhex("0001 0000 0001 0000 0000 0000") + b"\3a\0b\3com\0\0\1\0\1"))[0][2] == "ab.com"


@pytest.mark.parametrize(
    "name",
    [
        b"\xc0\x0c",  # points to itself
        b"\xc0\x0e\xc0\x0c",  # points forward
        b"\1a\xc0\x0c",  # points back to its own start
        b"\x40a\0",
        b"\x80a\0",
        b"\x3f" + b"a" * 63 + (b"\x3f" + b"a" * 63) * 4 + b"\0",
        b"\1a" * 128 + b"\0",
    ],
)
def test_names_that_trick_the_reader(name: bytes) -> None:
    """Compression loops, unknown label types and endless names are malformed."""
    with pytest.raises(Malformed):
        dissect(bytes.fromhex("0001 0000 0001 0000 0000 0000") + name + b"\0\1\0\1")


def test_chain_of_pointers_is_bounded() -> None:
    """At most 64 compression pointers are followed."""
    base = 12 + 11  # header, root name and the fixed part of the first record

    def chain(steps: int) -> bytes:
        places = [base, *range(base + 3, base + 3 + 2 * steps, 2)]
        links = b"\1a\0" + b"".join(struct.pack("!H", 0xC000 | place) for place in places[:steps])
        return response(
            record(b"\0", 10, links), record(struct.pack("!H", 0xC000 | places[steps]), 1, bytes(4)), question=b""
        )

    assert answers(chain(63))[1][0] == "a"
    with pytest.raises(Malformed, match="too many"):
        answers(chain(100))


def test_at_most_256_records() -> None:
    """Only the first 256 records of an answer are parsed."""
    assert len(answers(response(*[record(b"\xc0\x0c", 1, bytes(4))] * 300))) == 256


@pytest.mark.parametrize(
    "payload",
    [
        QUERY[:11],
        QUERY[:20],
        QUERY[:-1],
        response(count=1),
        response(record(b"\xc0\x0c", 1, bytes(4))[:-1]),
        response(record(b"\xc0\x0c", 2, b"\1")),
        b"\0\0\x78\0" + bytes(8),
    ],
)
def test_malformed(payload: bytes) -> None:
    """Short messages, records past the end, names past their record and unknown opcodes are malformed."""
    with pytest.raises(Malformed):
        dissect(payload)


def test_cut_by_the_capture() -> None:
    """A truncated answer yields its complete records, and the available part of a text with its size."""
    payload = response(record(b"\xc0\x0c", 1, bytes((10, 0, 0, 9))), record(b"\xc0\x0c", 1, bytes(4)))
    parsed = dissect(payload[:-1], sport=53, problem=1)
    assert [one.address for one in parsed[0].answers] == [parse("10.0.0.9")]
    assert dissect(QUERY[:11], problem=1) == []
    text = response(record(b"\xc0\x0c", 16, b"\x64" + b"a" * 100))
    (answer,) = dissect(text[:-60], sport=53, problem=1)[0].answers
    assert (answer.type, answer.size, answer.value) == (16, 101, "a" * 40)


def test_stream_gap_inside_a_message() -> None:
    """A gap discards the message it falls into; the next one is parsed."""
    framed = struct.pack("!H", len(QUERY)) + QUERY
    packet, stream = Packet(proto=6), Dns().stream(Packet())
    assert list(stream.feed(packet, framed[:10], True)) == []
    assert list(stream.gap(packet, 5, True)) == []
    assert len(list(stream.feed(packet, framed[15:] + framed, True))) == 2


def test_stream_gap_that_hides_a_beginning() -> None:
    """After a gap that reaches past a message, parsing resumes at a segment of whole messages; the other direction
    continues.
    """
    framed = struct.pack("!H", len(QUERY)) + QUERY
    packet, stream = Packet(proto=6), Dns().stream(Packet())
    list(stream.feed(packet, framed[:10], True))
    list(stream.gap(packet, 500, True))
    assert list(stream.feed(packet, framed[20:] + framed, True)) == []
    assert len(list(stream.feed(packet, framed, True))) == 2
    assert len(list(stream.feed(packet, framed, False))) == 2


def test_stream_that_is_not_dns() -> None:
    """A message shorter than a header ends the stream, after the messages before it."""
    framed = struct.pack("!H", len(QUERY)) + QUERY
    feed = Dns().stream(Packet()).feed(Packet(proto=6), framed + b"\0\3abc", True)
    assert type(next(feed)).__name__ == "DnsQuery"
    next(feed)
    with pytest.raises(Malformed):
        next(feed)
