"""TCP flows for the tests of native dissectors: how they are cut, reordered and lost, and what the native dissector and
its reference give.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
import numpy as np

from sensor.alerts.aggregation import AlertAggregator
from sensor.alerts.processor import AlertProcessor
from sensor.boundary import Boundary
from sensor.core.addresses import Networks
from sensor.core.batch import ROW, Batch
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.observation import Observation
from sensor.core.record import RecordMaker
from sensor.core.time_units import SECOND
from sensor.engine.pipeline import Pipeline, Sizes
from sensor.fingerprinting.oui import Oui
from sensor.inventory.inventory import Inventory
from sensor.native.units import KINDS
from tests.inventory.stories import Book
from tests.kit import tcp_frame
from tests.native.guarded import Guarded

START = 1_700_000_000 * SECOND
SYN, SYN_ACK, RST, FIN, ACK = 0x02, 0x12, 0x14, 0x11, 0x10
GIVEN = ("ts", "frame", "caplen", "wirelen", "link", "source")
FRAME_LIMIT = 65535
ENDS = ("10.0.0.1", "10.0.0.2")
TTL_AT = 14 + 8
# (sender: 0 the client, 1 the server; bytes)
Turn = tuple[int, bytes]


def reported(one: Parsed) -> tuple[Any, ...]:
    if isinstance(one, Observation):
        return (one.kind, one.value, one.ts, one.flow, one.subject)
    assert isinstance(one, Event)
    packet = one.packet
    return (
        type(one).__name__,
        *msgspec.structs.astuple(one)[1:],
        packet.ts,
        packet.seq,
        packet.payload,
        packet.frame,
        packet.src,
        packet.direction,
    )


def received(
    frames: Sequence[bytes],
    dissector: tuple[str, Dissector],
    *,
    native: bool,
    size: int = 1,
    step: int = SECOND // 10,
    conversations: int = 512,
    snap: int = FRAME_LIMIT,
    memory: Guarded | None = None,
) -> Any:
    """(events and observations per packet; malformed messages) of frames ``step`` ns apart, ``size`` per batch, each
    captured up to ``snap`` bytes. ``memory``: each frame is a batch that ends at its unreadable page.
    """
    boundary, inventory = Boundary(), Inventory(Book(), Oui(), Networks())
    alert_processor = AlertProcessor(AlertAggregator(), RecordMaker("test"), lambda _: None, inventory.device)
    messages: list[list[tuple[Any, ...]]] = []

    def consume(some: Iterable[Parsed]) -> None:
        messages.append([reported(one) for one in some])

    sizes = Sizes(10, 8, conversations)
    listener = Pipeline(
        dissectors=dict([dissector]),
        detectors=(),
        inventory=inventory,
        alert_processor=alert_processor,
        boundary=boundary,
        sizes=sizes,
        native=native,
        consumer=consume,
    )
    listener.native_messages.subscribe(KINDS)
    for start in range(0, len(frames), size):
        some = batch(frames[start : start + size], START + start * step, step, snap)
        listener.process(some if memory is None else guarded(some, memory))
    listener.finish()
    assert not list(boundary.faults.values())
    return [some for some in messages if some], dict(boundary.malformed.items()), listener


def batch(frames: Sequence[bytes], ts: int, step: int, snap: int = FRAME_LIMIT) -> Batch:
    """A batch as a source gives it, before decoding."""
    rows = np.zeros(len(frames), ROW)
    rows["wirelen"] = [len(frame) for frame in frames]
    frames = [frame[:snap] for frame in frames]
    rows["caplen"] = [len(frame) for frame in frames]
    rows["frame"] = np.cumsum(rows["caplen"], dtype=np.int64) - rows["caplen"]
    rows["ts"], rows["link"] = [ts + step * i for i in range(len(frames))], 1
    return Batch(np.frombuffer(b"".join(frames), np.uint8).copy(), rows)


def guarded(one: Batch, memory: Guarded) -> Batch:
    """A batch of one frame, at the end of guarded memory."""
    raw = bytes(one.data)
    first = memory.place(raw, True)
    return Batch(memory.data[first : first + len(raw)], one.rows)


def frames_of(
    turns: Iterable[Turn],
    port: int = 80,
    client: int = 40000,
    begins: tuple[int, int] = (1000, 5000),
    ends: bool = True,
) -> list[bytes]:
    """The frames of one flow, one per turn."""
    at = list(begins)
    frames = [segment(0, begins[0] - 1, b"", port, client, SYN), segment(1, begins[1] - 1, b"", port, client, SYN_ACK)]
    for way, data in turns:
        frames.append(segment(way, at[way], data, port, client, ack=at[1 - way]))
        at[way] += len(data)
    if ends:
        frames += [segment(way, at[way], b"", port, client, FIN) for way in (0, 1)]
    return frames


def repeated(turns: Sequence[Turn], *ports: int) -> list[bytes]:
    """The frames of a flow to each of these ports in turn, from a port of its own, with two hop limits."""
    flows = [frames_of(turns, port, client) for client, port in enumerate(ports, 40000)]
    return [_with_ttl(frame, 64 << number % 2) for number, frames in enumerate(flows) for frame in frames]


def _with_ttl(frame: bytes, ttl: int) -> bytes:
    return frame[:TTL_AT] + bytes((ttl,)) + frame[TTL_AT + 1 :]


def segment(
    way: int, seq: int, data: bytes, port: int = 80, client: int = 40000, flags: int = 0x18, ack: int = 0
) -> bytes:
    sport, dport = (client, port) if way == 0 else (port, client)
    numbers = {"seq": seq % 2**32, "ack": ack % 2**32}
    return tcp_frame(ENDS[way], ENDS[1 - way], data, sport=sport, dport=dport, flags=flags, **numbers)


def cut(turns: Iterable[Turn], rng: random.Random, most: int = 200) -> list[Turn]:
    """The same turns in smaller segments."""
    pieces: list[Turn] = []
    for way, data in turns:
        at = 0
        while at < len(data):
            size = rng.choice((1, 3, 20, most, len(data)))
            pieces.append((way, data[at : at + size]))
            at += size
    return pieces


def disordered(frames: Sequence[bytes], rng: random.Random) -> list[bytes]:
    """The same frames with losses, repetitions and early arrivals."""
    some = list(frames[2:])
    for _ in range(rng.randrange(4)):
        if some:
            del some[rng.randrange(len(some))]
    for _ in range(rng.randrange(3)):
        if some:
            some.insert(rng.randrange(len(some)), rng.choice(some))
    for _ in range(rng.randrange(6)):
        if len(some) > 1:
            i = rng.randrange(len(some) - 1)
            some.insert(min(len(some), i + rng.randrange(1, 25)), some.pop(i))
    return [*frames[:2], *some]


def mutated(turns: Iterable[Turn], rng: random.Random) -> list[Turn]:
    """The same turns with a few bytes changed, removed or inserted."""
    changed = []
    for way, data in turns:
        some = bytearray(data)
        for _ in range(rng.randrange(3)):
            at = rng.randrange(len(some) + 1)
            if rng.random() < 0.5:
                some.insert(at, rng.choice(b"\r\n :;=%\xff\0\"'A1"))
            if at < len(some):
                some[at] = rng.choice((some[at], 13, 10, 32, 58, 0, 255, rng.randrange(256)))
        changed.append((way, bytes(some)))
    return changed


def every_payload(unit: Dissector) -> Dissector:
    """The same dissector, with an interest in all payloads."""
    wanted = unit.interest
    unit.interest = Interest(tcp=wanted.tcp, starts=wanted.starts, stream=True)  # type: ignore[misc]
    return unit


def same(
    frames: Sequence[bytes], name: str, unit: Callable[[], Dissector], *sizes: int, snap: int = FRAME_LIMIT
) -> list[Any]:
    """The output of the reference, after a check that the native one is the same for all batch sizes."""
    for wrap in (unit, lambda: every_payload(unit())):
        want = received(frames, (name, wrap()), native=False, snap=snap)
        for size in sizes:
            assert received(frames, (name, wrap()), native=True, size=size, snap=snap)[:2] == want[:2], size
    return want[0]
