"""The flow pass: direction, TCP state, changes, expiry, eviction, and independence of batch sizes."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt
import pytest

from sensor.core.addresses import parse
from sensor.core.batch import Problem
from sensor.core.flow import Change, Flow, Reason, flow_of
from sensor.core.time_units import SECOND
from sensor.decode.flows import MARK, SLOT, FlowTable
from tests.kit import batch_of, ethernet, ipv4, tcp_frame, udp_frame

SYN, SYN_ACK, ACK, RST, FIN = 2, 18, 16, 4, 17
A, B = "10.0.0.1", "10.0.0.2"


def run(frames: list[bytes], table: FlowTable | None = None, times: list[int] | None = None) -> npt.NDArray[np.void]:
    batch = batch_of(frames, times=times)
    return (table or FlowTable(8)).follow(batch.rows, 0, len(batch))


def kinds(changes: npt.NDArray[np.void]) -> list[tuple[Change, Reason]]:
    return [(Change(c["kind"]), Reason(c["reason"])) for c in changes]


def out(flags: int, payload: bytes = b"", **kw: int) -> bytes:
    return tcp_frame(A, B, payload, sport=40000, dport=80, flags=flags, **kw)


def back(flags: int, payload: bytes = b"", **kw: int) -> bytes:
    return tcp_frame(B, A, payload, sport=80, dport=40000, flags=flags, **kw)


def echo(src: str, dst: str, kind: int) -> bytes:
    return ethernet(ipv4(bytes((kind, 0, 0, 0, 0, 1, 0, 1)), 1, src, dst), 0x0800)


def test_a_whole_connection() -> None:
    """Handshake, data and both FINs give the changes new, answered and finished, with counters per direction."""
    changes = run(
        [out(SYN), back(SYN_ACK), out(ACK), out(ACK, b"get"), back(ACK, b"page"), out(FIN), back(FIN), out(ACK)]
    )
    assert kinds(changes) == [
        (Change.NEW, Reason.NONE),
        (Change.ANSWERED, Reason.NONE),
        (Change.ENDED, Reason.FINISHED),
    ]
    flow = flow_of(changes[-1])
    assert (flow.client, flow.server, flow.client_port, flow.server_port, flow.proto) == (
        parse(A),
        parse(B),
        40000,
        80,
        6,
    )
    assert (flow.client_packets, flow.server_packets, flow.answered) == (4, 3, True)
    assert flow.client_bytes == 4 * 54 + 3


FOREIGN_MAC = bytes.fromhex("02aabbccddee")
SERVER_MAC = bytes.fromhex("02aabbccdd02")


def foreign(frames: list[bytes]) -> list[bool]:
    """For each frame, whether it is a reset from a foreign MAC."""
    batch = batch_of(frames)
    FlowTable(8).follow(batch.rows, 0, len(batch))
    return [bool(problem & Problem.FOREIGN_RESET) for problem in batch.rows["problem"].tolist()]


def sent_by(mac: bytes, frame: bytes) -> bytes:
    return frame[:6] + mac + frame[12:]


def replies(*flags: int, mac: bytes = SERVER_MAC) -> list[bytes]:
    return [sent_by(mac, back(each)) for each in flags]


def test_a_reset_from_another_mac() -> None:
    """A reset of either end from a MAC that sent nothing else for it is marked; the end's own resets are not."""
    begun = [SERVER_MAC + frame[6:] for frame in (out(SYN), out(ACK))]
    story = [begun[0], *replies(SYN_ACK), begun[1], *replies(ACK)]
    assert foreign([*story, *replies(RST, mac=FOREIGN_MAC)]) == [*[False] * 4, True]
    assert foreign([*story, sent_by(FOREIGN_MAC, out(RST))])[-1]
    assert not any(foreign([*story, out(RST), *replies(RST)]))


