"""Files and functions stay short enough to be read as a whole."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.principles._source import kernels, name_of, python_files, tree_of

FILE_LINES, FUNCTION_LINES = 400, 40
# A generated table of numbers.
LONG_KERNELS = {"sensor/native/kinds.pxd": 700}


def long_functions(tree: ast.AST) -> Iterator[tuple[int, str, int]]:
    """(line, name, lines) of functions and methods that are too long, docstring included, decorators not."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield node.lineno, node.name, lines


def test_no_file_is_too_long() -> None:
    lines = {name_of(path): path.read_text(encoding="utf-8").count("\n") for path in python_files() + kernels()}
    assert len(lines) > 1000
    assert {name: count for name, count in lines.items() if count > LONG_KERNELS.get(name, FILE_LINES)} == {}


def test_no_function_is_too_long() -> None:
    found = [
        f"{name_of(path)}:{line}: {name}: {lines} lines, at most {FUNCTION_LINES}"
        for path in python_files()
        for line, name, lines in long_functions(tree_of(path))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("head", "indent"),
    [("def read():", ""), ("async def read():", ""), ("class Reader:\n    @property\n    def read(self):", "    ")],
)
def test_a_function_is_counted_from_its_name_to_its_end(head: str, indent: str) -> None:
    most = f"{head}\n" + f"{indent}    x = 1\n" * (FUNCTION_LINES - 1)
    assert list(long_functions(ast.parse(most))) == []
    line = head.count("\n") + 1
    assert list(long_functions(ast.parse(f"{most}{indent}    x = 1\n"))) == [(line, "read", FUNCTION_LINES + 1)]


def test_a_function_inside_another_counts_for_both() -> None:
    inner = "    def inner():\n" + "        x = 1\n" * FUNCTION_LINES
    assert [name for _, name, _ in long_functions(ast.parse(f"def outer():\n{inner}"))] == ["outer", "inner"]
