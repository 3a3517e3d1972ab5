"""Tests assert codes and values instead of sentences, so that prose can be improved without touching them.

``sentences.yaml`` holds how many sentences the tests of each room still compare, above ten rounded up to tens. A room
may not have more; where one has far fewer, its number is lowered. Golden files own the words of commands.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.principles._source import ROOT, tree_of

LIMITS: dict[str, int] = yaml.safe_load(Path(__file__).with_name("sentences.yaml").read_text(encoding="utf-8"))
WORD = re.compile(r"[A-Za-z][A-Za-z'-]+")
# From so many words on, a text that is compared is a sentence; names of products and headings have none of these words.
WORDS = 4
FUNCTION_WORDS = frozenset(
    "the a an is are was were be been of to not no in it its by and or with for from has have had this that cannot can "
    "found expected on at as than which who what if unless until does do did".split()
)
# What a text quotes is not its own: code, values, paths, options.
QUOTED = re.compile(r"""`[^`\n]*`|'[^'\n]*'|"[^"\n]*"|(?<!\S)/\S+|(?<!\S)--?[a-z]\S*""")
# Rows of a table are aligned.
COLUMNS = re.compile(r"\S {2,}\S")
# Functions of texts whose argument is compared; the arguments of all others are input.
COMPARING = frozenset(("startswith", "endswith", "index", "find", "count", "join", "sorted", "list", "set", "dict"))
# A limit that is so far above the count is too high.
SLACK = 20


def is_sentence(text: str) -> bool:
    """Neither a value, nor a row of a table, nor SQL, which asks for values."""
    if " " not in text or text.startswith("SELECT ") or COLUMNS.search(text):
        return False
    words = WORD.findall(QUOTED.sub(" ", text))
    return len(words) >= WORDS and not FUNCTION_WORDS.isdisjoint(words)


def compared(node: ast.AST) -> Iterator[ast.Constant]:
    """The constants of one side of a comparison, without what a function or a subscript gets as its input."""
    if isinstance(node, ast.Constant):
        yield node
    elif isinstance(node, ast.Subscript):
        yield from compared(node.value)
    elif isinstance(node, ast.Call) and not _compares(node.func):
        yield from compared(node.func)
    else:
        for child in ast.iter_child_nodes(node):
            yield from compared(child)


def _compares(function: ast.expr) -> bool:
    """Whether the arguments are a part of what is compared; those of a class are (``Fault("…")``)."""
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in COMPARING or name[:1].isupper()


def sentences(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of each sentence that an assertion compares with something, or looks for in something."""
    for assertion in (node for node in ast.walk(tree) if isinstance(node, ast.Assert)):
        for comparison in (node for node in ast.walk(assertion.test) if isinstance(node, ast.Compare)):
            for side in (comparison.left, *comparison.comparators):
                yield from (
                    (node.lineno, node.value)
                    for node in compared(side)
                    if isinstance(node.value, str) and is_sentence(node.value)
                )


def test_no_room_compares_more_sentences() -> None:
    found = Counter[str]()
    for path in sorted((ROOT / "tests").rglob("*.py")):
        room = path.relative_to(ROOT / "tests").parts[0]
        found[room] += sum(1 for _ in sentences(tree_of(path)))
    more = {room: count for room, count in found.items() if count > LIMITS.get(room, 0)}
    assert more == {}, "assert an error code, an exit code or a JSON value instead"
    assert {room: limit for room, limit in LIMITS.items() if limit >= found[room] + SLACK} == {}, "lower the limit"


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ('assert "there is no such device" in result.err', [1]),
        ('assert (result.code, result.out) == (0,\n"no rules are installed")', [2]),
        ('assert result.errors == ("device.unknown",)', []),
        ('assert base.queried("SELECT name FROM sensors WHERE state = 1") == []', []),
        ('assert "10.0.0.1 → 10.0.0.2" in result.out', []),
        ('assert parsed("PASS is not my password") == 1', []),
        ('assert fault == Fault(3, "this is not a list")', [1]),
        ('assert text.startswith("this is not a list") is True', [1]),
        ('assert agent == "Front Door Camera Firmware 1.2"', []),
        ('assert rows == ["alert-1  10.0.0.1  the scanner of the site"]', []),
        ('assert advice == "`sensor mute add --detector of it`"', []),
        ('text = "there is no such device"\nassert text', []),
    ],
)
def test_a_sentence_is_found_where_it_is_compared(code: str, lines: list[int]) -> None:
    assert [line for line, _ in sentences(ast.parse(code))] == lines
