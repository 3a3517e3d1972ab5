"""Golden files of tests (tests/golden.py) contain only texts that a test compares."""

from __future__ import annotations

import ast

import pytest

from tests.golden import Golden, file_of, stored
from tests.principles._source import ROOT, tree_of, walk


def test_every_entry_belongs_to_a_test() -> None:
    paths = sorted((ROOT / "tests").rglob("golden/test_*.yaml"))
    assert paths
    for path in paths:
        module = path.parent.parent / f"{path.stem}.py"
        assert file_of(module) == path
        functions = [node for node in walk(tree_of(module)) if isinstance(node, ast.FunctionDef)]
        names = {one.name for one in functions if any(each.arg == "golden" for each in one.args.args)}
        assert {name.partition("[")[0] for name in stored(path)} == names


def test_a_text_is_compared_in_its_place() -> None:
    """Another, an additional and a missing text are differences; paths of the run are not."""
    base = ROOT / "run"
    one = Golden(ROOT / "no.yaml", "test_one", base)
    one.expected = [["found 1"], "RUN: 2"]
    one("said\nfound 1\n", "found")
    one(f"{base}/test_one0: 2")
    one.end()
    with pytest.raises(AssertionError):
        one("more")
    other = Golden(ROOT / "no.yaml", "test_one", base)
    other.expected = ["text", "and more"]
    with pytest.raises(AssertionError):
        other("another text")
    with pytest.raises(AssertionError):
        other.end()
