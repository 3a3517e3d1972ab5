"""Files and functions stay short enough to be read as a whole."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.principles._source import kernels, name_of, python_files, walk, without_texts

FILE_LINES, FUNCTION_LINES, COLUMNS = 400, 40, 120
# A generated table of numbers.
LONG_KERNELS = {"sensor/native/kinds.pxd": 700}
_DEFINITION = re.compile(r"( *)(?:async +)?(def|class)\b")


def long_functions(tree: ast.AST) -> Iterator[tuple[int, str, int]]:
    """(line, name, lines) of functions and methods that are too long, docstring included, decorators not."""
    for node in walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield node.lineno, node.name, lines


def may_be_long(text: str) -> bool:
    """Whether the next definition that is not inside a function, or the end of the file, is too far away. Few files
    need to be parsed.
    """
    lines = without_texts(text).splitlines()
    ends = [(len(lines), 0)]
    for line in range(len(lines) - 1, -1, -1):
        if found := _DEFINITION.match(lines[line]):
            while ends[-1][1] > len(found[1]):
                ends.pop()
            if found[2] == "def" and ends[-1][0] - line > FUNCTION_LINES:
                return True
            ends.append((line, len(found[1])))
    return False


def test_no_file_is_too_long() -> None:
    lines = {name_of(path): path.read_text(encoding="utf-8").count("\n") for path in python_files() + kernels()}
    assert len(lines) > 1000
    assert {name: count for name, count in lines.items() if count > LONG_KERNELS.get(name, FILE_LINES)} == {}


def test_no_line_of_a_kernel_is_too_long() -> None:
    """Ruff reads Python only."""
    found = [
        f"{name_of(path)}:{number}: {len(line)} columns"
        for path in kernels()
        if name_of(path) not in LONG_KERNELS
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > COLUMNS
    ]
    assert not found, "\n".join(found)


def test_no_function_is_too_long() -> None:
    found = [
        f"{name_of(path)}:{line}: {name}: {lines} lines, at most {FUNCTION_LINES}"
        for path in python_files()
        if may_be_long(text := path.read_text(encoding="utf-8"))
        for line, name, lines in long_functions(ast.parse(text))
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
    more = f"{most}{indent}    x = 1\n"
    assert list(long_functions(ast.parse(more))) == [(line, "read", FUNCTION_LINES + 1)]
    after = f"{indent}def other():\n{indent}    x = 1\n"
    assert [may_be_long(text) for text in (most, most + after, more, more + after)] == [False, False, True, True]


def test_a_function_inside_another_counts_for_both() -> None:
    inner = "    def inner():\n" + "        x = 1\n" * FUNCTION_LINES
    text = f"def outer():\n{inner}"
    assert [name for _, name, _ in long_functions(ast.parse(text))] == ["outer", "inner"]
    assert may_be_long(text)
    assert may_be_long("def outer():\n    def inner():\n        x = 1\n" + "    x = 1\n" * FUNCTION_LINES)
