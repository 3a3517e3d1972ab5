"""Helpers of the principle tests: the modules of the sensor as syntax trees, and their imports."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SENSOR = ROOT / "sensor"

# Imports of a kernel are at the left margin, one a line, or as `from x cimport (` over several; only the module name
# is used here.
_KERNEL_IMPORT = re.compile(r"^(?:from\s+([\w.]+)\s+c?import|c?import\s+([\w.]+))", re.MULTILINE)

# Fields of syntax nodes with names, numbers, constants, and nodes that have no fields themselves.
_PLAIN = frozenset(
    (
        "arg asname attr conversion ctx id is_async kind kwd_attrs level module name op ops rest simple tag "
        "type_comment"
    ).split()
)
_CONSTANT: tuple[type[ast.AST], ...] = (ast.Constant, ast.MatchSingleton, ast.Global, ast.Nonlocal)
_CHILDREN: dict[type[ast.AST], list[str]] = {
    kind: [name for name in kind._fields if name not in _PLAIN and kind not in _CONSTANT]
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
# Statements of Python, at the beginning of a line; texts of several lines may contain such lines.
_IMPORT = re.compile(r"^[ \t]*(?:from\s+[\w.]+\s+import\b\s*(?:\([^)]*\)|[^\n(]*)|import\s[^\n]*)", re.MULTILINE)
_TEXT = re.compile(r'"{3}(?:[^"\\]|\\.|"(?!""))*"{3}', re.DOTALL)


def python_files(*rooms: str) -> list[Path]:
    """Every .py file below sensor/, or below the given rooms (folders, or modules without .py)."""
    return _files(rooms, ".py")


def kernels(*rooms: str) -> list[Path]:
    """Every .pyx and .pxd file."""
    return _files(rooms, ".pyx") + _files(rooms, ".pxd")


def _files(rooms: tuple[str, ...], suffix: str) -> list[Path]:
    if not rooms:
        return sorted(SENSOR.rglob(f"*{suffix}"))
    gone = [room for room in rooms if not (SENSOR / room).is_dir() and not [*SENSOR.glob(f"{room}.p*")]]
    assert not gone, f"no such rooms, so that nothing would be checked: {gone}"
    return sorted(
        path
        for room in rooms
        for path in [*(SENSOR / room).rglob(f"*{suffix}"), SENSOR / f"{room}{suffix}"]
        if path.is_file()
    )


def name_of(path: Path) -> str:
    """The path as users write it: ``sensor/core/packet.pyx``."""
    return path.relative_to(ROOT).as_posix()


def room_of(path: Path) -> str:
    """The first component below sensor/: a folder, or a top-level module (``pipeline``). The package itself is
    ``sensor``.
    """
    first = path.relative_to(SENSOR).parts[0].split(".")[0]
    return "sensor" if first == "__init__" else first


def tree_of(path: Path) -> ast.Module:
    """The syntax tree, parsed again for each caller: those of all files together take 200 MB."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def walk(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those without fields, such as ``Load``, in any order; in a third of the time of ``ast.walk``."""
    left: list[ast.AST | None] = [tree]
    while left:
        if (node := left.pop()) is None:  # a missing default, or the key of ``**more``
            continue
        yield node
        for name in _CHILDREN[type(node)]:
            value = getattr(node, name)
            if type(value) is list:
                left += value
            else:
                left.append(value)


def trees_with(pattern: str, *rooms: str) -> Iterator[tuple[Path, ast.Module]]:
    """The files, of these rooms, in which the regular expression matches, and the syntax tree of each."""
    matches = re.compile(pattern).search
    for path in python_files(*rooms):
        if matches(text := path.read_text(encoding="utf-8")):
            yield path, ast.parse(text, str(path))


@functools.cache
def imports(path: Path) -> list[tuple[int, str]]:
    """(line, full dotted name) of all imports of a module, also nested ones; ``from a import b`` gives ``a.b``."""
    return sorted(_imports(path))


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    if path.suffix != ".py":
        text = path.read_text(encoding="utf-8")
        for found in _KERNEL_IMPORT.finditer(text):
            yield text.count("\n", 0, found.start()) + 1, found[1] or found[2]
        return
    yield from imports_of(path.read_text(encoding="utf-8"))


def imports_of(text: str) -> Iterator[tuple[int, str]]:
    """The imports of Python source. Only they are parsed, which takes a tenth of the time of the whole source."""
    text = without_texts(text)
    for found in _IMPORT.finditer(text):
        first = text.count("\n", 0, found.start())
        for node in ast.parse(found[0].strip()).body:
            assert isinstance(node, ast.Import | ast.ImportFrom), found[0]
            base = "" if isinstance(node, ast.Import) else "." * node.level + (node.module or "") + "."
            yield from ((first + node.lineno, f"{base}{alias.name}") for alias in node.names)


def without_texts(text: str) -> str:
    """Python source with empty lines for those of its docstrings and other texts of several lines."""
    return _TEXT.sub(lambda found: '""' + "\n" * found[0].count("\n"), text)
