"""The select pass: which dissectors get which rows, dropped repeats, streams identified by their first bytes."""

from __future__ import annotations

import pytest

from sensor.core.dissector import Interest
from sensor.core.packet import Packets
from sensor.core.recent import RecentSet
from sensor.core.time_units import SECOND
from sensor.decode.flows import FlowTable
from sensor.decode.kernels import Kernels
from sensor.decode.select import NEWCOMERS_BIT, Selector
from tests.kit import batch_of, ethernet, ipv4, ipv6, tcp, tcp_frame, udp_frame

A, B = "10.0.0.1", "10.0.0.2"


def select(frames: list[bytes], *interests: Interest, times: list[int] | None = None, most: int = 128) -> list[int]:
    """The wanted bits of every row. ``most``: rows of two hosts that a dissector gets per second."""
    batch, flows = batch_of(frames, times=times), FlowTable(10)
    selector = Selector(interests, RecentSet(8), most)
    flows.follow(batch.rows, 0, len(batch))
    chosen = selector.select(batch.data, batch.rows, 0, len(batch), flows)
    wanted = batch.rows["wanted"].tolist()
    assert chosen.tolist() == [i for i, bits in enumerate(wanted) if bits]
    return wanted  # type: ignore[no-any-return]


def test_ports_of_either_end() -> None:
    """A datagram is selected by the port of either end; bits are combined."""
    frames = [
        udp_frame(A, B, b"q", dport=53),
        udp_frame(B, A, b"a", sport=53, dport=9),
        udp_frame(A, B, b"x", dport=54),
        udp_frame(A, B, dport=53),
    ]
    assert select(frames, Interest(udp=(53,)), Interest(udp=(53, 54))) == [3, 3, 2, 0]


def test_content_beats_port() -> None:
    """Leading bytes and magic numbers identify a protocol on any port."""
    frames = [
        udp_frame(A, B, b"INVITE sip:x", dport=9999),
        udp_frame(A, B, b"INVITED", dport=9999),
        udp_frame(A, B, bytes(236) + b"c\x82Sc", dport=1),
    ]
    assert select(frames, Interest(starts=(b"INVITE ",)), Interest(magic=((236, b"c\x82Sc"),))) == [1, 0, 2]


def test_frames_without_ip() -> None:
    """Ethertypes, ICMPv6 types and IP protocols have separate tables."""
    frames = [
        ethernet(b"arp request bytes", 0x0806),
        ethernet(ipv6(b"\x87\0" + bytes(22), 58), 0x86DD),
        ethernet(ipv4(b"\x16\0\0\0", 2), 0x0800),
    ]
    assert select(frames, Interest(ethertypes=(0x0806,)), Interest(icmp6=(135,)), Interest(protocols=(2,))) == [1, 2, 4]


def test_cyclic_data_of_profinet_is_not_wanted() -> None:
    """Of its frames only those of discovery are selected: cyclic data is sent thousands of times a second."""
    frames = [ethernet(bytes.fromhex(head) + bytes(44), 0x8892) for head in ("8000", "fe01", "fefb", "fefc", "feff")]
    assert select([*frames, ethernet(b"", 0x8892)], Interest(ethertypes=(0x8892,))) == [0, 0, 0, 1, 1, 0]


def test_a_repeat_is_dropped_until_its_window_ends() -> None:
    """The same bytes of the same sender are selected once per window; another sender or other bytes always."""
    same, other = udp_frame(A, B, b"announcement", dport=5353), udp_frame(A, B, b"announcemenT", dport=5353)
    frames = [same, same, other, udp_frame(B, A, b"announcement", dport=5353), same]
    times = [SECOND, 2 * SECOND, 2 * SECOND, 2 * SECOND, 70 * SECOND]
    assert select(frames, Interest(udp=(5353,), repeats_s=60), times=times) == [1, 0, 1, 1, 1]


def test_volatile_bytes_do_not_count() -> None:
    """A message with another transaction id only is a repeat."""
    frames = [udp_frame(A, B, bytes([i, i]) + b"question", dport=53) for i in range(3)] + [
        udp_frame(A, B, b"\0\0Question", dport=53)
    ]
    assert select(frames, Interest(udp=(53,), repeats_s=5, volatile=(0, 2))) == [1, 0, 0, 1]


