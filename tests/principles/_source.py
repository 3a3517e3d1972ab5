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
    """All nodes but those without fields, such as ``Load``, in any order; in half the time of ``ast.walk``."""
    left = [tree]
    while left:
        node = left.pop()
        yield node
        for value in vars(node).values():
            if isinstance(value, list):
                left += [one for one in value if isinstance(one, ast.AST)]
            elif isinstance(value, ast.AST) and value._fields:
                left.append(value)


def trees_with(word: str) -> Iterator[tuple[Path, ast.Module]]:
    """The files that contain the word, and the syntax tree of each."""
    yield from ((path, tree_of(path)) for path in python_files() if word in path.read_text(encoding="utf-8"))


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
    for node in walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