def test_ends_that_send_from_two_macs() -> None:
    """A rejected connection, an end behind two routers or a virtual one, and a capture on both sides of a router mark
    no reset.
    """
    assert not any(foreign([out(SYN), *replies(RST | ACK, mac=FOREIGN_MAC)]))
    virtual = [out(SYN), *replies(SYN_ACK, ACK, mac=FOREIGN_MAC)]
    assert not any(foreign([*virtual, *replies(RST, mac=FOREIGN_MAC)]))
    twice = [each for frame in (out(SYN), back(SYN_ACK), out(ACK)) for each in (frame, sent_by(FOREIGN_MAC, frame))]
    assert not any(foreign([*twice, sent_by(FOREIGN_MAC, out(RST))]))


def test_a_refused_connection() -> None:
    """A RST in answer to a SYN is a rejected attempt, not an answer."""
    assert kinds(run([out(SYN), back(RST | ACK)])) == [
        (Change.NEW, Reason.NONE),
        (Change.REFUSED, Reason.NONE),
        (Change.ENDED, Reason.RESET),
    ]


@pytest.mark.parametrize(("chunk", "change"), [(6, Change.REFUSED), (2, Change.ANSWERED)])
def test_an_sctp_association(chunk: int, change: Change) -> None:
    """ABORT in answer to INIT (RFC 9260) is a rejected attempt, INIT ACK is an answer; both have the ports."""

    def sctp(src: str, dst: str, sport: int, dport: int, kind: int) -> bytes:
        return ethernet(ipv4(struct.pack("!HHQBBH", sport, dport, 0, kind, 0, 4), 132, src, dst), 0x0800)

    changes = run([sctp(A, B, 40000, 2905, 1), sctp(B, A, 2905, 40000, chunk)])
    assert [kind for kind, _ in kinds(changes)][:2] == [Change.NEW, change]
    assert (flow_of(changes[0]).client_port, flow_of(changes[0]).server_port) == (40000, 2905)


def test_the_server_sent_first() -> None:
    """If the capture begins with the SYN-ACK, the client is still known."""
    flow = flow_of(run([back(SYN_ACK)])[0])
    assert (flow.client, flow.server_port) == (parse(A), 80)


@pytest.mark.parametrize("frame", [out(ACK, b"x"), back(ACK, b"x")])
def test_mid_stream_the_well_known_port_is_the_server(frame: bytes) -> None:
    """Without a handshake the lower, well-known port belongs to the server."""
    assert flow_of(run([frame])[0]).server_port == 80


def test_direction_column() -> None:
    """Rows have their direction, whichever address sorts first."""
    for one, two in ((A, B), (B, A)):
        batch = batch_of([udp_frame(one, two, b"q"), udp_frame(two, one, b"a", sport=53, dport=40000)])
        FlowTable(6).follow(batch.rows, 0, 2)
        assert batch.rows["direction"].tolist() == [0, 1]
        assert batch.rows["flow"].tolist() == [1, 1]


def test_datagrams_and_echo() -> None:
    """UDP and ping are answered by packets in the other direction; an echo reply belongs to its request."""
    query = [udp_frame(A, B, b"q"), udp_frame(B, A, b"a", sport=53, dport=40000)]
    for frames in (query, [echo(A, B, 8), echo(B, A, 0)]):
        assert [kind for kind, _ in kinds(run(frames))] == [Change.NEW, Change.ANSWERED]


def test_a_port_used_again_is_a_new_flow() -> None:
    """A SYN on a closed flow opens the next one."""
    changes = run([out(SYN), back(SYN_ACK), out(FIN), back(FIN), out(SYN, seq=9), back(SYN_ACK)])
    assert [kind for kind, _ in kinds(changes)] == [
        Change.NEW,
        Change.ANSWERED,
        Change.ENDED,
        Change.NEW,
        Change.ANSWERED,
    ]
    assert changes["flow"].tolist() == [1, 1, 1, 2, 2]


def test_the_tag_of_one_side_does_not_split_a_flow() -> None:
    """Mirror ports may keep the VLAN tag in one direction only."""
    assert len(run([out(SYN, vlan=30), back(SYN_ACK)])) == 2