def test_a_stream_is_followed_from_its_first_bytes() -> None:
    """Once identified, all payloads of a flow are selected, both ways; other flows and empty segments are not."""
    frames = [
        tcp_frame(A, B, flags=2, dport=8080),
        tcp_frame(A, B, b"REGISTER sip:b", dport=8080),
        tcp_frame(B, A, b"anything at all", sport=8080, dport=40000),
        tcp_frame(A, B, b"", dport=8080, flags=16),
        tcp_frame(A, B, b"unrelated bytes", sport=40001, dport=8080),
        tcp_frame(A, B, b"", dport=8080, flags=17),
    ]
    assert select(frames, Interest(starts=(b"REGISTER",), stream=True)) == [0, 1, 1, 0, 0, 0]


def test_only_the_openings_of_messages_are_wanted() -> None:
    """Four payloads of each direction are selected, and four from the start of each further message; bodies are
    skipped.
    """
    bodies = [b"bulk" * 360] * 6
    parts = [b"GET /one HTTP".ljust(1440), *bodies, b"GET /two HTTP".ljust(1440), *bodies]
    frames = [tcp_frame(A, B, part, seq=1440 * i) for i, part in enumerate(parts)]
    assert select(frames, Interest(starts=(b"GET ",), stream=True, opening=4)) == [
        1,
        1,
        1,
        1,
        0,
        0,
        0,
        1,
        1,
        1,
        1,
        0,
        0,
        0,
    ]
    assert select(frames, Interest(starts=(b"GET ",), stream=True)) == [1] * 14


def test_an_opening_in_tiny_segments_is_wanted_whole() -> None:
    """Payloads count by bytes: 1,008 of them are one. A body in such small segments is not selected forever."""
    frames = [tcp_frame(A, B, b"GET /one HTTP/1." if i == 0 else b"a header, cut up", seq=16 * i) for i in range(200)]
    assert select(frames, Interest(starts=(b"GET ",), stream=True, opening=2)) == [1] * 126 + [0] * 74


def test_a_mirror_of_both_ends_gives_every_payload_twice() -> None:
    """A duplicate takes no place among the first payloads and none in the budget; a later or longer retransmission
    does.
    """
    parts = [tcp_frame(A, B, b"GET /%d HTTP/1.1" % i, seq=100 * i, flags=0x18) for i in range(1, 5)]
    longer = tcp_frame(A, B, b"GET /4 HTTP/1.1 and more", seq=400)
    frames = [twice for part in parts for twice in (part, part)] + [parts[0], longer, longer]
    assert select(frames, Interest(starts=(b"GET ",), stream=True, opening=4)) == [1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 0]
    many = [tcp_frame(A, B, b"REGISTER %d" % i, seq=20 * i, dport=8080) for i in range(100) for _ in range(2)]
    assert select(many, Interest(starts=(b"REGISTER",), stream=True), times=[SECOND] * 200) == [1, 0] * 100


def test_what_the_capture_lacks_before_a_payload() -> None:
    """Bytes missing between the last payload of its direction, or the SYN, and this one; none for late or repeated
    ones.
    """
    parts = [
        (1000, b"", 2),
        (1101, b"a" * 100, 24),
        (1001, b"b" * 100, 24),
        (1201, b"c" * 100, 24),
        (1311, b"d" * 100, 24),
        (1301, b"e" * 10, 24),
    ]
    rows = batch_of([tcp_frame(A, B, data, seq=seq, flags=flags) for seq, data, flags in parts], raw=True)
    selector, flows = Selector([Interest(tcp=(80,), stream=True)], RecentSet(8)), FlowTable(8)
    Kernels(flows, selector).run(rows.data, rows.rows)
    assert rows.rows["spare"][1:].tolist() == [100, 0, 0, 10, 0]


