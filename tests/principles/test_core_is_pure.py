"""Principle 3: the core has no clock, socket, file or output. Packet time drives it, so that a replay equals the live
run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.principles._source import imports, kernels, name_of, python_files, trees_with, walk

ROOMS = (
    "core",
    "counting",
    "decode",
    "dissectors",
    "detectors",
    "fingerprinting",
    "inventory",
    "alerts/aggregation",
    "alerts/processor",
    "alerts/incidents",
    "alerts/scoring",
    "boundary",
    "engine/dissection",
    "engine/passive_dns",
    "engine/pipeline",
    "rules",
)

MODULES = set(
    (
        "time socket ssl select selectors asyncio threading multiprocessing subprocess random secrets tempfile logging"
    ).split()
)
CALLS = {"open", "print", "input", "breakpoint", "exec", "eval"}
CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "uuid.uuid1", "uuid.uuid4"}
DOTTED = CLOCKS | {"os.environ", "os.getenv", "os.urandom", "os.open", "sys.stdout", "sys.stderr"}
FILE_METHODS = {"read_text", "read_bytes", "write_text", "write_bytes"}
# Only files with such text are parsed.
_ATTRIBUTES = sorted(FILE_METHODS | {name.rpartition(".")[2] for name in DOTTED})
USES = rf"\b(?:{'|'.join(sorted(CALLS))})\s*\(|\.\s*(?:{'|'.join(_ATTRIBUTES)})\b"

# Fingerprints are loaded once, before the first packet.
MAY_READ_FILES = {
    "sensor/fingerprinting/oui.py": "the registry of MAC prefixes, whose entries are read when needed",
    "sensor/fingerprinting/folder_cache.py": "keeps what was read of fingerprints/ for the next start",
    "sensor/inventory/store/database.py": "the store is the file beside the core; only the daemon and commands use it",
    "sensor/inventory/store/replacing.py": "puts a store in the place of another, with all others locked out",
}


def _dotted(node: ast.expr) -> str:
    """``a.b.c`` of an attribute chain; empty if it does not begin with a name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def impure(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, name) of every use of a clock, a file, the environment or the screen."""
    for node in walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            yield node.lineno, f"{node.func.id}()"
        elif isinstance(node, ast.Attribute):
            if any(_dotted(node) == name or _dotted(node).endswith("." + name) for name in DOTTED):
                yield node.lineno, _dotted(node)
            elif node.attr in FILE_METHODS:
                yield node.lineno, f".{node.attr}"


def test_core_asks_the_world_nothing() -> None:
    """No module of the core uses a clock, files, the environment, random numbers or output, except as listed; all
    entries are used.
    """
    found = {name_of(path): list(impure(tree)) for path, tree in trees_with(USES, *ROOMS)}
    assert {name for name, uses in found.items() if uses} == MAY_READ_FILES.keys()


def test_core_imports_no_world() -> None:
    """The core does not import modules for these either."""
    assert [
        f"{name_of(path)}:{line} {name}"
        for path in python_files(*ROOMS) + kernels()
        for line, name in imports(path)
        if name.split(".")[0] in MODULES
    ] == []


@pytest.mark.parametrize(
    "text",
    [
        "open('x')",
        "print(1)",
        "datetime.datetime.now()",
        "datetime.now(tz=UTC)",
        "os.environ['A']",
        "Path('x').read_text()",
    ],
)
def test_check_sees_each_kind(text: str) -> None:
    """The check finds each kind of use."""
    assert list(impure(ast.parse(text)))
    assert re.search(USES, text)
