"""Rules as detectors: the attack, its benign twin, repeats; over events, flows and devices, counted and in sequence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from sensor.core.addresses import Networks, parse
from sensor.core.alert import Severity
from sensor.core.detector import DeviceDetector, EventDetector
from sensor.core.device import DeviceChange, FieldChange
from sensor.core.flow import Change, flow_of
from sensor.core.record import RecordMaker
from sensor.core.time_units import SECOND
from sensor.counting.changes import ChangeReader
from sensor.counting.flow_detector import FlowDetector
from sensor.dissectors.dns import DnsQuery, DnsResponse
from sensor.dissectors.http import HttpRequest
from tests.detectors.stories import START, Story, World, alerts_of, device, inspected, one, reviewed
from tests.golden import Golden
from tests.rules.written import CLIENT, SERVER, made, packet, query

PRINTER = """\
sets: {resolvers: [10.0.0.53, 10.0.1.0/28]}
rules:
  - id: strange_resolver
    title: A printer asks a resolver that is not ours
    summary: "{src} asks {dst} for {name}, type {type}"
    severity: high
    confidence: 0.7
    attack: [T1071.004, {technique: T1999, tactic: impact, name: Made up}]
    when: dns.query
    where: {src.type: printer, dst: {not: $resolvers}}
    unless: {name: {ends: .example.net}}
"""
WORLD = World(device("printer", "10.0.0.9", "PRN"), device("workstation", "10.0.0.10"))


def test_conditions_over_events_and_devices(golden: Golden, tmp_path: Path) -> None:
    """All of where and nothing of unless must match; the alert has the texts of the rule, and gives a valid record."""
    unit = made(tmp_path, PRINTER, WORLD)
    alert = one(inspected(unit, [query("x.example", source="10.0.0.9")]))
    assert (alert.detector, alert.severity, alert.confidence) == ("custom.strange_resolver", Severity.high, 0.7)
    golden(alert.summary)
    assert [(each.technique, each.tactic) for each in alert.techniques] == [
        ("T1071.004", "command-and-control"),
        ("T1999", "impact"),
    ]
    assert (alert.network["app"], alert.network["direction"]) == ("dns", "outbound")
    record = RecordMaker("s", "", "0", Networks()).alert("open", alert, WORLD.device(alert.actor))
    assert isinstance(record.alert, dict)
    assert record.alert["detector"] == "custom.strange_resolver"


def test_benign_twins_are_quiet(tmp_path: Path) -> None:
    """The internal resolver, an excepted name, another device type, an unknown device."""
    unit = made(tmp_path, PRINTER, WORLD)
    story = [
        query("x.example", source="10.0.0.9", target="10.0.1.3"),
        query("x.EXAMPLE.net", source="10.0.0.9"),
        query("x.example", source="10.0.0.10"),
        query("x.example"),
    ]
    assert inspected(unit, story) == []


def test_repetition_is_reported_once_an_hour(tmp_path: Path) -> None:
    """The rule may set another interval."""
    story = [query("x.example", 60 * n, "10.0.0.9") for n in range(180)]
    assert len(inspected(made(tmp_path, PRINTER, WORLD), story)) == 3
    assert len(inspected(made(tmp_path, PRINTER + "    again: 1d\n", WORLD), story)) == 1


COUNT = "rules:\n  - {id: many, title: Many names, when: dns.query, count: 10, distinct: name, within: 1m, by: src}\n"


def test_counts_of_different_values(tmp_path: Path) -> None:
    """Ten names of one host within a minute match; one name ten times, ten hosts, or a longer time do not."""
    assert one(inspected(made(tmp_path, COUNT), [query(f"h{n}.example", 5 * n) for n in range(10)])).numbers == {
        "count": 10,
        "threshold": 10,
        "window_s": 60,
    }
    assert inspected(made(tmp_path, COUNT), [query("h.example", n) for n in range(50)]) == []
    assert inspected(made(tmp_path, COUNT), [query(f"h{n}.example", n, f"10.0.1.{n}") for n in range(50)]) == []
    assert inspected(made(tmp_path, COUNT), [query(f"h{n}.example", 10 * n) for n in range(50)]) == []


def test_counts_of_things(tmp_path: Path) -> None:
    """Without distinct all events count; several fields form one key."""
    text = "rules:\n  - {id: many, title: Many questions, when: dns.query, count: 5, within: 1m, by: [src, name]}\n"
    assert len(inspected(made(tmp_path, text), [query("h.example", n) for n in range(5)])) == 1
    assert inspected(made(tmp_path, text), [query(f"h{n}.example", n) for n in range(40)]) == []


def test_state_is_bounded(tmp_path: Path) -> None:
    """After thirty thousand hosts with one query each, the actor is still found."""
    unit = made(tmp_path, COUNT)
    flood = [query(f"h{n}.example", n / 10_000, f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}") for n in range(30_000)]
    assert inspected(unit, flood) == []
    assert len(unit._state._values) <= 16_384
    assert len(inspected(unit, [query(f"h{n}.example", 20 + n, "172.16.0.1") for n in range(10)])) == 1


SEQUENCE = """\
rules:
  - id: then_out
    title: A dynamic name, then a way out
    within: 10m
    by: src
    sequence:
      - {when: dns.query, where: {name: {ends: .duckdns.org}}}
      - {when: [flow.answered, flow.progress], where: {dst: outside, dst.port: [4444, 8443]}}
      - {when: flow.ended, where: {src.bytes: {above: 1000}}}