def test_bytes_that_were_cut_off_are_not_missing() -> None:
    """Bytes behind the captured part of a segment belong to it: the next segment has none missing before it, and what
    else is missing is counted without them.
    """
    parts = [(1000, b"", 2), (1001, b"a" * 300, 24), (1301, b"b" * 300, 24), (1611, b"c" * 300, 24)]
    whole = [tcp_frame(A, B, data, seq=seq, flags=flags) for seq, data, flags in parts]
    rows = batch_of([frame[:200] for frame in whole], wire=[len(frame) for frame in whole], raw=True)
    selector, flows = Selector([Interest(tcp=(80,), stream=True)], RecentSet(8)), FlowTable(8)
    Kernels(flows, selector).run(rows.data, rows.rows)
    assert rows.rows["spare"][1:].tolist() == [0, 0, 10]


def test_dissectors_that_share_a_bit() -> None:
    """Those with the same repeats share one bit, in any number; others have their own, and content rules have none to
    share.
    """
    rare = [Interest(udp=(30000 + n,), repeats_s=60, shares=True) for n in range(70)]
    other = [Interest(udp=(53,)), Interest(udp=(69,), repeats_s=10, shares=True)]
    frames = [udp_frame(A, B, b"announcement", dport=port) for port in (30000, 53, 30069, 69, 30070)]
    assert select(frames, *rare[:1], *other, *rare[1:]) == [1, 2, 1, 4, 0]
    streams = [Interest(tcp=(30000 + n,), stream=True, shares=True) for n in range(70)]
    first = Interest(tcp=(7,), stream=True, opening=1, shares=True)
    frames = [tcp_frame(A, B, b"a message", dport=port) for port in (30000, 7, 30069, 30070)]
    assert select(frames, *streams[:1], first, *streams[1:]) == [1, 2, 1, 0]
    with pytest.raises(ValueError, match="64 bits"):
        Selector([Interest(udp=(n + 1,)) for n in range(64)], RecentSet(4))
    with pytest.raises(ValueError, match="ports only"):
        Selector([Interest(udp=(1,), starts=(b"begin",), shares=True)], RecentSet(4))


def test_a_clock_that_begins_at_nothing() -> None:
    """The first second of 1970 is treated as any other: its new hosts are no flood."""
    frames = [ethernet(b"arp request bytes", 0x0806, src=0x0200_0000_0100 + i) for i in range(5)]
    assert select(frames, Interest(ethertypes=(0x0806,)), times=[0] * 5) == [1] * 5


def test_a_pair_of_hosts_has_a_budget() -> None:
    """Rows of two hosts beyond the limit per second are shed; the next second and other pairs are not affected."""
    loud = [udp_frame(A, B, b"question %d" % i, dport=53) for i in range(200)]
    other, later = udp_frame(B, A, b"question", dport=53, sport=9), udp_frame(A, B, b"later on", dport=53)
    times = [SECOND] * 201 + [2 * SECOND]
    assert select([*loud, other, later], Interest(udp=(53,)), times=times) == [1] * 128 + [0] * 72 + [1, 1]


def test_a_budget_is_of_one_dissector() -> None:
    """A flood in one protocol sheds no other protocol between the same hosts; shed rows are counted per dissector."""
    questions = [udp_frame(A, B, b"question %d" % i, dport=53) for i in range(20)]
    pages = [tcp_frame(A, B, b"page %02d" % i, dport=80, seq=7 * i) for i in range(20)]
    call = udp_frame(A, B, b"INVITE sip:b", dport=53)
    interests = Interest(udp=(53,)), Interest(starts=(b"INVITE ",)), Interest(tcp=(80,), stream=True)
    batch = batch_of([*questions, *pages, call], times=[SECOND] * 41)
    flows = FlowTable(10)
    selector = Selector(interests, RecentSet(8), 15)
    flows.follow(batch.rows, 0, 41)
    selector.select(batch.data, batch.rows, 0, 41, flows)
    assert batch.rows["wanted"].tolist() == [1] * 15 + [0] * 5 + [1] * 15 + [0] * 5 + [2]
    assert (selector.shed, selector.shed_of.nonzero()[0].tolist(), selector.shed_of[[64, 128]].tolist()) == (
        11,
        [64, 128],
        [6, 5],
    )


