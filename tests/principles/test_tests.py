"""A test can fail: each asserts something, by itself or through a helper."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.principles._loops import may_assert_nothing
from tests.principles._source import ROOT, tree_of, walk

# Calls and context managers that can fail by themselves.
FAILS = {"raises", "warns", "fail", "check_returncode"}


def _name(func: ast.expr) -> str:
    """The last component of the called name: ``run`` of ``self.house.run()``."""
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def _names_called(function: ast.AST) -> set[str]:
    return {_name(node.func) for node in walk(function) if isinstance(node, ast.Call)}


def _asserts(function: ast.AST) -> bool:
    """Whether it asserts by itself; ``check=True`` of a subprocess is an assertion too."""
    return any(
        isinstance(node, ast.Assert | ast.Raise)
        or (isinstance(node, ast.Call) and _name(node.func) in FAILS)
        or (isinstance(node, ast.keyword) and node.arg == "check" and ast.unparse(node.value) == "True")
        for node in walk(function)
    )


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (node for node in walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def cannot_fail(functions: list[ast.FunctionDef | ast.AsyncFunctionDef]) -> list[str]:
    """Names of tests without an assertion, their own or that of a helper at any depth."""
    sure = {function.name for function in functions if _asserts(function)}
    calls = [(function.name, _names_called(function)) for function in functions]
    while more := {name for name, called in calls if name not in sure and called & sure}:
        sure |= more
    return [name for name, _ in calls if name.startswith("test_") and name not in sure]


def test_every_test_asserts_something() -> None:
    """The absence of an exception is no assertion: the result must be checked. An assertion in a loop is one only if
    the loop visibly has a round, or another assertion checks that it has.
    """
    functions, silent = [], []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        tree = tree_of(path)
        functions += _functions(tree)
        silent += [f"{path.relative_to(ROOT)}: {name}" for name in may_assert_nothing(tree)]
    assert len(functions) > 1000
    assert cannot_fail(functions) == []
    assert silent == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def test_it():\n    run()", ["test_it"]),
        ("def test_it():\n    for one in some():\n        one.run()", ["test_it"]),
        ("def test_it():\n    assert run()", []),
        ("def test_it():\n    with pytest.raises(OSError):\n        run()", []),
        ("def test_it():\n    subprocess.run(words, check=True)", []),
        ("def test_it():\n    subprocess.run(words, check=False)", ["test_it"]),
        ("def test_it():\n    self.deep()\ndef deep():\n    shallow()\ndef shallow():\n    assert 1", []),
    ],
)
def test_check_sees_a_test_that_cannot_fail(text: str, found: list[str]) -> None:
    assert cannot_fail(list(_functions(ast.parse(text)))) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("for one in some():\n        assert one", ["test_it"]),
        ("for one in some():\n        check(one)", ["test_it"]),
        ("for one in (1, 2):\n        assert one", []),
        ("for one in ():\n        assert one", ["test_it"]),
        ("for one in (1, 2):\n        for two in one.parts:\n            assert two", ["test_it"]),
        ("for at, one in enumerate(sorted(NAMES)):\n        assert one", []),
        ("names = [1]\n    for one in names:\n        assert one", []),
        ("names = [one for one in (1, 2) if one.odd]\n    for one in names:\n        assert one", ["test_it"]),
        ("names = some()\n    assert names\n    for one in names:\n        assert one", []),
        ("for one in {1: 2}.items():\n        assert one", []),
        ("for one in drawn(found(), 3, 'use'):\n        assert one", ["test_it"]),
        ("for one in NAMES - OTHERS:\n        assert one", ["test_it"]),
        ("for one in NAMES | found():\n        assert one", []),
        ("for one in zip('cd', 'ab'):\n        assert one", []),
        ("for one in zip(some(), 'ab'):\n        assert one", ["test_it"]),
    ],
)
def test_check_sees_loops_that_may_have_no_round(text: str, found: list[str]) -> None:
    tree = ast.parse(f"def check(one):\n    assert one\ndef test_it():\n    {text}")
    assert may_assert_nothing(tree) == found
