"""Principle 5: the program has one blanket handler, around the calls of units. Unexpected errors
elsewhere are visible.
"""

from __future__ import annotations

import ast
import re

from tests.principles._source import kernels, name_of, trees_with, walk

BLANKET = {"Exception", "BaseException"}
# Only files with such text are parsed.
CATCHES = r"\bexcept\b\s*\*?(?:[^:]*\b(?:Base)?Exception\b[^:]*)?:"
SUPPRESSES = r"(?s)\bsuppress\(.*\b(?:Base)?Exception\b"

# Not handled but passed on: caught in one thread, raised in the thread that waits for it.
CARRIERS = ["sensor/engine/read_ahead.py:_read"]


def _is_blanket(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in BLANKET) for kind in kinds)


def _raises_again(handler: ast.ExceptHandler) -> bool:
    """It cleans up and raises again: the error is not lost."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _handlers(tree: ast.AST) -> list[str]:
    """The function of each handler that does not raise again."""
    functions = [node for node in walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)] or [tree]
    return [
        getattr(function, "name", "module")
        for function in functions
        for node in walk(function)
        if isinstance(node, ast.ExceptHandler) and _is_blanket(node) and not _raises_again(node)
    ]


def test_no_python_file_catches_everything() -> None:
    """There is no `except Exception`, `except BaseException` or bare `except` without a raise."""
    found = [f"{name_of(path)}:{function}" for path, tree in trees_with(CATCHES) for function in _handlers(tree)]
    assert sorted(found) == CARRIERS


def test_exactly_one_blanket_handler_in_the_boundary() -> None:
    """Of all kernels only boundary.pyx has one, exactly once."""
    blanket = re.compile(r"^\s*except(\s+(Base)?Exception\b.*)?:", re.MULTILINE)
    assert {name_of(path): len(found) for path in kernels() if (found := blanket.findall(path.read_text()))} == {
        "sensor/boundary.pyx": 1
    }


def test_errors_are_not_suppressed_wholesale() -> None:
    """`contextlib.suppress(Exception)` would be a blanket handler too."""
    violations = [
        f"{name_of(path)}:{node.lineno}"
        for path, tree in trees_with(SUPPRESSES)
        for node in walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith("suppress")
        and any(ast.unparse(arg) in BLANKET for arg in node.args)
    ]
    assert not violations


def test_check_sees_each_form() -> None:
    """The check finds each form, also in a tuple."""
    for kind in ("", " Exception", " BaseException as e", " (ValueError, Exception)"):
        text = f"try:\n    pass\nexcept{kind}:\n    pass"
        assert _handlers(ast.parse(text))
        assert re.search(CATCHES, text)
        assert not _handlers(ast.parse(f"try:\n    pass\nexcept{kind}:\n    tidy()\n    raise"))
    assert not _handlers(ast.parse("try:\n    pass\nexcept ValueError:\n    pass"))
