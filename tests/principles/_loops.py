"""Whether a loop of a test visibly has a round: otherwise its assertions may never run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from tests.principles._source import walk

# Functions that return something for every argument, and the reason.
NEVER_EMPTY = {
    "permutations": "has one item without arguments",
    "packets": "asserts that the capture has packets with a payload",
    "python_files": "asserts that the room has files",
    "every_picture": "returns a list of five pictures",
    "range": "its argument is a number in the text of a test",
}
# Functions that have items if their first argument has some, and methods that have as many as their object.
ALIKE = {"enumerate", "sorted", "reversed", "list", "tuple", "set", "some", "drawn", "iter"}
# Functions that have no item if one of their arguments has none.
TOGETHER = {"zip", "product"}
PARTS = {"items", "values", "keys", "split", "splitlines"}


def name_of(node: ast.expr) -> str:
    """The last component of a dotted name; empty for other expressions."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def has_items(node: ast.expr, names: set[str]) -> bool:
    """Whether an expression visibly has items. ``names``: variables that do; constants are checked where they are
    made.
    """
    match node:
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return any(not isinstance(part, ast.Starred) or has_items(part.value, names) for part in parts)
        case ast.Dict(keys=keys):
            return bool(keys)
        case ast.Constant(value=value):
            return bool(value)
        case ast.Name(id=name):
            return name.isupper() or name in names
        case ast.Attribute(value=value, attr=name):
            return name.isupper() or name_of(value).isupper()
        case ast.BinOp(left=left, op=ast.Add() | ast.BitOr(), right=right):
            return has_items(left, names) or has_items(right, names)
        case ast.Subscript(value=value):
            return has_items(value, names)
        case ast.ListComp(generators=loops) | ast.GeneratorExp(generators=loops):
            return all(has_items(loop.iter, names) and not loop.ifs for loop in loops)
        case ast.Call(func=func, args=arguments):
            return _call_has_items(func, arguments, names)
    return False


def _call_has_items(func: ast.expr, arguments: list[ast.expr], names: set[str]) -> bool:
    if isinstance(func, ast.Attribute) and func.attr in PARTS:
        return has_items(func.value, names)
    name, parts = name_of(func), [has_items(argument, names) for argument in arguments]
    if name in ALIKE:
        return any(parts[:1])
    return name in NEVER_EMPTY or (name == "chain" and any(parts)) or (name in TOGETHER and all(parts))


def names_with_items(nodes: Iterable[ast.AST], names: set[str]) -> set[str]:
    """``names``, and the variables that get a value that visibly has items."""
    found = set(names)
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                found |= {name_of(one) for one, value in _pairs(target, node.value) if has_items(value, found)}
    return found


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        yield from zip(target.elts, value.elts, strict=True)
    else:
        yield target, value


def loops_of_assertions(
    node: ast.AST, helpers: set[str], around: tuple[ast.For, ...] = ()
) -> Iterator[tuple[ast.For, ...]]:
    """The loops around each assertion. ``helpers``: functions of the module that assert."""
    for child in ast.iter_child_nodes(node):
        loops = (*around, node) if isinstance(node, ast.For) and child in node.body else around
        if isinstance(child, ast.Assert) or (isinstance(child, ast.Call) and name_of(child.func) in helpers):
            yield loops
        yield from loops_of_assertions(child, helpers, loops)


def may_assert_nothing(tree: ast.Module) -> list[str]:
    """Names of tests whose assertions are all in loops that may have no round."""
    functions = [node for node in walk(tree) if isinstance(node, ast.FunctionDef)]
    helpers = {"raises", "fail"} | {
        one.name for one in functions if any(isinstance(node, ast.Assert) for node in walk(one))
    }
    of_module = names_with_items(tree.body, set())
    found = []
    for test in (one for one in functions if one.name.startswith("test_")):
        places = []
        for place in loops_of_assertions(test, helpers):
            places.append(place)
            if not place:
                break
        if not places or () in places:
            continue
        names = names_with_items(walk(test), of_module)
        if not any(all(has_items(loop.iter, names) for loop in loops) for loops in places):
            found.append(test.name)
    return found
