"""Text uses standard terms (docs/glossary.md): docs/banned_words.yaml lists the banned words, the rooms of user-facing
text, the source rooms whose docstrings and comments are checked as well, and the comment rooms with all other files
that contain comments.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.principles._source import ROOT, walk

LIST = yaml.safe_load((ROOT / "docs" / "banned_words.yaml").read_text(encoding="utf-8"))
BANNED = [(re.compile(rf"\b(?:{entry['word']})\b", re.IGNORECASE), entry) for entry in LIST["words"]]
# Of all words, for text in lower case: a search that ignores case takes ten times as long.
ANY = re.compile(rf"\b(?:{'|'.join(entry['word'] for entry in LIST['words'])})\b")
FENCE = re.compile(r"^ *(```|~~~).*?^ *\1", re.DOTALL | re.MULTILINE)
INLINE_CODE = re.compile(r"`[^`\n]+`")
# Comments of any language, the help of targets, and descriptions of units, packages and dashboards.
COMMENT = re.compile(r"(?:^|\s)(?:#+|//|--|/\*|\{#)\s+(.*)|^Description[=:] *(.*)|\"(?:title|description)\": *\"(.*)\"")
BEFORE_STATEMENT = (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
# Quoted output of a program, and quotes from the list itself, are not checked.
GLOSSARY = ROOT / "docs" / "glossary.md"


def places(*kinds: str) -> Iterator[Path]:
    """Every file in the rooms of these kinds."""
    for place in sorted(place for kind in kinds for room in LIST[kind] for place in ROOT.glob(room)):
        yield from sorted(place.rglob("*")) if place.is_dir() else [place]


def files() -> Iterator[Path]:
    yield from (
        path
        for path in places("rooms", "internal_rooms")
        if path.suffix in READERS and path.name != "banned_words.yaml" and path != GLOSSARY
    )


def blank(match: re.Match[str]) -> str:
    """As many empty lines."""
    return "\n" * match.group().count("\n")


def markdown(text: str) -> Iterator[tuple[int, str]]:
    prose = INLINE_CODE.sub("", FENCE.sub(blank, text))
    yield from enumerate(prose.splitlines(), 1)


def python(text: str, *, docstrings: bool = True) -> Iterator[tuple[int, str]]:
    tree = ast.parse(text)
    skipped = set() if docstrings else {node.value for node in walk(tree) if isinstance(node, ast.Expr)}
    for node in walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value and node not in skipped:
            yield from enumerate(INLINE_CODE.sub("", node.value).splitlines(), node.lineno)


def strings(text: str) -> Iterator[tuple[int, str]]:
    """The strings of a file of an internal room."""
    return python(text, docstrings=False)


def values(text: str) -> Iterator[tuple[int, str]]:
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if isinstance(token, yaml.ScalarToken) and " " in token.value:
            yield token.start_mark.line + 1, INLINE_CODE.sub("", token.value)


def template(text: str) -> Iterator[tuple[int, str]]:
    """A Jinja template: its text and attributes, without tags, expressions and comments."""
    yield from enumerate(re.sub(r"\{[{%#].*?[}%#]\}|<[^>]*>", blank, text, flags=re.DOTALL).splitlines(), 1)


def remarks(text: str) -> Iterator[tuple[int, str]]:
    """Docstrings, each in one line, and comments of Python and Cython. A docstring is a string that is a statement."""
    last = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and last in BEFORE_STATEMENT):
            yield token.start[0], INLINE_CODE.sub("", " ".join(token.string.split()))
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            last = token.type


def comments(text: str) -> Iterator[tuple[int, str]]:
    """The comments of a file in any language, with the descriptions that it contains."""
    for number, line in enumerate(text.splitlines(), 1):
        if found := COMMENT.search(line):
            yield number, INLINE_CODE.sub("", next(filter(None, found.groups()), ""))


READERS = {".md": markdown, ".py": python, ".yaml": values, ".jinja": template}
SOURCE = {".py", ".pyx", ".pxd"}
COMMENTED = {
    "", ".cfg", ".conf", ".css", ".jinja", ".js", ".json", ".kql", ".service", ".sql", ".target", ".timer", ".toml",
    ".yaml", ".yml",
}  # fmt: skip


def faults(path: Path, text: str) -> list[str]:
    if not ANY.search(" ".join(text.lower().split())):
        return []
    internal = any(path.is_relative_to(room) for room in LIST["internal_rooms"])
    return faults_in(path, (strings if internal and path.suffix == ".py" else READERS[path.suffix])(text))


def faults_in(path: Path, lines: Iterable[tuple[int, str]]) -> list[str]:
    """file:line: the word, and its replacement."""
    return [
        f"{path}:{line}: {found.group()!r}: write {entry['instead']} ({entry['why']})"
        for line, words in lines
        if ANY.search(words.lower())
        for pattern, entry in BANNED
        if (found := pattern.search(words))
    ]


def test_text_uses_standard_terms() -> None:
    read = [(path.relative_to(ROOT), path.read_text(encoding="utf-8")) for path in files()]
    assert {path.suffix for path, _ in read} == READERS.keys()
    found = [fault for path, text in read for fault in faults(path, text)]
    assert not found, "\n".join(found)


def test_comments_and_descriptions_use_standard_terms() -> None:
    paths = [path for path in places("comment_rooms") if path.is_file() and path.suffix in COMMENTED]
    assert {path.suffix for path in paths} == COMMENTED
    read = [(path.relative_to(ROOT), path.read_text(encoding="utf-8")) for path in paths]
    found = [fault for path, text in read if ANY.search(text.lower()) for fault in faults_in(path, comments(text))]
    assert not found, "\n".join(found)


def test_docstrings_and_comments_use_standard_terms() -> None:
    paths = [path for path in places("source_rooms") if path.suffix in SOURCE]
    assert {path.suffix for path in paths} == SOURCE
    read = [(path.relative_to(ROOT), path.read_text(encoding="utf-8")) for path in paths]
    found = [
        fault
        for path, text in read
        if ANY.search(" ".join(text.lower().split()))
        for fault in faults_in(path, remarks(text))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('"""It told\nus."""\ntold = "told"  # told\n# told\n', [1, 3, 4]),
        ('cdef int f(const uint8_t[::1] data) except -1 nogil:\n    """It told."""\n    return <int>data[0]\n', [2]),
        ('x = [\n    "it told",\n]\ndef f():\n    # `told` told\n    return "told"\n', [5]),
    ],
)
def test_a_banned_word_is_found_in_docstrings_and_comments_alone(text: str, lines: list[int]) -> None:
    assert [int(fault.split(":")[1]) for fault in faults_in(Path("unit.pyx"), remarks(text))] == lines


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("page.md", "It told us.\n\n```\nit told us\n```\nThe gravest, and `told`.\n", [1, 6]),
        ("unit.py", '"""It knocked\nin vain."""\ntold = f"{told} was lent a hand"\n', [1, 2, 3]),
        ("list.yaml", "told: 1\nwhy: it was told # told\n", [2]),
        ("page.jinja", "<b class='told'>{{ told }}</b>\n{# told #}{% if told %}\n<i>told</i>\n", [3]),
    ],
)
def test_a_banned_word_is_found_where_it_stands_and_code_is_left_alone(name: str, text: str, lines: list[int]) -> None:
    assert sorted({int(fault.split(":")[1]) for fault in faults(Path(name), text)}) == lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("# it told us\nExecStart=/bin/told\n  key: 1 # told\nDescription=It told\n", [1, 3, 4]),
        ("help: ## it told us\n\t@echo told\n", [1]),
        ("// told\nlet told = 1;\n/* told */\n", [1, 3]),
        ('{"title": "It told us",\n "told": "told us"}\n', [1]),
        ("-- `told`\nSELECT told -- told\n", [2]),
    ],
)
def test_a_banned_word_is_found_in_comments_of_any_language(text: str, lines: list[int]) -> None:
    assert [int(fault.split(":")[1]) for fault in faults_in(Path("file"), comments(text))] == lines


def test_every_entry_names_a_replacement_and_a_reason() -> None:
    assert [entry for entry in LIST["words"] if not (entry["instead"] and entry["why"])] == []
    assert [entry["word"] for entry in LIST["words"] if not entry["word"].islower()] == []
    kinds = ("rooms", "internal_rooms", "source_rooms", "comment_rooms")
    assert [room for kind in kinds for room in LIST[kind] if not any(ROOT.glob(room))] == []