"""


def test_sequences_over_events_and_flows(tmp_path: Path) -> None:
    """The steps are in order and within the window, of one host; one detector watches events and flows."""

    def messages(*order: str, gap: float = 10, other: str = CLIENT) -> int:
        unit = made(tmp_path, SEQUENCE)
        story = Story().converse(0, other, SERVER, 4444, lasts=60)
        changes = {Change(int(row["kind"])).name.lower(): flow_of(row) for row in story.changes()}
        found: list[Any] = []
        for n, word in enumerate(order):
            ts = START + int(n * gap * SECOND)
            if word == "name":
                found += unit.inspect(query("x.duckdns.org", n * gap))
            else:
                found += unit.evaluate(msgspec.structs.replace(changes[word], ts=ts), None)
        return len(found)

    assert messages("name", "answered", "ended") == 1
    assert messages("answered", "name", "ended") == 0
    assert messages("name", "ended", "answered") == 0
    assert messages("answered", "ended") == 0
    assert messages("name", "answered", "ended", gap=400) == 0
    assert messages("name", "name", "answered", "answered", "ended") == 1
    assert messages("name", "answered", "ended", other="10.0.0.6") == 0


FLOWS = (
    "rules:\n  - {id: odd, title: Odd port, when: flow.answered, where: {src: 10.0.0.0/8, dst: "
    "outside, dst.port: {above: 4000}, src.packets: 1}}\n"
)


def test_flows_are_chosen_in_bulk(tmp_path: Path) -> None:
    """The result is independent of batch sizes; only rows that may match become objects."""
    story = Story()
    for n in range(200):
        story.converse(n, f"10.0.0.{n % 20}", SERVER if n % 3 else "10.0.9.9", 4444 if n % 2 else 443)
    changes = story.changes()
    whole = alerts_of(made(tmp_path, FLOWS), changes)
    assert {alert.target_port for alert in whole} == {4444}
    assert {alert.actor.address for alert in whole} == {parse(f"10.0.0.{n}") for n in range(1, 20, 2)}
    for size in (1, 7, 64):
        assert [(alert.ts, alert.key) for alert in alerts_of(made(tmp_path, FLOWS), changes, size)] == [
            (alert.ts, alert.key) for alert in whole
        ]
    unit = made(tmp_path, FLOWS)
    chosen = list(unit.candidates(ChangeReader(Networks()).read(changes)))
    assert {int(changes["kind"][row]) for row, _ in chosen} == {Change.ANSWERED}
    assert {int(changes["server_port"][row]) for row, _ in chosen} == {4444}


def test_devices(tmp_path: Path) -> None:
    """Device changes are matched by their own fields."""
    text = (
        "rules:\n  - {id: cam, title: New camera, summary: 'a {src.type} at {src}', when: device.changed, "
        "where: {src.type: camera, changed: firmware}}\n"
    )
    unit = made(tmp_path, text)
    camera = device("camera", "10.0.0.44", "CAM")
    camera.addresses = {parse("10.0.0.44"): START}
    story = [
        DeviceChange(START, "changed", camera, (FieldChange("firmware", "1", "2"),)),
        DeviceChange(START, "changed", camera, (FieldChange("name", "", "x"),)),
    ]
    alert = one(reviewed(unit, story))
    assert (alert.summary, alert.actor.address, alert.target) == ("a camera at 10.0.0.44", parse("10.0.0.44"), None)
    assert reviewed(unit, [DeviceChange(START, "new", camera, (FieldChange("firmware", "", "2"),))]) == []


def test_it_watches_only_what_the_rule_names(tmp_path: Path) -> None:
    """The detector gets no other events, no flows, no devices."""
    on_events, on_flows = made(tmp_path, COUNT), made(tmp_path, FLOWS)
    assert on_events.watches == (DnsQuery,)
    assert isinstance(on_events, EventDetector)
    assert not isinstance(on_events, FlowDetector | DeviceDetector)
    assert isinstance(on_flows, FlowDetector)
    assert not isinstance(on_flows, EventDetector | DeviceDetector)


@pytest.mark.parametrize(
    ("where", "fits"),
    [
        ("{path: {begins: /admin}, method: [GET, POST]}", True),
        ("{headers: user-agent}", True),
        ("{headers: {not: user-agent}}", False),
        ("{odd: {contains: 'x=.'}}", True),
        ("{length: {above: 100}}", False),
        ("{forwarded: false}", True),
        ("{dst.port: 53, src.port: 5000, proto: udp, direction: outbound}", True),
        ("{dst.domain: c2.example}", True),
        ("{src.role: Gateway}", False),
        ("{src.service: [tcp/7070, ssh/22]}", False),
        ("{hour: {at_least: 22, below: 23}}", True),
        ("{vlan: 0, ttl: 64}", True),
    ],
)
def test_fields_of_a_request(tmp_path: Path, where: str, fits: bool) -> None:
    """Texts, lists, pairs, numbers, and fields of the packet and its endpoints."""
    world = World()
    world.names[parse(SERVER)] = ("C2.example",)
    event = HttpRequest(
        packet(), "GET", "h", "/admin/x", "curl", "", "", "", "", -1, False, ("host", "user-agent"), "", (("x", ".."),)
    )
    unit = made(tmp_path, f"rules:\n  - {{id: one, title: One, when: http.request, where: {where}}}\n", world)
    assert bool(inspected(unit, [event])) is fits


def test_any_of_several_blocks(tmp_path: Path) -> None:
    """One of the blocks must match in addition to where; several kinds of events share their common fields."""
    text = (
        "rules:\n  - {id: one, title: One, when: [dns.query, dns.response], where: {type: 1}, any: "
        "[{name: a.example}, {name: b.example, src: 10.0.0.6}]}\n"
    )
    unit = made(tmp_path, text)
    answer = DnsResponse(packet(9), 1, "a.example", 1, 0, False, ())
    story = [query("a.example"), query("b.example"), query("b.example", source="10.0.0.6"), query("c.example"), answer]
    assert [alert.actor.address for alert in inspected(unit, story)] == [parse(CLIENT), parse("10.0.0.6")]
    assert unit.matched == 3


def test_none_of_several_exceptions(tmp_path: Path) -> None:
    """Each exception is a block, which applies if all of it matches."""
    text = (
        "rules:\n  - {id: one, title: One, when: dns.query, again: 1s, unless: [{name: a.example, src: "
        "10.0.0.6}, {name: b.example}]}\n"
    )
    story = [
        query("a.example"),
        query("a.example", 5, "10.0.0.6"),
        query("b.example", 10),
        query("c.example", 15, "10.0.0.6"),
    ]
    assert [alert.ts for alert in inspected(made(tmp_path, text), story)] == [START, START + 15 * SECOND]