def test_unsolicited_answers_share_a_budget() -> None:
    """A thousand reflectors share one budget; answers to observed requests do not count toward it."""
    requested = udp_frame(A, "10.9.9.9", b"question", dport=53)
    unasked = [udp_frame(f"10.1.{i >> 8}.{i & 255}", A, b"an answer", sport=53, dport=40000) for i in range(300)]
    answer = udp_frame("10.9.9.9", A, b"an answer", sport=53, dport=40000)
    wanted = select([*unasked, requested, answer], Interest(udp=(53,)), times=[SECOND] * 302)
    assert (sum(wanted[:300]), wanted[300:]) == (128, [1, 1])


def test_kinds_of_rows_count_their_dissectors_apart() -> None:
    """The same bit is one dissector for datagrams, another for segments and a third for other frames."""
    both = Interest(udp=(5060,), tcp=(5060,), stream=True)
    only = Interest(tcp=(80,), stream=True)
    arp = Interest(ethertypes=(0x0806,))
    frames = [
        udp_frame(A, B, b"datagram", dport=5060),
        tcp_frame(A, B, b"stream", dport=5060),
        tcp_frame(A, B, b"stream", dport=80),
    ]
    assert select([*frames, ethernet(b"arp request bytes", 0x0806)], Interest(udp=(53,)), both, only, arp) == [
        2,
        1,
        2,
        1,
    ]


def test_late_bytes_do_not_make_a_stream() -> None:
    """Only the first payloads of a direction are checked."""
    for bulk, count in ((b"bulk" * 360, 5), (b"bulk bulk bulk", 260)):
        frames = [tcp_frame(A, B, bulk, seq=i) for i in range(count)] + [tcp_frame(A, B, b"REGISTER sip:b")]
        assert select(frames, Interest(starts=(b"REGISTER",), stream=True)) == [0] * (count + 1)


def test_tcp_ports_need_a_stream_dissector() -> None:
    """A dissector of datagrams never gets TCP rows."""
    assert select([tcp_frame(A, B, b"question", dport=53)], Interest(tcp=(53,))) == [0]
    assert select([tcp_frame(A, B, b"question", dport=53)], Interest(tcp=(53,), stream=True)) == [1]


@pytest.mark.parametrize(
    "interest", [Interest(starts=(b"abc",)), Interest(starts=(b"123456789",)), Interest(magic=((0, b"abc"),))]
)
def test_rules_that_cannot_be_held_are_refused(interest: Interest) -> None:
    """A pattern of the wrong length is an error at start."""
    with pytest.raises(ValueError, match="bytes"):
        Selector([interest], RecentSet(4))


def syn(
    src: str,
    options: bytes = b"\x02\x04\x05\xb4",
    *,
    flags: int = 2,
    sport: int = 40000,
    dst: str = B,
    data: bytes = b"",
) -> bytes:
    """A segment with options."""
    head = tcp(b"", sport, 80, flags=flags)
    return ethernet(
        ipv4(head[:12] + bytes([(20 + len(options)) << 2]) + head[13:] + options + data, 6, src, dst), 0x0800
    )


HEADS = Interest(tcp_heads=True, repeats_s=600)


def test_headers_that_are_new_of_their_sender() -> None:
    """The same options from another port, to another host or later are a repeat; responses, data and ordinary segments
    are not selected.
    """
    stamps = [b"\x01\x01\x08\x0a" + bytes([n] * 8) for n in range(2)]
    frames = [
        syn(A), syn(A, sport=40001), syn(A, dst="10.0.0.9"), syn(A, b"\x02\x04\x05\xb0"), syn("10.0.0.7"),
        syn(A, stamps[0]), syn(A, stamps[1], sport=5),
        syn(B, flags=0x12, dst=A), syn("10.0.0.8", data=b"early data"), tcp_frame(A, B, flags=16),
    ]  # fmt: skip
    assert select(frames, HEADS) == [1, 0, 0, 1, 1, 1, 0, 0, 0, 0]


