"""Tests assert codes and values instead of sentences, so that prose can be improved without touching them.

``sentences.yaml`` holds how many sentences the tests of each room still compare, rounded up to tens. A room may not
have more; where one has far fewer, its number is lowered. Golden files own the words of commands.
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
# From so many words on, a text that is compared is a sentence.
WORDS = 4
# A limit that is so far above the count is too high.
SLACK = 30


def is_sentence(text: str) -> bool:
    """SQL is none: it asks for values."""
    return " " in text and not text.startswith("SELECT ") and len(WORD.findall(text)) >= WORDS


def sentences(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of each sentence that an assertion compares with something, or looks for in something."""
    for assertion in (node for node in ast.walk(tree) if isinstance(node, ast.Assert)):
        for comparison in (node for node in ast.walk(assertion.test) if isinstance(node, ast.Compare)):
            for side in (comparison.left, *comparison.comparators):
                yield from (
                    (node.lineno, node.value)
                    for node in ast.walk(side)
                    if isinstance(node, ast.Constant) and isinstance(node.value, str) and is_sentence(node.value)
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
        ('assert base.asked("SELECT name FROM sensors WHERE state = 1") == []', []),
        ('assert "10.0.0.1 → 10.0.0.2" in result.out', []),
        ('text = "there is no such device"\nassert text', []),
    ],
)
def test_a_sentence_is_found_where_it_is_compared(code: str, lines: list[int]) -> None:
    assert [line for line, _ in sentences(ast.parse(code))] == lines
