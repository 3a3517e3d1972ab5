"""Names in code use standard terms: docs/banned_names.yaml lists parts of names that Python and Cython code does not
use.
"""

from __future__ import annotations

import ast
import functools
import io
import re
import tokenize
from pathlib import Path

import pytest
import yaml

from tests.principles._source import ROOT, walk

LIST = yaml.safe_load((ROOT / "docs" / "banned_names.yaml").read_text(encoding="utf-8"))
INSTEAD = {part: entry["instead"] for entry in LIST["parts"] for part in entry["parts"]}
WHOLE = {name: entry["instead"] for entry in LIST["names"] for name in entry["names"]}
ROOMS = ("sensor", "tests", "docs", "pcaps")
# The field of a syntax node that holds an identifier.
FIELD = {
    ast.Name: "id", ast.Attribute: "attr", ast.arg: "arg", ast.keyword: "arg", ast.FunctionDef: "name",
    ast.ClassDef: "name", ast.AsyncFunctionDef: "name", ast.ExceptHandler: "name", ast.MatchAs: "name",
}  # fmt: skip
CYTHON = (".pyx", ".pxd", ".pyi")
WORD = re.compile(r"[A-Za-z_]\w*")
PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def identifiers(tree: ast.AST) -> dict[str, int]:
    """Every name that code defines or uses, and a line of each."""
    found = {name: node for node in walk(tree) if (field := FIELD.get(type(node))) and (name := getattr(node, field))}
    return {name: getattr(node, "lineno", 1) for name, node in found.items()}


def cython_names(text: str) -> dict[str, int]:
    """Every name of Cython source, which Python cannot parse, and a line of each."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {token.string: token.start[0] for token in tokens if token.type == tokenize.NAME}


@functools.cache
def all_words() -> dict[Path, set[str]]:
    """The words of each file that are banned or allowed names; few files contain one, and need to be parsed."""
    paths = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    paths += [path for path in sorted((ROOT / "sensor").rglob("*")) if path.suffix in CYTHON]
    listed: dict[str, bool] = {}
    found = {}
    for path in paths:
        words = set(WORD.findall(path.read_text(encoding="utf-8")))
        for word in words.difference(listed):
            listed[word] = word in LIST["allowed"] or bool(replacements(word))
        found[path] = {word for word in words if listed[word]}
    return found


def identifiers_of(path: Path) -> dict[str, int]:
    text = path.read_text(encoding="utf-8")
    return cython_names(text) if path.suffix in CYTHON else identifiers(ast.parse(text))


@functools.cache
def replacements(name: str) -> list[str]:
    """The replacement of a name, or of each banned part of it; none if the name is allowed."""
    if name in WHOLE:
        return [WHOLE[name]]
    return (
        []
        if name in LIST["allowed"]
        else [INSTEAD[low] for part in PART.findall(name) if (low := part.lower()) in INSTEAD]
    )


def faults(path: Path, names: dict[str, int]) -> list[str]:
    """file:line: the name, and its replacement; the name of the file is included."""
    return [
        f"{path}:{line}: {name}: write {instead}"
        for name, line in ({path.stem: 1} | names).items()
        for instead in replacements(name)
    ]


def test_names_use_standard_terms() -> None:
    assert len(all_words()) > 1000
    assert {path.suffix for path in all_words()} == {".py", *CYTHON}
    found = [
        fault
        for path, words in all_words().items()
        for fault in faults(path.relative_to(ROOT), identifiers_of(path) if any(map(replacements, words)) else {})
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("code", "name", "lines"),
    [
        ("retold = 1\ntold = 1", "unit", [2]),
        ("import os\nclass ToldState:\n    def said_by(self, heard): ...", "unit", [2, 3, 3]),
        ("log.tell()\nlog.tells()", "unit", [2]),
        ("TOLD_S = 1\nnote = 'told'  # told", "unit", [1]),
        ("", "sayings", [1]),
        ("wrong = 1\nwrong_password = 2\nclass Kept: ...\nclass KeptDays: ...", "unit", [1, 3]),
    ],
)
def test_a_banned_part_of_a_name_is_found_and_text_is_left_alone(code: str, name: str, lines: list[int]) -> None:
    found = faults(Path(f"{name}.py"), identifiers(ast.parse(code)))
    assert sorted(int(fault.split(":")[1]) for fault in found) == lines


def test_a_banned_name_is_found_in_cython() -> None:
    text = "cdef int told(uint8_t[::1] data) except -1:\n    # told\n    return <int>data[0]  # told\n"
    assert faults(Path("unit.pyx"), cython_names(text)) == ["unit.pyx:1: told: write reported, report, result, output"]


def test_every_entry_names_a_replacement_and_a_reason() -> None:
    entries = [*LIST["parts"], *LIST["names"]]
    assert [one for one in entries if not ((one.get("parts") or one["names"]) and one["instead"] and one["why"])] == []
    assert all(LIST["allowed"].values())


def test_every_allowed_name_is_in_use() -> None:
    """An allowed name without a use is removed."""
    unused = set(LIST["allowed"])
    for path, words in all_words().items():
        if unused & words:
            unused -= identifiers_of(path).keys()
    assert unused == set()
