"""Gathering: which frames are evidence of an alert; independence of batch sizes; bounds and cost."""

from __future__ import annotations

import time
from typing import Any

from sensor.config import load_config
from sensor.core.addresses import parse
from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.observation import Subject
from sensor.core.packet import Packet
from sensor.core.record import Record
from sensor.core.time_units import SECOND
from sensor.evidence.frames import FrameRing
from sensor.evidence.gather import AFTER, AFTER_LIMIT, BEFORE_LIMIT, SEARCHES, Gatherer
from sensor.evidence.ring import CHANGES, Frame, FrameFilter
from sensor.runtime.assembly import assemble
from tests.engine.test_pipeline import pieces, raw
from tests.kit import tcp_frame

SYN, RST = 2, 0x14
BAD, VICTIM, OTHER = (parse(f"10.0.0.{n}") for n in (66, 5, 6))


class Files:
    """Replaces the writer: the frames of each file."""

    def __init__(self) -> None:
        self.frames: dict[str, list[tuple[int, bytes, str]]] = {}
        self.gatherer = Gatherer(self.write)

    def write(self, name: str, _: str, frames: list[tuple[Frame, str]]) -> None:
        self.frames.setdefault(name, []).extend((frame.ts, frame.data, word) for frame, word in frames)


def packet(ts: float, src: int, dst: int, *, flow: int = 1, payload: bytes = b"p", **more: Any) -> Packet:
    return Packet(payload + str(ts).encode(), ts=int(ts * SECOND), src=src, dst=dst, flow=flow, **more)


def alert(ts: float, *proof: Packet, actor: int = BAD, targets: tuple[int, ...] = (VICTIM,), mac: int = 0) -> Alert:
    others = tuple(Subject(0, one) for one in targets)
    return Alert(
        int(ts * SECOND), "a.b", "t", Severity.high, 0.9, (), Subject(mac, actor), "did it", ("w",), {}, "a", "f",
        f"k{ts}", targets=others,
        proof=tuple(Event(one) for one in proof),
    )  # fmt: skip