def test_silent_flows_age_out() -> None:
    """An unanswered flow expires after half a minute; the sweep covers the table within sixteen ticks."""
    table = FlowTable(8)
    run([out(SYN)], table)
    ended = [change for tick in range(20) for change in table.sweep((40 + tick) * SECOND)]
    assert [(c["kind"], c["reason"]) for c in ended] == [(Change.ENDED, Reason.IDLE)]
    assert table.active == 0


@pytest.mark.parametrize(
    ("request_", "reply", "pause", "longest"),
    [
        (echo(A, B, 8), echo(B, A, 0), 10, 8),
        (echo(A, B, 8), None, 10, 8),
        (udp_frame(A, B, b"q"), udp_frame(B, A, b"a", sport=53, dport=40000), 122, 120),
        (udp_frame(A, B, b"q"), None, 32, 30),
        (out(ACK), back(ACK), 902, 900),
    ],
    ids=["ping", "ping without reply", "datagrams", "datagrams without answer", "connection"],
)
def test_an_expired_flow_is_not_continued(request_: bytes, reply: bytes | None, pause: int, longest: int) -> None:
    """After too long a pause the same hosts have a new flow, whether the table was swept meanwhile or not."""
    frames = [request_] if reply is None else [request_, reply]
    opened = [Change.NEW] if reply is None else [Change.NEW, Change.ANSWERED]
    for swept in (False, True):
        for passed, kinds_again in ((longest, []), (pause, [Change.ENDED, *opened])):
            table = FlowTable(8)
            run(frames, table, [SECOND] * len(frames))
            aged = [change for _ in range(16 * swept) for change in table.sweep((1 + passed) * SECOND)]
            again = run(frames, table, [(1 + passed) * SECOND] * len(frames))
            assert [c["kind"] for c in (*aged, *again)] == kinds_again
            assert table.active == 1


def test_an_end_that_is_expired_opens_no_flow() -> None:
    """Late packets of a closed connection belong to it until it is swept."""
    table = FlowTable(8)
    run([out(SYN), back(SYN_ACK), out(FIN), back(FIN)], table, [SECOND] * 4)
    assert len(run([out(ACK)], table, [60 * SECOND])) == 0


def test_finish_ends_what_is_open() -> None:
    """At the end of a capture every open flow is reported once."""
    table = FlowTable(8)
    run([out(SYN), back(SYN_ACK), udp_frame(A, B, b"q")], table)
    assert [c["reason"] for part in range(table.PARTS) for c in table.finish(9 * SECOND, part)] == [Reason.STOPPED] * 2
    assert [len(table.finish(9 * SECOND, part)) for part in range(table.PARTS)] == [0] * table.PARTS


def test_a_flood_pushes_out_its_own_flows() -> None:
    """Ten thousand SYNs in a table of 256: an answered connection remains, evictions are counted,
    the size is constant.
    """
    table = FlowTable(8)
    run([out(SYN), back(SYN_ACK)], table)
    flood = [tcp_frame(f"198.51.{i >> 8}.{i & 255}", "10.0.0.9", sport=1024 + i, flags=SYN) for i in range(10_000)]
    changes = run(flood, table)
    assert (changes["kind"] == Change.NEW).sum() == 10_000
    assert table.active <= 256
    assert table.evicted >= 10_000 - 256 - 1
    assert kinds(run([out(ACK, b"still here")], table)) == []


def test_slots_are_used_from_the_first_on() -> None:
    """A thousand connections in turn, each swept before the next three, touch the memory of three; one that stays open
    keeps its slot, and a flood in between fills the table.
    """
    table = FlowTable(10)
    run([out(SYN), back(SYN_ACK)], table, [SECOND, SECOND])
    for turn in range(1, 340):
        now = 20 * turn * SECOND
        opened = [tcp_frame(f"10.1.{turn // 100}.{i}", "10.0.0.9", sport=9000 + turn, flags=SYN) for i in range(3)]
        refused = [
            tcp_frame("10.0.0.9", f"10.1.{turn // 100}.{i}", sport=80, dport=9000 + turn, flags=RST) for i in range(3)
        ]
        run([*opened, *refused, out(ACK)], table, [now] * 7)
        for _ in range(table.PARTS):
            table.sweep(now + 15 * SECOND)
    used = np.flatnonzero(table.slots["uid"])
    assert (used.tolist(), table.slots["uid"][0], table.opened, table.active) == ([0, 1, 2, 3], 1, 1018, 1)
    run([tcp_frame(f"198.51.{i >> 8}.{i & 255}", "10.0.0.9", sport=1024 + i, flags=SYN) for i in range(20_000)], table)
    open_flows = table.slots["uid"][table.slots["packets0"] + table.slots["packets1"] > 0]
    assert (table.active, len(set(open_flows.tolist()))) == (1024, 1024)


