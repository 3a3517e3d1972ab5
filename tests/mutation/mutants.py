"""Mutants of a module: one small fault each, within the body of a function, of a kind that a review may miss."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

Change = Callable[[], None]

COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
CALCULATED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
    ast.Mod: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
JOINED = {ast.And: ast.Or, ast.Or: ast.And}


class Mutant(NamedTuple):
    """``number``: which change of the module it is; ``function``: the qualified name of its outermost function, and
    ``first``: the first line of that (decorators included).
    """

    path: Path
    number: int
    function: str
    first: int
    line: int
    what: str


def mutants(path: Path) -> list[Mutant]:
    """All mutants of a module."""
    return [
        Mutant(path, number, function, first, line, what)
        for number, (function, first, line, what, _) in enumerate(_changes(_tree(path)))
    ]


def changed(mutant: Mutant) -> ast.Module:
    """The module with the fault in it."""
    tree = _tree(mutant.path)
    for number, (*_, change) in enumerate(_changes(tree)):
        if number == mutant.number:
            change()
            return ast.fix_missing_locations(tree)
    raise LookupError(f"{mutant.path} has no change {mutant.number}")


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _changes(tree: ast.Module) -> Iterator[tuple[str, int, int, str, Change]]:
    """The order is fixed, since mutants are numbered by it. Nodes are listed first, so that no change is mutated."""
    for function, name in _functions(tree, ""):
        first = min([function.lineno, *(one.lineno for one in function.decorator_list)])
        for node, parts in list(_bodies(function)):
            for what, change in _of(node, parts):
                yield name, first, getattr(node, "lineno", function.lineno), what, change


def _functions(tree: ast.AST, within: str) -> Iterator[tuple[ast.FunctionDef, str]]:
    """Outermost functions and methods; nested ones belong to them."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield node, within + node.name
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{within}{node.name}.")
        elif isinstance(node, ast.If | ast.Try):
            yield from _functions(node, within)


def _bodies(function: ast.FunctionDef) -> Iterator[tuple[ast.AST, list[ast.stmt]]]:
    """Each node below the statements of a function, with its block; annotations are excluded."""
    for statement in function.body:
        yield from _below(statement, function.body)


def _below(node: ast.AST, block: list[ast.stmt]) -> Iterator[tuple[ast.AST, list[ast.stmt]]]:
    yield node, block
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "args", "decorator_list"} and not isinstance(node, ast.Call):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _below(child, value if isinstance(child, ast.stmt) else block)


def _of(node: ast.AST, block: list[ast.stmt]) -> Iterator[tuple[str, Change]]:
    """The changes of one node."""
    if isinstance(node, ast.Compare):
        yield from _operators(node.ops, COMPARED)
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in CALCULATED:
        yield _operator(node, CALCULATED)
    elif isinstance(node, ast.BoolOp):
        yield _operator(node, JOINED)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        other = not node.value if isinstance(node.value, bool) else node.value + 1
        yield f"{node.value} becomes {other}", lambda: setattr(node, "value", other)
    elif isinstance(node, ast.If | ast.While | ast.IfExp) and not isinstance(node.test, ast.Compare | ast.BoolOp):
        negated = ast.UnaryOp(ast.Not(), node.test)
        yield f"not ({ast.unparse(node.test)})", lambda: setattr(node, "test", negated)
    elif isinstance(node, ast.Return) and node.value is not None and ast.unparse(node.value) != "None":
        yield f"{ast.unparse(node)} becomes return None", lambda: setattr(node, "value", ast.Constant(None))
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield f"{ast.unparse(node)} is left out", lambda: block.__setitem__(block.index(node), ast.Pass())


def _operators(ops: list[ast.cmpop], others: dict[type[ast.AST], type[ast.AST]]) -> Iterator[tuple[str, Change]]:
    for at, op in enumerate(ops):
        other = others[type(op)]
        what = f"{type(op).__name__} becomes {other.__name__}"
        yield what, lambda at=at, other=other: ops.__setitem__(at, other())  # type: ignore[misc]


def _operator(node: ast.AST, others: dict[type[ast.AST], type[ast.AST]]) -> tuple[str, Change]:
    op = node.op  # type: ignore[attr-defined]
    other = others[type(op)]
    return f"{type(op).__name__} becomes {other.__name__}", lambda: setattr(node, "op", other())