def test_before_the_proof_and_after() -> None:
    """Frames between actor and target, in any flow, and none of other hosts; each once, with a comment."""
    files = Files()
    some = [
        packet(1, BAD, VICTIM),
        packet(2, VICTIM, BAD),
        packet(3, OTHER, VICTIM, flow=2),
        packet(4, BAD, OTHER, flow=3),
        packet(5, BAD, VICTIM, flow=4),
    ]
    for one in some:
        files.gatherer.receive(one)
    reported = files.gatherer.gather("open", "alert-1", alert(5, some[-1]))
    assert reported == {"file": "evidence/alert-1.pcapng", "frames": 3}
    for one in (packet(6, VICTIM, BAD, flow=4), packet(7, OTHER, VICTIM, flow=2)):
        files.gatherer.receive(one)
    assert files.gatherer.gather("update", "alert-1", alert(7, some[-1])) == {
        "file": "evidence/alert-1.pcapng",
        "frames": 4,
    }
    assert [(ts // SECOND, word) for ts, _, word in files.frames["alert-1"]] == [
        (1, "before the alert"),
        (2, "before the alert"),
        (5, "high a.b: did it"),
        (6, "after the alert"),
    ]


def test_after_a_while_nothing_waits() -> None:
    """The wait is in packet time, and ends after a maximum number of frames."""
    files = Files()
    files.gatherer.gather("open", "alert-1", alert(1, packet(1, BAD, VICTIM)))
    for n in range(AFTER_LIMIT + 10):
        files.gatherer.receive(packet(2 + n / 100, BAD, VICTIM))
    files.gatherer.tick(SECOND + AFTER)
    assert len(files.frames["alert-1"]) == 1 + AFTER_LIMIT
    files.gatherer.gather("open", "alert-2", alert(100, packet(100, BAD, OTHER, flow=9), targets=(OTHER,)))
    files.gatherer.tick(100 * SECOND + AFTER)
    files.gatherer.receive(packet(161, BAD, OTHER, flow=9))
    files.gatherer.finish()
    assert len(files.frames["alert-2"]) == 1


def test_frames_below_ip_go_by_their_mac() -> None:
    """If an ARP packet is the proof, other ARP of the actor is included; if a flow is, it is not."""
    arp = [packet(n, 0, 0, flow=0, src_mac=7, ip_version=0, ethertype=0x0806) for n in (1, 2)]
    for proof, count in ((arp[1], 2), (packet(3, BAD, VICTIM), 1)):
        files = Files()
        for one in (*arp, proof):
            files.gatherer.receive(one)
        reported = files.gatherer.gather("open", "alert-1", alert(3, proof, mac=7))
        assert reported is not None
        assert reported["frames"] == count


def test_rings_are_bounded() -> None:
    """They are bounded in packets and in bytes, and so are the frames before an alert."""
    ring = FrameRing(frames=100, size=50_000)
    for n in range(1000):
        ring.keep(packet(n, BAD, VICTIM))
    assert len(ring) == 100
    ring.keep(packet(1001, BAD, VICTIM, payload=bytes(45_000)))
    ring.keep(packet(1002, BAD, VICTIM, payload=bytes(45_000)))
    assert len(ring) == 1
    files = Files()
    for n in range(500):
        files.gatherer.receive(packet(n, BAD, VICTIM))
    files.gatherer.gather("open", "alert-1", alert(500, packet(500, BAD, VICTIM)))
    assert len(files.frames["alert-1"]) <= BEFORE_LIMIT + 1


def test_a_flood_of_alerts_is_not_searched_for() -> None:
    """Beyond a number of alerts per second only the proof is kept; a second later frames are searched again."""
    files = Files()
    files.gatherer.receive(packet(0.5, BAD, VICTIM))
    for n in range(100):
        files.gatherer.gather("open", f"alert-{n}", alert(1 + n / 1000, packet(1 + n / 1000, BAD, VICTIM)))
    counts = [len(frames) for frames in files.frames.values()]
    assert counts.count(2) == SEARCHES // 2
    assert counts.count(1) == 100 - SEARCHES // 2
    files.gatherer.gather("open", "later", alert(3, packet(3, BAD, VICTIM)))
    assert len(files.frames["later"]) == 2


def scan(ports: int) -> list[bytes]:
    """One host scans many ports of another, which rejects them; a third host sends in between."""
    frames = []
    for n in range(ports):
        frames.append(tcp_frame("10.0.0.66", "10.0.0.5", sport=50000 + n, dport=1000 + n, flags=SYN))
        frames.append(tcp_frame("10.0.0.5", "10.0.0.66", sport=1000 + n, dport=50000 + n, flags=RST))
        frames.append(tcp_frame("10.0.0.9", "10.0.0.5", sport=40000 + n, dport=80, flags=SYN))
    return frames


def replayed(batches: Any) -> tuple[dict[str, list[tuple[int, bytes, str]]], list[Any]]:
    """The evidence of a run, and the packets of its alerts."""
    files, reported = Files(), list[Record]()
    pipeline = assemble(load_config(None), reported.append, evidence=files.gatherer)
    for batch in batches:
        pipeline.process(batch)
    pipeline.finish()
    assert not list(pipeline.boundary.faults.values())
    return files.frames, [(record.ts, record.action, record.packets) for record in reported if record.kind == "alert"]


def test_a_scan_shows_what_no_dissector_reads() -> None:
    """The evidence has the scan's packets from before the alert, complete, and none of the third host."""
    found, reported = replayed([raw(scan(60), step=SECOND // 50)])
    [frames] = found.values()
    assert len(frames) >= 40
    assert {data for _, data, _ in frames} <= {one for n, one in enumerate(scan(60)) if n % 3 < 2}
    assert reported[0][2]["frames"] >= 40


def test_evidence_does_not_depend_on_the_size_of_batches() -> None:
    """Files and frames are the same; tests/replay/test_determinism.py compares those of whole captures."""
    whole = raw(scan(60), step=SECOND // 50)
    once = replayed(pieces(whole, 65536))
    assert once[0]
    for size in (1, 7, 64):
        assert replayed(pieces(whole, size)) == once


def test_the_ring_of_changes_is_bounded() -> None:
    """It keeps the same number of changes for all batch sizes."""
    files = Files()
    pipeline = assemble(load_config(None), lambda _: None, evidence=files.gatherer)
    frames = [tcp_frame("10.0.0.9", f"10.1.{n >> 8}.{n & 255}", sport=1024 + n, flags=SYN) for n in range(3 * CHANGES)]
    for batch in pieces(raw(frames, step=SECOND), 100):
        pipeline.process(batch)
    wanted = FrameFilter(frozenset(), parse("10.0.0.9"), 0, frozenset())
    assert len(files.gatherer.flows.find(wanted, 10**6)) == CHANGES


def test_it_costs_less_than_a_microsecond_a_packet() -> None:
    """Also while an alert waits for later frames; CPU time, with a tolerance, since machines are shared."""
    files = Files()
    files.gatherer.gather("open", "alert-1", alert(1, packet(1, BAD, VICTIM)))
    some = [packet(2, OTHER, OTHER, flow=9) for _ in range(2000)]
    best = 1.0
    for _ in range(5):
        began = time.thread_time()
        for one in some:
            files.gatherer.receive(one)
        best = min(best, (time.thread_time() - began) / len(some))
    assert best < 2e-6
