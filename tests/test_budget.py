"""The memory budget: bytes for each entry are those measured, sizes follow from one number, and configured sizes take
precedence.
"""

from __future__ import annotations

import functools
import gc
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from sensor.alerts.aggregation import AlertAggregator
from sensor.budget import LEAST, MIB, MOST, TABLES, USUAL, Budget
from sensor.config import load_config
from sensor.core.addresses import Networks
from sensor.core.alert import Severity
from sensor.core.bounded import Bounded
from sensor.core.device import Device
from sensor.core.event import Event
from sensor.core.observation import Observation, Subject
from sensor.core.packet import Packet
from sensor.core.record_parts import time_text
from sensor.decode.flows import FlowTable
from sensor.decode.reassembly import Assembler, Room
from sensor.dissectors.http import Http
from sensor.dissectors.tls import Tls
from sensor.documents import DocumentErrors
from sensor.engine.passive_dns import PassiveDns
from sensor.fingerprinting.fuse import fuse
from sensor.fingerprinting.load import load_knowledge
from sensor.fingerprinting.match import Matcher
from sensor.fingerprinting.oui import Oui
from sensor.inventory.baseline import Baseline
from sensor.inventory.evidence import fact_of
from sensor.inventory.inventory import Inventory
from sensor.inventory.limits import Limits
from sensor.inventory.table import Table
from sensor.posture.recommendations.cases import Case, Cases, packed
from sensor.runtime.assembly import assemble
from tests import sampling
from tests.detectors.stories import START, detector

# Of devices more, as there are: their share of the caches of texts, which have a limit, would count too much.
ENTRIES, DEVICES = 2_000, 10_000
NET = 0xFFFF_0A000000
HTTP, TCP = 80, 6


class Found(Event):
    """Evidence of an alert."""

    number: int


def endpoints(count: int) -> object:
    table: Bounded[Subject, None] = Bounded(count)
    for number in range(count):
        table.put(Subject(0x0017_9400_0000 + number, NET + 7 * number), None)
    return table


def leases(count: int) -> object:
    table: Bounded[int, None] = Bounded(count)
    for number in range(count):
        table.put(NET + 7 * number, None)
    return table


def pending(count: int) -> object:
    """New devices with an address and a name."""
    limits = Limits(pending=count, novelty_bits=8)
    table = Table(limits)
    for number in range(count):
        mac = 0x0017_9400_0000 + number
        record = table.create(START, f"mac:{mac:012x}", mac, 0)
        table.lease(record, NET + number, START, claimed=True)
        record.learn(fact_of(Observation(START, Subject(mac), "dhcp.hostname", f"PC-{number}"), (), 0), limits)
    return table


@functools.cache
def fingerprints() -> tuple[Matcher, Oui]:
    return Matcher(load_knowledge([])), Oui(None)


def devices_of(count: int, viewed: int) -> Inventory:
    """Devices like those of the mixed million: 2.2 facts and three claims each, and a name for every fourth. Data with
    its own share of the budget is removed.
    """
    inventory = Inventory(
        *fingerprints(), Networks(), Limits(devices=count, viewed=viewed, endpoints=64, novelty_bits=8, burst=10**6)
    )
    for number in range(count):
        mac = (0x0017C8, 0x805EC0, 0x001B21)[number % 3] << 24 | number
        subject, ts = Subject(mac, NET + number + 1, 30), START + number * 10**6
        facts = [
            ("arp.address", "reply"),
            ("dhcp.vendor_class", "MSFT 5.0"),
            ("tcp.syn", "64240:128:1:60:M1460,N,W8,N,N,S"),
        ]
        facts += [] if number % 4 else [("dhcp.hostname", f"PC-{number}")]
        for kind, value in facts * 2:
            inventory.observe(Observation(ts, subject, kind, value))
        if number % 1000 == 999:
            inventory.settle(ts)
    inventory.finish(ts + 10**10)
    inventory.table.leases.clear()
    return inventory


def devices(count: int) -> object:
    return devices_of(count, 64)


def viewed(count: int) -> object:
    """The attributes of such devices."""
    inventory = devices_of(4, 4)
    facts = [record.facts.values() for record in inventory.table.unidentified] + [
        record.facts.values() for record in inventory.table.identified
    ]
    kept: Bounded[int, object] = Bounded(count)
    for number in range(count):
        kept.put(number, fuse([proof for fact in facts[number % 4] for proof in fact.proofs()], START))
    return kept


def names(count: int) -> object:
    """Every third address has two names."""
    memory = PassiveDns(count)
    for number in range(count):
        memory.learn(NET + number, f"host-{number}.some.example.com")
        if not number % 3:
            memory.learn(NET + number, f"other-{number}.some.example.com")
    return memory