def test_cuts_change_nothing() -> None:
    """The changes of mixed flows are the same in one batch and row by row."""
    frames = []
    for i in range(40):
        frames += [
            tcp_frame(A, f"10.0.1.{i}", sport=50000 + i, flags=SYN),
            tcp_frame(f"10.0.1.{i}", A, sport=80, dport=50000 + i, flags=RST if i % 3 else SYN_ACK),
        ]
    whole = run(frames, FlowTable(5))
    batch, table = batch_of(frames), FlowTable(5)
    pieces = np.concatenate([table.follow(batch.rows, i, i + 1) for i in range(len(batch))])
    assert whole.tobytes() == pieces.tobytes()


def test_wild_times_do_not_break_the_table() -> None:
    """Times before the first packet and far in the future are accepted."""
    run([out(SYN), back(SYN_ACK), out(ACK)], times=[100 * SECOND, 0, 2**62])


def test_the_cost_of_a_flow() -> None:
    """A flow takes 136 bytes: its slot of two cache lines, and its mark."""
    assert (SLOT.itemsize, MARK.itemsize) == (128, 8)


@pytest.mark.parametrize("flags", [RST, FIN])
def test_segments_outside_of_every_window_end_nothing(flags: int) -> None:
    """RST and FIN outside the receive window do not end a flow; those within it do (RFC 9293, 3.10.7.4)."""
    opening = [out(SYN, seq=0), tcp_frame(B, A, sport=80, dport=40000, flags=SYN_ACK, seq=0)]
    answer = tcp_frame(B, A, sport=80, dport=40000, flags=flags, seq=1)
    assert Change.ENDED not in {
        kind
        for kind, _ in kinds(run([*opening, out(flags, seq=1 + 2**31), answer, answer][: 3 if flags == RST else 5]))
    }
    assert Change.ENDED in {kind for kind, _ in kinds(run([*opening, out(flags, seq=1), answer]))}


def test_doubled_frames_count_once() -> None:
    """If a mirror port doubles the frames of an answered connection or of one end, each counts once. A SYN that is sent
    again later is a second one, and so is one of a flood without an answer.
    """
    story = [out(SYN, seq=9), back(SYN_ACK, seq=5), out(ACK), out(ACK, b"get"), back(ACK, b"page"), out(FIN), back(FIN)]
    doubled = [frame for one in story for frame in (one, one)]
    whole, twice = flow_of(run(story)[-1]), flow_of(run(doubled[:-1])[-1])
    assert counters(whole) == (4, 3, 4 * 54 + 3, 3 * 54 + 4)
    # The copy of the last frame follows the end.
    assert counters(twice) == (4, 3, 4 * 54 + 3, 3 * 54 + 4 - 27)
    half = [frame for at, one in enumerate(story) for frame in (one, one)[: 1 + (at in (0, 2, 3, 5))]]
    assert counters(flow_of(run(half)[-1])) == counters(whole)
    again = run([story[0], *story], times=[n * SECOND for n in range(8)])
    assert flow_of(again[-1]).client_packets == whole.client_packets + 1
    table = FlowTable(8)
    run([story[0]] * 40, table)
    assert sum(flow_of(one).client_packets for part in range(table.PARTS) for one in table.finish(SECOND, part)) == 40


def counters(flow: Flow) -> tuple[int, int, int, int]:
    """Packets and bytes of both ends."""
    return flow.client_packets, flow.server_packets, flow.client_bytes, flow.server_bytes
