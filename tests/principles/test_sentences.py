"""Tests assert codes and values instead of sentences, so that prose can be improved without touching them.

Golden files own the prose of the product. What a test sends is data and may be compared: a text of its module, or of a
module of tests that it imports (an operator's comment, a line of a feed), and the value of an observation, which a peer
sent (``("ftp.banner", "Welcome to ...")``).
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.principles._source import ROOT, tree_of

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
# Kinds of observations begin with the protocol.
PROTOCOLS = frozenset(path.stem for path in (ROOT / "sensor" / "dissectors").iterdir())
KIND = re.compile(r"([a-z0-9_]+)(\.[a-z0-9_]+)+")


def is_sentence(text: str, sent: str = "") -> bool:
    """Neither a value, nor a row of a table, nor SQL, which asks for values, nor a part of what the test sends."""
    if " " not in text or text.startswith("SELECT ") or COLUMNS.search(text) or text.strip() in sent:
        return False
    words = WORD.findall(QUOTED.sub(" ", text))
    return len(words) >= WORDS and not FUNCTION_WORDS.isdisjoint(words)


def compared(node: ast.AST) -> Iterator[ast.Constant]:
    """The constants of one side of a comparison, without what a function or a subscript gets as its input."""
    if isinstance(node, ast.Constant):
        yield node
    elif isinstance(node, ast.Tuple) and any(map(_is_kind, node.elts)):
        return
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


def _is_kind(node: ast.expr) -> bool:
    """The kind of an observation, whose value stands in the same tuple."""
    text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    return (kind := KIND.fullmatch(text)) is not None and kind[1] in PROTOCOLS


def sent(tree: ast.AST) -> Iterator[str]:
    """Texts of a module that no assertion compares, without docstrings and without the cases of a test, which hold what
    it expects as well.
    """
    if isinstance(tree, ast.Constant):
        yield from [tree.value] if isinstance(tree.value, str) else []
    elif isinstance(tree, ast.Compare):
        yield from (text for call in _calls(tree) for argument in call.args for text in sent(argument))
    elif not (isinstance(tree, ast.Expr) and isinstance(tree.value, ast.Constant)) and not _is_cases(tree):
        yield from (text for child in ast.iter_child_nodes(tree) for text in sent(child))


def _calls(comparison: ast.Compare) -> Iterator[ast.Call]:
    """Functions of a comparison whose arguments are input."""
    return (node for node in ast.walk(comparison) if isinstance(node, ast.Call) and not _compares(node.func))


def _is_cases(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "parametrize"


@functools.cache
def sent_by(path: Path) -> str:
    """What a module of tests, and those that it imports, send: a line each."""
    tree = tree_of(path)
    imported = (node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module)
    paths = (ROOT / f"{name.replace('.', '/')}.py" for name in imported if name.startswith("tests."))
    trees = [tree, *(tree_of(one) for one in paths if one.exists())]
    return "\n".join(text for one in trees for text in sent(one))


def sentences(tree: ast.AST, sent_texts: str = "") -> Iterator[tuple[int, str]]:
    """Line and text of each sentence that an assertion compares with something, or looks for in something."""
    for assertion in (node for node in ast.walk(tree) if isinstance(node, ast.Assert)):
        for comparison in (node for node in ast.walk(assertion.test) if isinstance(node, ast.Compare)):
            for side in (comparison.left, *comparison.comparators):
                yield from (
                    (node.lineno, node.value)
                    for node in compared(side)
                    if isinstance(node.value, str) and is_sentence(node.value, sent_texts)
                )


def test_no_sentence_is_compared() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in (ROOT / "tests").rglob("*.py")
        for line, text in sentences(tree_of(path), sent_by(path))
    }
    assert found == set(), "assert an error code, a value, or golden(text) instead"


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
        ('send("it is by the door")\nassert "it is by the door" in result.out', []),
        ('send("it is by the door")\nassert "it is not by the door" in result.out', [2]),
        ('"""It is by the door."""\nassert "It is by the door" in result.out', [2]),
        ('@pytest.mark.parametrize("text", ["it is by the door"])\ndef test(): assert "it is by the door" in x', [2]),
        ('assert facts == [("ftp.banner", "welcome to the server of the site")]', []),
        ('assert errors == [("config.banner", "this is not the name of a server")]', [1]),
    ],
)
def test_a_sentence_is_found_where_it_is_compared(code: str, lines: list[int]) -> None:
    tree = ast.parse(code)
    assert [line for line, _ in sentences(tree, "\n".join(sent(tree)))] == lines
