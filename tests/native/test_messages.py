"""Messages parsed natively follow the rows of their packets when batches are joined or rows are shed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sensor.boundary import Boundary
from sensor.core.batch import Batch
from sensor.core.observation import Observation, Subject
from sensor.core.packet import Packets
from sensor.core.recent import RecentSet
from sensor.decode.flows import FlowTable
from sensor.decode.kernels import Kernels, Work
from sensor.decode.select import Selector
from sensor.dissectors.dns import Dns, DnsQuery
from sensor.engine.native_messages import NativeMessages
from sensor.engine.read_ahead import joined
from sensor.inventory.compact import CompactRecord
from sensor.inventory.novelty import Novelty
from sensor.native.readers import reading
from tests.kit import batch_of, udp_frame


def question(name: str) -> bytes:
    """A query for the address of a name, in a frame."""
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return udp_frame("10.0.0.9", "10.0.0.53", b"\0\7\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1", sport=4444)


def kernels() -> Kernels:
    dissectors = {"dns": Dns()}
    return Kernels(FlowTable(8), Selector([Dns.interest], RecentSet(8)), reading(dissectors))


def run(given: Kernels, names: Sequence[str]) -> tuple[Batch, Work]:
    batch = batch_of([question(name) for name in names])
    return batch, given.run(batch.data, batch.rows)


def received(batch: Batch, work: Work) -> list[str]:
    """The queried names, and the observations about the clients."""
    text: list[Any] = []
    native_messages = NativeMessages(text.extend, lambda packets, row: packets.at(row), Novelty(), Boundary())
    native_messages.begin(Packets(batch.data, batch.rows), work.messages)
    native_messages.end()
    return [
        one.name if isinstance(one, DnsQuery) else one.value for one in text if isinstance(one, DnsQuery | Observation)
    ]


def test_a_message_is_received_as_event_and_fact() -> None:
    """Both refer to the packet; the row is delivered to no other dissector."""
    batch, work = run(kernels(), ["a.example"])
    assert work.wanted.tolist() == [0]
    assert received(batch, work) == ["a.example", "a.example"]


def test_joined_batches_are_received_at_their_rows() -> None:
    """Messages of the second batch belong to the rows after those of the first."""
    given = kernels()
    whole = batch_of([question(name) for name in ("a.example", "b.example", "c.example")])
    first, second = Batch(whole.data, whole.rows[:1].copy()), Batch(whole.data, whole.rows[1:].copy())
    pieces = [(first, given.run(first.data, first.rows)), (second, given.run(second.data, second.rows))]
    batch, work = joined(pieces)
    text: list[Any] = []
    native_messages = NativeMessages(text.append, lambda packets, row: packets.at(row), Novelty(), Boundary())
    native_messages.begin(Packets(batch.data, batch.rows), work.messages)
    native_messages.until(2)
    assert [some[0].name for some in text] == ["a.example", "b.example"]
    native_messages.end()
    assert [some[0].packet.ts for some in text] == batch.rows["ts"].tolist()


def test_what_is_shed_is_not_received() -> None:
    """Messages of a shed row are dropped with it; the others stay."""
    batch, work = run(kernels(), ["a.example", "b.example", "c.example"])
    kept, left = work.keep(np.array([True, False, True]))
    assert left == 1
    assert kept.chosen.tolist() == [0, 2]
    assert received(batch, kept) == ["a.example", "a.example", "c.example", "c.example"]


def test_a_known_fact_costs_no_object() -> None:
    """It is counted in the table of known observations; the event is delivered unless its class has no subscriber."""
    batch, work = run(kernels(), ["a.example"])
    novelty, record = Novelty(), CompactRecord(0, 0)
    row = batch.rows[0]
    about = Subject(int(row["src_mac"]), int(row["src_hi"]) << 64 | int(row["src_lo"]), int(row["vlan"]))
    novelty.enter(Observation(1, about, "dns.query", "a.example"), record, None)
    text: list[Any] = []
    native_messages = NativeMessages(text.extend, lambda packets, row: packets.at(row), novelty, Boundary())
    native_messages.begin(Packets(batch.data, batch.rows), work.messages)
    native_messages.end()
    assert [type(one) for one in text] == [DnsQuery]
    assert (novelty.counted, record.last) == (1, int(row["ts"]))
    native_messages.subscribe(())
    native_messages.begin(Packets(batch.data, batch.rows), work.messages)
    native_messages.end()
    assert (len(text), novelty.counted) == (1, 2)
