"""Regular expressions of what a replay imports are compiled on first use (core/lazy_pattern.py): compiling all of them
took a tenth of the start.
"""

from __future__ import annotations

import ast

from tests.principles._source import name_of, trees_with, walk

# What a replay imports.
ROOMS = (
    "alerts", "core", "derived", "detectors", "dissectors", "engine", "evidence", "fingerprinting", "intel",
    "inventory", "posture", "records", "rules", "tables",
)  # fmt: skip


def _constants(tree: ast.Module) -> list[int]:
    """The lines at which the value of a constant calls ``re.compile``, also within a table."""
    values = [node.value for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign) and node.value]
    calls = [node for value in values for node in walk(value) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if ast.unparse(call.func) == "re.compile"]


def test_check_sees_constants() -> None:
    assert _constants(
        ast.parse("import re\nA = re.compile('a')\nB: object = re.compile('b')\nC = f()\nD = ((1, re.compile('d')),)")
    ) == [2, 3, 5]


def test_constants_are_compiled_on_first_use() -> None:
    found = [
        f"{name_of(path)}:{line}: write lazy_pattern(...)"
        for path, tree in trees_with(r"re\.compile", *ROOMS)
        for line in _constants(tree)
    ]
    assert not found, "\n".join(found)