def learned(count: int) -> object:
    """Each device uses twenty services of fifty servers."""
    baseline = Baseline(lambda subject: Device(f"dev-{subject.mac:x}", f"mac:{subject.mac:x}", 1, 1))
    for number in range(count):
        baseline.learn(
            START,
            Subject(1 + number // 20, NET + number // 20),
            Subject(10**6 + number % 50, NET - number % 50),
            TCP << 16 | number % 100,
            False,
        )
    return baseline


def alerts(count: int) -> object:
    """A quarter of them is below medium, and has its own table."""
    desk, unit = AlertAggregator(keys=count), detector("discovery.port_scan")
    for number in range(count):
        packet = Packet(bytes(300), ts=START + number, src=NET + number, src_mac=5)
        why = (f"{number} ports within a minute", f"of {number + 20} that were asked")
        summary = f"asked {number} ports of one machine within a minute, most of which are closed there"
        made = unit.alert(
            Found(packet, number),
            actor=Subject(5, NET + number),
            summary=summary,
            why=why,
            numbers={"ports": number},
            target=Subject(6, NET),
            severity=Severity.medium if number % 4 else Severity.low,
        )
        desk.take(made)
    return desk


def conversations(count: int) -> object:
    """Two dissectors check each flow."""
    kept = {}
    for number in range(count):
        packet = Packet(
            b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
            src=NET + number,
            dst=NET,
            sport=40000,
            dport=HTTP,
            proto=TCP,
        )
        assemblers = [Assembler(unit.stream(packet), unit.interest, Room(MIB)) for unit in (Http(), Tls())]
        for assembler in assemblers:
            list(assembler.feed(packet))
        kept[number] = assemblers
    return kept


def advice(count: int) -> object:
    """Recommendations, each proven by a message."""
    cases = Cases(count)
    for number in range(count):
        seen = f"it answered a message of version 2c with the community 'public' {number}"
        proof = {
            "event": "snmp.response",
            "ts": time_text(START + number),
            "src": {"ip": f"10.0.0.{number}", "port": 161},
            "facts": {"community": seen},
        }
        cases.put(
            Case(
                (f"dev-{number}", "snmp_default"),
                Subject(5, NET + number),
                "answers SNMP",
                seen,
                packed((proof,)),
                START + number,
                START + number,
            )
        )
    return cases


FILLED: tuple[Callable[[int], object], ...] = (
    devices,
    viewed,
    endpoints,
    leases,
    pending,
    names,
    learned,
    alerts,
    conversations,
)


def taken(fill: Callable[[int], object], count: int) -> int:
    """Allocated bytes once a table is full."""
    fill(10)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = fill(count)
    gc.collect()
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert kept
    return held


@pytest.mark.parametrize("fill", sampling.drawn(FILLED, 4, "tables that are filled"), ids=lambda fill: fill.__name__)
def test_an_entry_takes_what_the_budget_reports(fill: Callable[[int], object]) -> None:
    """A larger entry would exceed the budget, a much smaller one would make tables unnecessarily small."""
    entry, count = TABLES[fill.__name__].entry, DEVICES if fill is devices else ENTRIES
    assert 0.6 * entry < taken(fill, count) / count < 1.15 * entry


def test_a_recommendation_takes_half_of_what_an_alert_does() -> None:
    """There are twice as many recommendations as alerts."""
    assert taken(advice, ENTRIES) / ENTRIES < 0.5 * TABLES["alerts"].entry
    assert Budget.of(USUAL).advice == 2 * Budget.of(USUAL).alerts


@pytest.mark.parametrize("mib", [LEAST, USUAL, 300, 512, 1000, 4096, MOST])
def test_what_is_shared_out_is_what_there_is(mib: int) -> None:
    """All tables together take at most the budget, and most of it."""
    budget = Budget.of(mib)
    shared = sum(getattr(budget, name) * table.entry for name, table in TABLES.items())
    slots = FlowTable(budget.flow_bits)
    fixed = slots.slots.nbytes + (1 << budget.flow_bits) * 8
    assert 0.05 * mib * MIB < shared < shared + fixed < mib * MIB


def test_the_usual_budget_has_room_for_twenty_thousand_devices_and_their_addresses() -> None:
    assert min(Budget.of(USUAL).devices, Budget.of(USUAL).leases) >= 20_000


def test_a_larger_budget_makes_no_table_smaller() -> None:
    """Except where a fixed table doubles: the others shrink there, and are larger again at twice the budget."""
    for mib in (LEAST, USUAL, 512, 2048):
        small, large = Budget.of(mib), Budget.of(2 * mib)
        assert all(getattr(small, name) <= getattr(large, name) for name in Budget.__struct_fields__)
        assert large.devices > 2 * small.devices


def configured(folder: Path, text: str) -> Path:
    path = folder / "sensor.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_engine_is_made_to_measure(tmp_path: Path) -> None:
    """Table sizes of an engine are those of its budget; configured sizes take precedence."""
    budget = Budget.of(512)
    pipeline = assemble(load_config(configured(tmp_path, "memory_mib: 512\n")), print)
    limits = pipeline.inventory.limits
    assert (limits.devices, limits.pending, limits.endpoints, limits.leases) == (
        budget.devices,
        budget.pending,
        budget.endpoints,
        budget.leases,
    )
    assert (pipeline.sizes.flow_bits, pipeline.sizes.conversations) == (budget.flow_bits, budget.conversations)
    assert {unit.context.more_bits for unit in pipeline.detectors} == {budget.more_bits}
    assert len(pipeline.kernels.flows.slots) == 1 << budget.flow_bits
    pipeline = assemble(
        load_config(configured(tmp_path, "inventory: {devices: 777}\ntables: {flow_bits: 12}\n")), print
    )
    assert (pipeline.inventory.limits.devices, pipeline.sizes.flow_bits) == (777, 12)


@pytest.mark.parametrize(
    ("mib", "word"),
    [(LEAST - 1, f"expected at least {LEAST}"), (0, f"expected at least {LEAST}"), (MOST + 1, "found 32769")],
)
def test_a_budget_that_cannot_be_is_refused_with_its_place(tmp_path: Path, mib: int, word: str) -> None:
    path = configured(tmp_path, f"networks: []\nmemory_mib: {mib}\n")
    with pytest.raises(DocumentErrors) as caught:
        load_config(path)
    (fault,) = caught.value.faults
    assert (fault.path, fault.line, fault.column) == (path, 2, 13)
    assert word in fault.message
