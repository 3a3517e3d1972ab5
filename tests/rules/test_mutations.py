"""Any content of a rule file gives faults with positions, or rules; never another error."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from sensor.rules.example import EXAMPLE
from sensor.rules.load import Loaded, load_rules
from sensor.rules.trial import run_trial
from sensor.rules.values import RuleError
from tests.rules.written import write

VALUES = (
    "5",
    "-1",
    "1.5",
    "true",
    "null",
    "''",
    "x",
    "[]",
    "{}",
    "[1, x]",
    "{not: x}",
    "{above: 3}",
    "$resolvers",
    "10.0.0.0/8",
    "flow.ended",
    "1d",
    "9999999999999999",
)
KEYS = (
    "when",
    "where",
    "unless",
    "any",
    "by",
    "count",
    "distinct",
    "within",
    "summary",
    "sequence",
    "src.port",
    "proto",
    "vlan",
    "answered",
    "type",
    "at",
    "times",
)


def mutated(lines: list[str], dice: random.Random) -> str:
    """The example with a few values, keys or lines changed."""
    found = list(lines)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(found))
        line = found[at]
        way = dice.randrange(5)
        if way == 0:
            del found[at]
        elif way == 1 and ": " in line:
            found[at] = line.partition(": ")[0] + ": " + dice.choice(VALUES)
        elif way == 2 and "{" in line:
            before, _, after = line.partition("{")
            found[at] = f"{before}{{{dice.choice(KEYS)}: {dice.choice(VALUES)}, {after}"
        elif way == 3:
            found.insert(at, " " * (len(line) - len(line.lstrip())) + f"{dice.choice(KEYS)}: {dice.choice(VALUES)}")
        else:
            found[at] = line[: dice.randrange(len(line) + 1)]
    return "\n".join(found)


@pytest.mark.parametrize("seed", range(4))
def test_mutated_files(tmp_path: Path, seed: int) -> None:
    """In hundreds of mutated files, rules that load can be run, and so can their tests."""
    dice, lines = random.Random(seed), EXAMPLE.splitlines()
    for _ in range(50):
        rules, faults = load_rules([write(tmp_path, mutated(lines, dice))])
        assert all(fault.line >= 1 and fault.column >= 1 and fault.message for fault in faults)
        for one in rules:
            for place in range(len(one.rule.tests)):
                assert line_of(one, place) > 1


def line_of(one: Loaded, place: int) -> int:
    """The line of a test, or its fault."""
    caught = RuleError("", "tests", place)
    try:
        run_trial(one, place)
    except RuleError as error:
        caught = error
    return one.fault(caught).line
