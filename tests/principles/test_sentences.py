"""Tests assert codes and values instead of sentences, so that prose can be improved without changing them.

The prose of the product is compared in golden files only. The check covers what an assertion compares, what ``match=``
searches in an exception, and the expected values in the cases of a test: the values of those parameters that its
assertions compare and that are not used otherwise. Data that a test sends may be compared: a text of its module, or of
a module of tests that it imports (an operator's comment, a line of a feed), and the value of an observation, which a
host sent (``("ftp.banner", "Welcome to ...")``).
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import pytest

from tests.principles._source import ROOT, imports, tree_of, walk

WORD = re.compile(r"[A-Za-z][A-Za-z'-]+")
# A compared text with so many words is a sentence; names of products and headings contain none of these words.
WORDS = 4
FUNCTION_WORDS = frozenset(
    "the a an is are was were be been of to not no in it its by and or with for from has have had this that cannot can "
    "found expected on at as than which who what if unless until does do did".split()
)
# Quoted parts of a text are not prose: code, values, paths, options.
QUOTED = re.compile(r"""`[^`\n]*`|'[^'\n]*'|"[^"\n]*"|(?<!\S)/\S+|(?<!\S)--?[a-z]\S*""")
# Rows of a table are aligned.
COLUMNS = re.compile(r"\S {2,}\S")
ENDS = ("startswith", "endswith")
# Functions of texts whose argument is compared; arguments of all others are input.
COMPARING = frozenset((*ENDS, *"index find count join escape sorted list set dict".split()))
# Functions of ``re`` whose first argument is a pattern, and characters of patterns.
SEARCHING = frozenset(("search", "match", "fullmatch", "findall", "finditer"))
SIGNS = re.compile(r"\\[.\[\](){}*+?^$|\\ -]|\\[A-Za-z]|\[[^]]*\]|[()*+?^$|\[\]{}]")
# Kinds of observations begin with the protocol.
PROTOCOLS = frozenset(path.stem for path in (ROOT / "sensor" / "dissectors").iterdir())
KIND = re.compile(r"([a-z0-9_]+)(\.[a-z0-9_]+)+")


def is_sentence(text: str, sent: str = "") -> bool:
    """The text is no value, no row of a table, no SQL, and no part of what the test sends."""
    if " " not in text or text.startswith("SELECT ") or COLUMNS.search(text) or text.strip() in sent:
        return False
    words = WORD.findall(QUOTED.sub(" ", text))
    return len(words) >= WORDS and not FUNCTION_WORDS.isdisjoint(words)


def plain(pattern: str) -> str:
    """A regular expression as text: a class, such as that of digits, is no word."""
    return re.sub(r"\\\w", "0", pattern).replace("\\", "")


def compared(node: ast.AST) -> Iterator[ast.Constant | ast.Name]:
    """Constants and names of one side of a comparison, without the input of functions and subscripts."""
    if isinstance(node, ast.Constant | ast.Name):
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
    """Whether the arguments are part of the comparison; those of a class are (``Fault("…")``)."""
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in COMPARING or name[:1].isupper()


def _is_kind(node: ast.expr) -> bool:
    """The kind of an observation, whose value is in the same tuple."""
    text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    return (kind := KIND.fullmatch(text)) is not None and kind[1] in PROTOCOLS


def sent(tree: ast.AST) -> Iterator[str]:
    """Texts of a module that no assertion compares, without docstrings and without the cases of a test, which include
    expected values.
    """
    if isinstance(tree, ast.Constant):
        yield from [tree.value] if isinstance(tree.value, str) else []
    elif isinstance(tree, ast.Compare):
        yield from (text for call in _calls(tree) for argument in call.args for text in sent(argument))
    elif _is_end(tree):
        yield from sent(tree.func)
    elif not (isinstance(tree, ast.Expr) and isinstance(tree.value, ast.Constant)) and not _expects(tree):
        yield from (text for child in ast.iter_child_nodes(tree) for text in sent(child))


def _calls(comparison: ast.Compare) -> Iterator[ast.Call]:
    """Functions of a comparison whose arguments are input."""
    return (node for node in walk(comparison) if isinstance(node, ast.Call) and not _compares(node.func))


def _expects(node: ast.AST) -> bool:
    """Whether it contains expected values of a test."""
    return _is_cases(node) or _is_pattern(node)


def _is_cases(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "parametrize"


def _is_end(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ENDS


def _is_pattern(node: ast.AST) -> bool:
    return isinstance(node, ast.keyword) and node.arg == "match"


def sent_by(path: Path) -> str:
    """Texts that a module of tests, and those that it imports, send: one per line."""
    imported = (name for _, name in imports(path) if name.startswith("tests."))
    modules = dict.fromkeys(f"{name.rpartition('.')[0].replace('.', '/')}.py" for name in imported)
    return "\n".join(_texts_of(one) for one in (path, *map(ROOT.joinpath, modules)) if one.exists())


@functools.cache
def _texts_of(path: Path) -> str:
    return "\n".join(sent(tree_of(path)))


def sides(tree: ast.AST) -> Iterator[ast.expr]:
    """Both sides of each comparison of an assertion, searched beginnings and ends, and the patterns that exceptions
    must match.
    """
    for node in walk(tree):
        if isinstance(node, ast.keyword) and _is_pattern(node):
            yield node.value
        elif isinstance(node, ast.Assert):
            for one in walk(node.test):
                if isinstance(one, ast.Compare):
                    yield from (one.left, *one.comparators)
                elif _is_end(one):
                    yield from one.args


def expectations(test: ast.FunctionDef) -> Iterator[ast.expr]:
    """The values that the cases of a test give to its expected parameters."""
    if not (given := [*filter(_is_cases, test.decorator_list)]):
        return
    expected = {leaf.id for side in sides(test) for leaf in compared(side) if isinstance(leaf, ast.Name)} - _used(test)
    for cases in given:
        names, rows = cases.args[:2]
        for row in getattr(rows, "elts", ()):
            values = row.args if isinstance(row, ast.Call) and ast.unparse(row.func) == "pytest.param" else [row]
            values = row.elts if isinstance(names, ast.Tuple) and isinstance(row, ast.Tuple) else values
            named = zip(getattr(names, "elts", [names]), values, strict=False)
            yield from (value for name, value in named if ast.literal_eval(name) in expected)


def _used(node: ast.AST) -> set[str]:
    """Names that are used outside of assertions and patterns."""
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.Assert) or _is_pattern(node):
        return set()
    return set[str]().union(*map(_used, ast.iter_child_nodes(node)))


def sentences(tree: ast.AST, sent_texts: str = "") -> Iterator[tuple[int, str]]:
    """Line and text of each sentence that a test compares or searches."""
    tests = (node for node in walk(tree) if isinstance(node, ast.FunctionDef))
    looked_for = (*sides(tree), *(value for test in tests for value in expectations(test)))
    for leaf in dict.fromkeys(leaf for side in looked_for for leaf in compared(side)):
        if (
            isinstance(leaf, ast.Constant)
            and isinstance(leaf.value, str)
            and is_sentence(plain(leaf.value), sent_texts)
        ):
            yield leaf.lineno, leaf.value


def patterns(tree: ast.AST, sent_texts: str = "") -> Iterator[tuple[int, str]]:
    """Line and text of each sentence in a pattern: of ``match=`` and of functions of ``re``."""
    for call in (node for node in walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        given = [word.value for word in call.keywords if word.arg == "match" and call.func.attr in ("raises", "warns")]
        if call.func.attr in SEARCHING and getattr(call.func.value, "id", "") == "re":
            given += call.args[:1]
        for node in (node for pattern in given for node in walk(pattern) if isinstance(node, ast.Constant)):
            text = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
            if (
                isinstance(text, str)
                and "<" not in text
                and '">' not in text
                and is_sentence(" ".join(SIGNS.sub(" ", text).split()), sent_texts)
            ):
                yield node.lineno, text


def _found(path: Path) -> set[tuple[int, str]]:
    """The sentences that a module compares and does not send; few modules compare any."""
    tree = tree_of(path)
    found = {*sentences(tree), *patterns(tree)}
    return {*sentences(tree, sent_by(path)), *patterns(tree, sent_by(path))} if found else found


def test_no_sentence_is_compared() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in (ROOT / "tests").rglob("*.py")
        for line, text in _found(path)
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
        ('assert text.startswith("this is not a list")', [1]),
        ('assert any(line.endswith(f"{path} is not a list of it") for line in read("this is not a list"))', [1]),
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
        ('with pytest.raises(OSError, match="this is not a list"): load()', [1]),
        ('with pytest.raises(OSError, match=rf"{path} is not\\. the .* of \\d lists"): load()', [1]),
        ('with pytest.raises(OSError, match=r"list\\.json:\\d+: "): load()', []),
        (
            (
                '@pytest.mark.parametrize(("text", "why"), [("it is by the door", "it is not")])\n'
                "def test(): assert why in read(text)"
            ),
            [],
        ),
        (
            (
                '@pytest.mark.parametrize(("text", "why"), [("x", "it is not by the door")])\n'
                "def test(): assert why in read(text)"
            ),
            [1],
        ),
        (
            '@pytest.mark.parametrize("why", ["it is not by the door"])\ndef test():\n  with raises(X, match=why): x',
            [1],
        ),
        (
            '@pytest.mark.parametrize("text", ["it is by the door"])\ndef test():\n  send(text)\n  assert text in seen',
            [],
        ),
    ],
)
def test_a_sentence_is_found_where_it_is_compared(code: str, lines: list[int]) -> None:
    tree = ast.parse(code)
    assert [line for line, _ in sentences(tree, "\n".join(sent(tree)))] == lines


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ('with pytest.raises(ValueError, match="there is no such device"): f()', [1]),
        ('with pytest.raises(ValueError, match=rf"{name}: there is\\. no (such )?device"): f()', [1]),
        ('with pytest.raises(ValueError, match="device.unknown"): f()', []),
        ('assert re.search(rb"there is no such device at \\S+", err)', [1]),
        ('assert re.fullmatch(r"(\\d+) devices in \\S+", out)', []),
    ],
)
def test_a_sentence_is_found_in_a_pattern(code: str, lines: list[int]) -> None:
    assert [line for line, _ in patterns(ast.parse(code))] == lines
