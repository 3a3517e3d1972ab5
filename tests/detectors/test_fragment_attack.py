"""Fragments that no IP stack sends: the attack in frames, similar benign traffic, repetition."""

from __future__ import annotations

from collections.abc import Iterable

from sensor.config import load_config
from sensor.core.addresses import parse
from sensor.core.event import Event, FragmentFault
from sensor.core.packet import Packet
from sensor.core.record import Record
from sensor.core.record_parts import time_text
from sensor.runtime.assembly import assemble
from tests.detectors.stories import SECOND, START, detector, inspected, one
from tests.kit import batch_of, ethernet, ipv4

FRAGMENTS = "impact.fragment_attack"
ATTACKER, TARGET = "10.0.0.66", "10.0.0.20"
MORE = 0x2000


def fragment(at: int, body: bytes, *, more: bool = False) -> bytes:
    return ethernet(ipv4(body, 17, ATTACKER, TARGET, fragment=at // 8 | (MORE if more else 0)), 0x0800)


def reported(frames: Iterable[bytes], every: int = SECOND // 100) -> list[tuple[str, str, str]]:
    """(actor, target, severity) of the alerts for frames, each in its own batch."""
    records: list[Record] = []
    engine = assemble(load_config(None), records.append)
    for number, frame in enumerate(frames):
        batch = batch_of([frame], times=[START + number * every])
        engine.process(batch)
        batch.release()
    engine.finish()
    assert not list(engine.boundary.faults.values())
    alerts = [one for one in records if isinstance(one.alert, dict) and one.alert["detector"] == FRAGMENTS]
    return [(one.src["ip"], one.dst["ip"], one.severity) for one in alerts]  # type: ignore[index]


def test_teardrop_and_ping_of_death() -> None:
    """Frames of both attacks raise alerts."""
    teardrop = [fragment(0, b"a" * 40, more=True), fragment(24, b"b" * 8)]
    assert reported(teardrop) == [(ATTACKER, TARGET, "medium")]
    assert reported([fragment(65528, b"a" * 24)]) == [(ATTACKER, TARGET, "medium")]


def test_a_flood_of_fragments() -> None:
    """Fragments of hundreds of datagrams without a beginning raise an alert; as many whose last fragment comes
    first, and fragments of few datagrams, raise none.
    """

    def part(number: int, at: int, *, more: bool = False) -> bytes:
        frame = fragment(at, b"a" * 40, more=more)
        return frame[:18] + number.to_bytes(2, "big") + frame[20:]

    flood = [part(n, 800, more=True) for n in range(600)]
    assert reported(flood, every=SECOND // 2000) == [(ATTACKER, TARGET, "medium")]
    assert reported(flood[:400], every=SECOND // 2000) == []
    swapped = [frame for n in range(600) for frame in (part(n, 40), part(n, 0, more=True))]
    assert reported(swapped, every=SECOND // 2000) == []


def test_kernels_that_run_ahead_change_nothing() -> None:
    """A batch keeps its own fragment errors while later batches are already decoded."""
    records: list[Record] = []
    engine = assemble(load_config(None), records.append)
    other = ethernet(ipv4(b"x" * 40, 17, "10.0.0.7", "10.0.0.8"), 0x0800)
    teardrop = [fragment(0, b"a" * 40, more=True), fragment(24, b"b" * 8)]
    frames = ([other, other, other], teardrop, [other])
    batches = [batch_of(some, times=[START + n * SECOND] * len(some)) for n, some in enumerate(frames)]
    works = [engine.kernels.run(batch.data, batch.rows) for batch in batches]
    for batch, work in zip(batches, works, strict=True):
        engine.process(batch, work)
    alerts = [record for record in records if isinstance(record.alert, dict) and record.alert["detector"] == FRAGMENTS]
    assert [(record.src["ip"], record.ts) for record in alerts] == [(ATTACKER, time_text(START + SECOND))]  # type: ignore[index]


def test_benign_twins_are_quiet() -> None:
    """Duplicate fragments, and an identification that is reused while a fragment is missing, raise no alert."""
    whole = [fragment(0, b"a" * 40, more=True), fragment(40, b"b" * 8)]
    again = [fragment(0, b"c" * 40, more=True), fragment(40, b"d" * 16)]
    assert reported([*whole, *whole, whole[0], *again]) == []


def test_repetition_is_one_finding() -> None:
    """Repeated attacks are one alert of each kind."""
    assert one(inspected(detector(FRAGMENTS), [fault(n) for n in range(100)])).actor.address == parse(ATTACKER)
    assert len(inspected(detector(FRAGMENTS), [fault(0), fault(1, "oversized")])) == 2


def fault(at: float, kind: str = "overlapping") -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=parse(ATTACKER), dst=parse(TARGET), proto=17, ip_version=4)
    return FragmentFault(packet, kind)