def test_the_header_is_the_payload() -> None:
    """Such a row is no longer a segment of a stream, and its bit is one of frames."""
    batch = batch_of([ethernet(b"arp request bytes", 0x0806), syn(A), tcp_frame(A, B, b"GET / HTTP")])
    flows = FlowTable(10)
    selector = Selector([Interest(ethertypes=(0x0806,)), HEADS, Interest(tcp=(80,), stream=True)], RecentSet(8))
    flows.follow(batch.rows, 0, 3)
    selector.select(batch.data, batch.rows, 0, 3, flows)
    rows = Packets(batch.data, batch.rows)
    assert (batch.rows["wanted"].tolist(), batch.rows["begins"].tolist()[1:], rows.at(1).payload[-4:]) == (
        [1, 2, 1],
        [2, 5 << 2],
        b"\x02\x04\x05\xb4",
    )


@pytest.mark.parametrize(
    ("flags", "odd"),
    [(0, 1), (1, 1), (8, 1), (0x29, 1), (3, 1), (6, 1), (0x13, 1), (4, 0), (0x14, 0), (0x11, 0), (0x10, 0)],
)
def test_impossible_flags(flags: int, odd: int) -> None:
    """Null, FIN alone, PSH alone, xmas, SYN with FIN, SYN with RST are selected; regular RST and FIN are not."""
    assert select([syn(A, flags=flags)], HEADS) == [odd]


def test_a_flood_of_headers_is_shed() -> None:
    """The limit is 4,096 in the first second and two in each second after one with more; afterwards it recovers;
    impossible flags always pass.
    """
    flood = [syn(f"10.{n >> 12 & 255}.{n >> 6 & 63}.{n & 63}") for n in range(15_000)]
    times = [SECOND * (1 + n // 5000) for n in range(15_000)]
    frames, times = [*flood, syn(A, flags=0), syn("10.200.0.1")], [*times, 3 * SECOND, 5 * SECOND]
    wanted = select(frames, HEADS, times=times)
    assert [sum(wanted[at : at + 5000]) for at in (0, 5000, 10_000)] == [4096, 2, 2]
    assert wanted[15_000:] == [1, 1]


def test_a_host_has_a_budget_for_icmp() -> None:
    """A thousand spoofed sources that ping one host, and one source that pings a thousand hosts."""
    echo = b"\x08\0" + bytes(14)
    flood = [ethernet(ipv4(echo, 1, f"10.1.{n >> 8}.{n & 255}", B), 0x0800) for n in range(300)]
    sweep = [ethernet(ipv4(echo, 1, A, f"10.1.{n >> 8}.{n & 255}"), 0x0800) for n in range(300)]
    for frames in (flood, sweep):
        assert sum(select(frames, Interest(icmp=(8,)), times=[SECOND] * 300)) == 128


def sent(mac: int) -> bytes:
    """A frame of one sender."""
    return ethernet(b"who has 10.0.0.1? tell %d" % mac, 0x0806, src=mac)


def test_in_a_flood_of_senders_only_the_known_and_those_that_come_back_are_received() -> None:
    """2,000 new senders in a second pass; the next one marks a flood and has the highest bit. From then on only known
    and repeated senders pass, until the flood is over.
    """
    known, late, later = 0x0017C8000001, 0x0017C8000002, 0x0017C8000003
    crowd = [sent(0x020000000000 + n) for n in range(2_200)]
    frames = [
        sent(known),
        *crowd,
        sent(known),
        sent(late),
        sent(late),
        *(sent(0x060000000000 + n) for n in range(50)),
        sent(known),
        sent(later),
    ]
    times = [SECOND] * 2_202 + [SECOND, SECOND + 1] + [2 * SECOND] * 51 + [4 * SECOND]
    wanted = select(frames, Interest(ethertypes=(0x0806,)), times=times)
    assert wanted[:2_000] == [1] * 2_000
    assert wanted[2_000] == 1 | 1 << NEWCOMERS_BIT
    assert wanted[2_001:2_201] == [0] * 200
    assert wanted[2_201:2_204] == [1, 0, 1]
    assert wanted[2_204:] == [0] * 50 + [1, 1]
