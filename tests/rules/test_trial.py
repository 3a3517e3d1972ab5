"""Tests in rules: they run the rule itself, and an invalid test is reported with its position."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.rules.compile import shown
from sensor.rules.example import EXAMPLE
from sensor.rules.fields import DEVICE_KINDS, FLOW_KINDS, event_classes, fields_of
from sensor.rules.load import EmptyContext, load_rules
from sensor.rules.trial import START, _signal, run_trial
from sensor.rules.values import Kind, RuleError
from tests.golden import Golden
from tests.rules.written import loaded, write

HELD = {
    Kind.TEXT: str, Kind.NUMBER: int | float, Kind.FLAG: bool | None, Kind.ADDRESS: int, Kind.MAC: int,
    Kind.TEXTS: tuple, Kind.NUMBERS: tuple,
}  # fmt: skip
RULE = (
    "rules:\n  - id: one\n    title: One\n    when: dns.query\n    where: {name: {ends: .example}, "
    "src.type: camera}\n    tests:\n"
)


def test_the_example_keeps_what_it_reports(tmp_path: Path) -> None:
    """Every rule of it has tests with and without alerts, and all pass."""
    rules, faults = load_rules([write(tmp_path, EXAMPLE)])
    assert faults == []
    for one in rules:
        outcomes = [run_trial(one, place) for place in range(len(one.rule.tests))]
        assert [outcome.good for outcome in outcomes] == [True] * len(outcomes)
        assert {outcome.wanted > 0 for outcome in outcomes} == {True, False}


@pytest.mark.parametrize(
    ("events", "came"),
    [
        ("[{src: 10.0.0.9, name: x.example}]", 1),
        ("[{src: 10.0.0.9, name: x.example.org}]", 0),
        ("[{src: 10.0.0.8, name: x.example}]", 0),
        ("[{src: 10.0.0.9, name: 'h{n}.example', times: 30, every: 3600}]", 30),
        ("[{when: dns.response, src: 10.0.0.9, name: x.example}]", 0),
    ],
)
def test_what_happens_is_evaluated_by_the_rule(tmp_path: Path, events: str, came: int) -> None:
    """A test with another expectation fails."""
    one = loaded(
        tmp_path,
        (
            f"{RULE}      - {{title: as it is, alerts: 1, devices: {{10.0.0.9: {{type: camera, name: "
            f"CAM}}}}, events: {events}}}\n"
        ),
    )
    outcome = run_trial(one, 0)
    assert (len(outcome.alerts), outcome.good) == (came, came == 1)


@pytest.mark.parametrize(
    "test",
    [
        "{title: bad, events: [{nam: x}]}",
        "{title: bad, events: [{name: 5}]}",
        "{title: bad, events: [{name: x, src: nobody}]}",
        "{title: bad, events: [{name: x, src.mac: nobody}]}",
        "{title: bad, events: [{name: x, proto: tpc}]}",
        "{title: bad, events: [{when: dns.qery}]}",
        "{title: bad, events: [{when: flow.ended, reason: resett}]}",
        "{title: bad, devices: {nobody: {type: camera}}, events: [{name: x}]}",
        "{title: bad, devices: {10.0.0.9: {type: camra}}, events: [{name: x}]}",
        "{title: bad, devices: {10.0.0.9: {typ: camera}}, events: [{name: x}]}",
    ],
)
def test_what_makes_no_sense_is_reported(golden: Golden, tmp_path: Path, test: str) -> None:
    """The error has its line."""
    one = loaded(tmp_path, f"{RULE}      - {test}\n")
    with pytest.raises(RuleError) as caught:
        run_trial(one, 0)
    fault = one.fault(caught.value)
    golden(fault.message)
    assert fault.line == 7


@pytest.mark.parametrize("word", [*FLOW_KINDS, *DEVICE_KINDS, *event_classes()])
def test_every_kind_can_be_made_and_evaluated(word: str) -> None:
    """Without values every field has a default of its type, and can be shown."""
    item = _signal(word, START, {})
    fields = fields_of([word], EmptyContext())
    assert fields
    for field in fields.values():
        value = field.get(item)
        assert isinstance(value, HELD[field.kind])
        assert isinstance(shown(field.kind, value), str)
