"""The engine as a whole: the same records for any batch size and every run, failing units, peers that violate
protocols, and odd times.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from sensor.alerts.aggregation import AlertAggregator
from sensor.alerts.processor import AlertProcessor
from sensor.boundary import Boundary
from sensor.capture.files import open_captures
from sensor.config import load_config
from sensor.core.addresses import Networks
from sensor.core.alert import Alert, Severity
from sensor.core.batch import ROW, Batch
from sensor.core.detector import Detector, DeviceDetector, EventDetector
from sensor.core.device import DeviceChange
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.flow import Flow
from sensor.core.observation import Observation, Subject
from sensor.core.packet import Packet
from sensor.core.record import Record, RecordMaker
from sensor.core.time_units import SECOND
from sensor.core.wants import Listener
from sensor.counting.changes import Changes
from sensor.counting.flow_detector import FlowDetector
from sensor.dissectors.dns import Dns
from sensor.dissectors.sip import Sip, SipRequest, SipResponse
from sensor.engine.members import listening
from sensor.engine.pipeline import Pipeline, Sizes
from sensor.engine.subscribers import Subscribers
from sensor.fingerprinting.oui import Oui
from sensor.inventory.inventory import Inventory
from sensor.runtime.assembly import assemble
from tests.detectors.stories import World
from tests.dissectors.samples import frames
from tests.golden import Golden
from tests.inventory.stories import Book
from tests.kit import ethernet, ipv4, tcp_frame, udp_frame

START = 1_700_000_000 * SECOND
YEAR = 365 * 86400 * SECOND
GIVEN = ("ts", "frame", "caplen", "wirelen", "link", "source")
SYN, SYN_ACK, RST, ACK = 0x02, 0x12, 0x14, 0x10
CONVERSATION = 9999
LOOP = b"\0\1\1\0\0\1\0\0\0\0\0\0" + b"\xc0\x0c\0\1\0\1"


# Input.


def raw(some: Sequence[bytes], times: Sequence[int] | None = None, step: int = SECOND // 10) -> Batch:
    """A batch as a source gives it, not yet decoded: frames ``step`` ns apart from START on, or at ``times``."""
    rows = np.zeros(len(some), ROW)
    rows["caplen"] = rows["wirelen"] = [len(frame) for frame in some]
    rows["frame"] = np.cumsum(rows["caplen"], dtype=np.int64) - rows["caplen"]
    rows["ts"] = [START + step * i for i in range(len(some))] if times is None else times
    rows["link"] = 1
    return Batch(np.frombuffer(b"".join(some), np.uint8).copy(), rows)


def captured(path: Path) -> Batch:
    """All packets of a capture file as one batch."""
    source, data, parts, size = open_captures([str(path)]), [], [], 0
    for batch in source.batches():
        rows = batch.rows.copy()
        rows["frame"] += size
        parts.append(rows)
        data.append(batch.data.copy())
        size += len(batch.data)
        batch.release()
    source.close()
    return Batch(np.concatenate(data), np.concatenate(parts))


def pieces(whole: Batch, size: int) -> Iterator[Batch]:
    """The same packets in batches of ``size``, with their own rows and bytes and empty columns where a source fills
    none.
    """
    for start in range(0, len(whole), size):
        given = whole.rows[start : start + size]
        rows = np.zeros(len(given), ROW)
        for name in GIVEN:
            rows[name] = given[name]
        first, last = int(given["frame"].min()), int((given["frame"] + given["caplen"]).max())
        rows["frame"] -= first
        yield Batch(whole.data[first:last].copy(), rows)


def crafted() -> Batch:
    """Every small capture, then a port sweep of refused connections, a ping in two fragments, and malformed data at
    every layer.
    """
    some = [frame for name in ("arp", "ndp", "dhcp", "mdns", "dns", "sip") for frame in frames(name)]
    for n in range(40):
        some.append(tcp_frame("10.0.0.66", f"10.0.5.{n + 1}", sport=50000 + n, dport=445, flags=SYN))
        some.append(tcp_frame(f"10.0.5.{n + 1}", "10.0.0.66", sport=445, dport=50000 + n, flags=RST))
    some += [
        ethernet(ipv4(b"\x08\0\0\0\0\1\0\1", 1, fragment=0x2000), 0x0800),
        ethernet(ipv4(b"12345678", 1, fragment=1), 0x0800),
    ]
    some += [udp_frame("10.0.0.9", "10.0.0.53", LOOP), udp_frame("10.0.0.9", "10.0.0.53")[:30], b"\0" * 9]
    return raw(some)


@pytest.fixture(scope="module")
def office(root: Path) -> Batch:
    return captured(root / "pcaps" / "office.pcapng")


# Output.


def whole(records: Sequence[Record]) -> list[bytes]:
    """Records as they are logged, except for the number that the writer assigns."""
    return [msgspec.json.encode(record) for record in records]


def shipped(batches: Iterable[Batch]) -> list[bytes]:
    """The records of an engine with all units, none of which may fail."""
    reported: list[Record] = []
    pipeline = assemble(load_config(None), reported.append)
    for batch in batches:
        pipeline.process(batch)
    pipeline.finish()
    assert not list(pipeline.boundary.faults.values())
    return whole(reported)


class Ears(EventDetector):
    """Collects SIP events."""

    watches = (SipRequest, SipResponse)

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self.id = "test.ears"
        self.received: list[tuple[Any, ...]] = []

    def inspect(self, event: Event) -> Iterator[Alert]:
        self.received.append((type(event).__name__, *msgspec.structs.astuple(event)[1:]))
        return iter(())


class Engine:
    """A pipeline of a few units, and its records."""

    def __init__(self, dissectors: dict[str, Dissector], *detectors: Detector) -> None:
        self.reported: list[Record] = []
        self.boundary = Boundary()
        inventory = Inventory(Book(), Oui(), Networks())
        self.pipeline = Pipeline(
            dissectors=dissectors,
            detectors=detectors,
            inventory=inventory,
            alert_processor=AlertProcessor(
                AlertAggregator(), RecordMaker("test"), self.reported.append, inventory.device
            ),
            boundary=self.boundary,
            sizes=Sizes(10, 8),
        )

    def read(self, batch: Batch) -> Engine:
        self.pipeline.process(batch)
        self.pipeline.finish()
        return self

    def faults(self) -> list[tuple[str, str, int]]:
        return [(fault.unit, fault.error, fault.count) for fault in self.boundary.faults.values()]

    def of(self, kind: str, action: str) -> list[Record]:
        return [record for record in self.reported if (record.kind, record.action) == (kind, action)]


# Determinism.


def test_the_crafted_batch_reports_something() -> None:
    """The batch yields devices, an alert and oddities: otherwise the tests of equality would compare nothing."""
    reported: list[Record] = []
    pipeline = assemble(load_config(None), reported.append)
    pipeline.process(crafted())
    pipeline.finish()
    assert sum(record.action == "identified" for record in reported) >= 4
    alerts = [
        record
        for record in reported
        if (record.kind, record.action) == ("alert", "open") and record.alert and "10.0.0.66" in record.msg
    ]
    assert [(record.severity, record.alert["detector"]) for record in alerts if record.alert] == [
        ("medium", "discovery.address_scan"),
        ("medium", "discovery.service_sweep"),
    ]
    assert len(pipeline.anomalies()) >= 3


@pytest.mark.parametrize("size", [1, 7])
def test_records_do_not_depend_on_the_size_of_batches(size: int) -> None:
    """Batches of 1, of 7 and of 65536 packets give the same records in the same order, including ids."""
    assert shipped(pieces(crafted(), size)) == shipped(pieces(crafted(), 65536))


@pytest.mark.parametrize(("size", "packets"), [(1, 400), (7, 2_000)])
def test_records_of_the_office_do_not_depend_on_the_size_of_batches(office: Batch, size: int, packets: int) -> None:
    """The same with real protocols, of which tests/replay/test_determinism.py reads all packets."""
    part = Batch(office.data, office.rows[:packets])
    want = shipped(pieces(part, 65536))
    assert len(want) > 30
    assert shipped(pieces(part, size)) == want


def test_a_second_reading_reports_the_same(office: Batch) -> None:
    """The records of a second run are identical."""
    assert shipped(pieces(office, 65536)) == shipped(pieces(office, 65536))


# Failing units.


class ConversationSeen(Event):
    """An event with a word on port 9999."""

    word: bytes


class Breaking(Dissector):
    """Emits an event and an observation, then fails if the word is ``break``."""

    interest = Interest(udp=(CONVERSATION,))

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        yield ConversationSeen(packet, packet.payload)
        yield Observation(
            packet.ts, Subject(packet.src_mac, packet.src, packet.vlan), "dhcp.vendor_class", "type=printer@0.9"
        )
        if packet.payload == b"break":
            raise ZeroDivisionError("in the middle")
        yield ConversationSeen(packet, b"after " + packet.payload)


class Evaluator(EventDetector):
    """Raises an alert for each word, and fails after that of ``break``."""

    title, severity, techniques, advice, false_positives = "Talk", Severity.low, ("T1046",), "Listen.", "None."
    watches = (ConversationSeen,)

    def inspect(self, event: Event) -> Iterator[Alert]:
        assert isinstance(event, ConversationSeen)
        word = event.word.decode()
        yield self.alert(
            event, actor=Subject(0, event.packet.src, 0), summary=f"said {word}", why=[word], numbers={}, key=(word,)
        )
        if self.id == "test.breaking" and word == "break":
            raise KeyError(word)


class Scorer(FlowDetector):
    """Fails on every change, or on every evaluation."""

    title, severity, techniques, advice, false_positives = "Flow", Severity.low, ("T1046",), "Look.", "None."

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Any]]:
        if self.id == "test.blind":
            raise IndexError("no such column")
        return [(0, None)]

    def evaluate(self, flow: Flow, numbers: Any) -> Iterator[Alert]:
        raise OverflowError("too much")


class Registrar(DeviceDetector):
    """Raises an alert for each inventory event, and for each second with a device."""

    title, severity, techniques, advice, false_positives = "Device", Severity.low, ("T1046",), "Look.", "None."
    last: DeviceChange | None = None

    def review(self, change: DeviceChange) -> Iterator[Alert]:
        self.last = change
        yield self.alert(
            change,
            actor=Subject(change.device.macs[0]),
            summary=f"was {change.action}",
            why=["told"],
            numbers={},
            key=(change.action,),
        )

    def tick(self, now: int) -> Iterator[Alert]:
        if self.last is not None:
            yield self.alert(
                self.last, actor=Subject(0, 1), summary="a second passed", why=["quiet"], numbers={"now": now}
            )


def named(unit: type[Detector], name: str) -> Any:
    made = unit(World())
    made.id = name
    return made


def session(*words: bytes) -> Batch:
    return raw([udp_frame("10.0.0.1", "10.0.0.2", word, dport=CONVERSATION) for word in words])


def test_a_dissector_that_breaks_is_counted_and_the_rest_goes_on(golden: Golden) -> None:
    """Its earlier events count, its packet is kept, and later packets are read."""
    engine = Engine({"breaking": Breaking()}, named(Evaluator, "test.judge")).read(
        session(b"one", b"break", b"break", b"two")
    )
    golden(engine.faults())
    [fault] = engine.boundary.faults.values()
    assert fault.packet is not None
    assert fault.packet.payload == b"break"
    assert [record.msg for record in engine.of("alert", "open")] == [
        "said one",
        "said after one",
        "said break",
        "said two",
        "said after two",
    ]
    assert [record.device["type"] for record in engine.of("device", "identified")] == ["printer"]


def test_a_dissector_that_breaks_leaves_the_others_their_packet(golden: Golden) -> None:
    """Two dissectors get the same row: the one after the failing one too."""
    engine = Engine({"breaking": Breaking(), "other": Breaking()}, named(Evaluator, "test.judge")).read(
        session(b"break")
    )
    golden(engine.faults())


def test_detectors_that_break_are_counted_and_the_rest_goes_on(golden: Golden) -> None:
    """Failing event, bulk and candidate detectors are named; alerts before the failure and of other detectors are
    reported.
    """
    units = [
        named(Evaluator, "test.breaking"),
        named(Scorer, "test.blind"),
        named(Scorer, "test.rash"),
        named(Evaluator, "test.judge"),
    ]
    engine = Engine({"breaking": Breaking()}, *units).read(session(b"one", b"break", b"two"))
    broken = {unit: error for unit, error, _ in engine.faults()}
    golden(broken)
    messages = [(record.alert["detector"], record.msg) for record in engine.of("alert", "open")]
    words = ["said one", "said after one", "said break", "said two", "said after two"]
    assert messages == [(unit, word) for word in words for unit in ("test.breaking", "test.judge")]


class Knowing(Evaluator):
    """An alert with the current type of the device."""

    def inspect(self, event: Event) -> Iterator[Alert]:
        actor = Subject(event.packet.src_mac, event.packet.src, 0)
        device = self.context.device(actor)
        yield self.alert(
            event,
            actor=actor,
            summary=f"a {device.type if device else 'stranger'}",
            why=["it spoke"],
            numbers={},
            key=(event.ts,),
        )


def test_events_are_evaluated_by_all_facts_of_their_message() -> None:
    """Facts that follow an event in its message are known when it is evaluated."""
    unit = named(Knowing, "test.knowing")
    engine = Engine({"breaking": Breaking()}, unit)
    unit.context = engine.pipeline.inventory
    engine.read(session(b"one"))
    assert [record.msg for record in engine.of("alert", "open")] == ["a printer"]


def test_a_fact_or_a_listener_that_breaks_costs_only_itself(golden: Golden) -> None:
    """Later facts are stored, other subscribers receive the event, and detectors evaluate it."""
    received: list[bytes] = []
    engine = Engine({"breaking": Breaking()}, named(Evaluator, "test.judge"))
    deaf = Listener("deaf", ConversationSeen, lambda _: 1 // 0)
    ears = Listener("ears", ConversationSeen, lambda event: received.append(event.word))
    engine.pipeline.dispatcher.listeners = Subscribers(engine.boundary, listening((deaf, ears)))
    batch, observe = session(b"one", b"two"), engine.pipeline.dispatcher.observe
    first = int(batch.rows["ts"][0])

    def break_first(fact: Observation) -> None:
        if fact.ts == first:
            raise IndexError("the first one")
        observe(fact)

    engine.pipeline.dispatcher.observe = break_first
    engine.read(batch)
    golden(engine.faults())
    assert received == [b"one", b"after one", b"two", b"after two"]
    assert [record.msg for record in engine.of("alert", "open")] == [
        "said one",
        "said after one",
        "said two",
        "said after two",
    ]
    assert [record.device["type"] for record in engine.of("device", "identified")] == ["printer"]


def test_a_device_detector_receives_what_is_reported_and_how_time_passes() -> None:
    """Each change of a device arrives once, after its record, with itself as evidence; each second has a tick."""
    words = raw([udp_frame("10.0.0.1", "10.0.0.2", b"one", dport=CONVERSATION)] * 4, step=SECOND)
    engine = Engine({"breaking": Breaking()}, named(Registrar, "test.registrar")).read(words)
    assert engine.faults() == []
    assert [record.msg for record in engine.of("alert", "open")] == ["was new", "was identified", "a second passed"]
    [new, *_] = engine.of("alert", "open")
    assert engine.reported.index(engine.of("device", "new")[0]) < engine.reported.index(new)
    assert new.evidence[0]["event"] == "device.new"  # type: ignore[index]
    assert new.evidence[0]["device"] == engine.of("device", "new")[0].device["id"]  # type: ignore[index]


def test_what_is_malformed_is_an_oddity_and_no_fault() -> None:
    """Malformed messages are counted by dissector and fault, malformed headers by problem; valid ones are not."""
    broken = udp_frame("10.0.0.9", "10.0.0.53")[:30]
    engine = Engine({"dns": Dns()}).read(
        raw([udp_frame("10.0.0.9", "10.0.0.53", LOOP), udp_frame("10.0.0.8", "10.0.0.53", LOOP), broken, b"\0" * 9])
    )
    assert engine.faults() == []
    assert engine.pipeline.report()["malformed"] == 2
    reported = engine.pipeline.anomalies()
    assert reported.pop("dns: name pointer that does not lead back") == 2
    assert reported == {"link_short": 1, "network_short": 1}


# Edges of a run.


def test_nothing_at_all_reports_nothing() -> None:
    """An empty batch, time that passes and the end give no record and no fault."""
    engine = Engine({"sip": Sip()})
    engine.pipeline.tick(START)
    engine.pipeline.process(Batch(np.zeros(0, np.uint8), np.zeros(0, ROW)))
    engine.pipeline.tick(START + 5 * SECOND)
    engine.pipeline.finish()
    assert engine.reported == []
    assert engine.faults() == []
    assert engine.pipeline.report()["decoded"] == 0


def test_a_silence_reports_what_waited() -> None:
    """A tick after the packets reports the device that settled meanwhile; empty batches in between change nothing."""
    engine = Engine({"breaking": Breaking()})
    engine.pipeline.process(session(b"one"))
    assert engine.reported == []
    engine.pipeline.process(Batch(np.zeros(0, np.uint8), np.zeros(0, ROW)))
    engine.pipeline.tick(START + 60 * SECOND)
    assert [record.action for record in engine.reported] == ["new", "identified"]
    engine.pipeline.finish()
    assert len(engine.of("device", "new")) == 1


def test_the_end_is_reported_once() -> None:
    """A second ``finish`` adds nothing."""
    reported: list[Record] = []
    pipeline = assemble(load_config(None), reported.append)
    pipeline.process(crafted())
    pipeline.finish()
    before = whole(reported)
    pipeline.finish()
    assert whole(reported) == before


# TCP.

CALL = (
    b"INVITE sip:202@10.0.0.2 SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.1:5060;branch=z9hG4bK1\r\nFrom: "
    b"<sip:201@10.0.0.2>;tag=a\r\nTo: <sip:202@10.0.0.2>\r\n"
    b"Call-ID: one@10.0.0.1\r\nCSeq: 1 INVITE\r\nUser-Agent: Yealink SIP-T46S "
    b"66.86.0.15\r\nContact: <sip:201@10.0.0.1>\r\nContent-Length: 4\r\n\r\nv=0\n"
)


def conversation(*segments: tuple[int, int]) -> list[tuple[Any, ...]]:
    """SIP events of a call whose bytes arrive in these pieces (first, stop), after the handshake."""
    some = [
        tcp_frame("10.0.0.1", "10.0.0.2", dport=5060, flags=SYN, seq=999),
        tcp_frame("10.0.0.2", "10.0.0.1", sport=5060, dport=40000, flags=SYN_ACK, seq=4999),
        tcp_frame("10.0.0.1", "10.0.0.2", dport=5060, flags=ACK, seq=1000),
        *(
            tcp_frame("10.0.0.1", "10.0.0.2", CALL[first:stop], dport=5060, seq=1000 + first)
            for first, stop in segments
        ),
    ]
    ears = Ears(World())
    engine = Engine({"sip": Sip()}, ears).read(raw(some))
    assert engine.faults() == []
    assert engine.pipeline.anomalies() == {}
    return ears.received


@pytest.mark.parametrize(
    "segments",
    [
        [(0, 100), (200, 300), (100, 200), (300, len(CALL))],
        [(0, 9), (300, len(CALL)), (9, 300)],
        [(0, 120), (240, len(CALL)), (60, 250)],
        [(0, 200), (0, 200), (200, len(CALL)), (200, len(CALL))],
    ],
    ids=["swapped", "last before middle", "overlapping", "sent twice"],
)
def test_segments_out_of_order_report_the_same(segments: list[tuple[int, int]]) -> None:
    """A message in swapped, overlapping or repeated pieces equals the message in one piece."""
    [alone] = conversation((0, len(CALL)))
    assert alone[:3] == ("SipRequest", "INVITE", "sip:202@10.0.0.2")
    assert conversation(*segments) == [alone]


# Times.

JUMPS = {
    "an hour back": -3600 * SECOND,
    "back before 1970": -START - YEAR,
    "fifty years ahead": 50 * YEAR,
    "to the end of time": 2**63 - 1 - START - YEAR,
}


@pytest.mark.parametrize("jump", JUMPS.values(), ids=list(JUMPS))
def test_a_clock_that_jumps_breaks_nothing(jump: int) -> None:
    """Packets before, during and after a jump are all read; a scan after it is found and no unit fails."""
    whole_batch = crafted()
    some = [whole_batch.frame(i) for i in range(len(whole_batch))]
    there = [START + SECOND * i // 10 for i in range(len(some))]
    away = [START + jump, START + jump + SECOND]
    times = [*there, *away, *(ts + 600 * SECOND for ts in there)]
    reported: list[Record] = []
    pipeline = assemble(load_config(None), reported.append)
    pipeline.process(raw([*some, *some[:2], *some], times))
    pipeline.finish()
    assert list(pipeline.boundary.faults.values()) == []
    assert pipeline.report()["decoded"] == 2 * len(some) + 2
    assert sum(record.action == "identified" for record in reported) >= 4
    assert any(
        record.kind == "alert" and "10.0.0.66" in record.msg and record.alert["detector"].startswith("discovery.")
        for record in reported
    )
    assert shipped(pieces(raw([*some, *some[:2], *some], times), 7)) == whole(reported)
