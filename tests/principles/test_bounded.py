"""Principle 6: state that hosts can make grow is bounded. Containers that live as long as a detector or the inventory
come from sensor.core.bounded.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.principles._source import name_of, trees_with, walk

ROOMS = (
    "core",
    "counting",
    "detectors",
    "inventory",
    "rules",
    "alerts/aggregation",
    "alerts/processor",
    "alerts/incidents",
    "alerts/scoring",
    "engine/passive_dns",
    "boundary",
)
GROWS = {"dict", "set", "list", "defaultdict", "OrderedDict", "Counter", "deque", "bytearray"}

# file:Class.attribute -> the reason why it cannot grow without end
ALLOWED = {
    "sensor/core/named_tables.py:NamedTables._tables": "one for each table of a unit, named in code",
    "sensor/core/named_tables.py:NamedTables._units": "the same",
    "sensor/counting/changes.py:Changes._once": "one for each way of reading; gone with the batch",
    "sensor/counting/changes.py:Changes._kinds": "one for each kind; gone with the batch",
    "sensor/inventory/foreign_list.py:Index._by": "the columns and names of an operator's list, for one command",
    "sensor/inventory/sightings.py:Sightings._waiting": "WAITING entries, those that come later are not kept",
    "sensor/inventory/table.py:Table.by_mac": "one for each record, and records are bounded; remove() takes it away",
    "sensor/inventory/table.py:Table.due": "records with news, removed when reported",
    "sensor/inventory/table.py:Table.ids": "one for each record that was reported",
    "sensor/inventory/table.py:Table.keys": "one for each record that was reported",
    "sensor/inventory/table.py:Table.corrections": "values set by the operator, not by peers",
    "sensor/inventory/journal.py:Journal.changed": "records that are devices, taken away with them",
    "sensor/inventory/journal.py:Journal.seen": "the same",
    "sensor/inventory/table.py:Table.departed": "emptied at every report",
    "sensor/inventory/changes.py:Changes._pauses": "the newest 64",
}


def _grows(value: ast.expr) -> bool:
    """An empty container, or a comprehension: a container that is filled later or from data."""
    if isinstance(value, ast.Dict):
        return not value.keys
    if isinstance(value, ast.List):
        return not value.elts
    if isinstance(value, ast.Call):
        name = ast.unparse(value.func).split("[")[0].rsplit(".", 1)[-1]
        return (
            name in GROWS
            and not any(keyword.arg == "maxlen" for keyword in value.keywords)
            and (name in ("defaultdict", "Counter") or not value.args)
        )
    return False


def _assigned(init: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """(attribute, value) of each ``self.x = value``, tuples unpacked."""
    for node in walk(init):
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            pairs = [(node.target, node.value)]
        elif isinstance(node, ast.Assign):
            pairs = []
            for target in node.targets:
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs += zip(target.elts, node.value.elts, strict=True)
                else:
                    pairs.append((target, node.value))
        else:
            continue
        yield from (
            (target.attr, value)
            for target, value in pairs
            if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self"
        )


def growing(path: Path, tree: ast.AST) -> list[str]:
    """file:Class.attribute of every unbounded container in a constructor."""
    return [
        f"{name_of(path)}:{owner.name}.{attribute}"
        for owner in walk(tree)
        if isinstance(owner, ast.ClassDef)
        for method in owner.body
        if isinstance(method, ast.FunctionDef) and method.name == "__init__"
        for attribute, value in _assigned(method)
        if _grows(value)
    ]


def test_no_state_grows_without_end() -> None:
    """Constructors have no plain containers except those listed with a reason; entries of removed containers are
    removed.
    """
    assert {name for path, tree in trees_with("def __init__", *ROOMS) for name in growing(path, tree)} == ALLOWED.keys()


@pytest.mark.parametrize(
    "value",
    [
        "{}",
        "[]",
        "set()",
        "dict()",
        "defaultdict(list)",
        "collections.deque()",
        "OrderedDict()",
        "dict[int, int]()",
        "Counter()",
    ],
)
def test_check_sees_each_kind(value: str) -> None:
    """The check finds plain containers, annotated ones and those in tuples too."""
    for line in (f"self.x = {value}", f"self.x: object = {value}", f"self.y, self.x = 1, {value}"):
        assert growing(Path(__file__), ast.parse(f"class A:\n    def __init__(self):\n        {line}")), line
    assert not growing(
        Path(__file__),
        ast.parse("class A:\n    def __init__(self):\n        self.x = deque(maxlen=3)\n        self.y = Bounded(3)"),
    )
