"""The tree of a document, of all its layers merged key by key: values of later layers replace those of earlier ones."""

from __future__ import annotations

import functools
import io
from collections.abc import Mapping
from pathlib import Path

import yaml

from sensor.documents.faults import DocumentErrors, Fault
from sensor.documents.layers import NOT_YAML, layers, text_of
from sensor.documents.nodes import Reader, at, shown_node

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def layered(path: Path, texts: Mapping[Path, str] = {}) -> tuple[yaml.MappingNode, list[Fault]]:
    """A document with merged layers, and the faults of layers that had to be left out. ``texts``: texts of layers that
    replace those on the disk. Raises DocumentErrors if nothing is left.
    """
    files = layers(path)
    if len(files) == 1:
        return compose(files[0], _text(files[0], texts)), []
    trees: list[yaml.MappingNode] = []
    faults: list[Fault] = []
    for file in files:
        try:
            trees += _layer(file, _text(file, texts), faults)
        except DocumentErrors as errors:
            faults += errors.faults
    if not trees:
        raise DocumentErrors(faults)
    return functools.reduce(_merged, trees), faults


def _text(path: Path, texts: Mapping[Path, str]) -> str:
    return texts[path] if path in texts else text_of(path)


def _layer(path: Path, text: str, faults: list[Fault]) -> list[yaml.MappingNode]:
    """The tree of one layer; empty if it has only comments. Faults that merging would hide are reported here."""
    if not any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines()):
        return []
    tree, reader = compose(path, text), Reader()
    reader.value(tree)
    if reader.endless:
        raise DocumentErrors(reader.faults)
    faults += reader.faults
    return [tree]


def _merged(below: yaml.MappingNode, above: yaml.MappingNode) -> yaml.MappingNode:
    """Both merged; ``above`` has precedence."""
    pairs = {(key.tag, str(key.value)): (key, item) for key, item in below.value}
    for key, item in above.value:
        name = (key.tag, str(key.value))
        old = pairs.get(name, (key, item))[1]
        both = isinstance(old, yaml.MappingNode) and isinstance(item, yaml.MappingNode) and old is not item
        pairs[name] = (key, _merged(old, item) if both else item)
    return yaml.MappingNode(below.tag, list(pairs.values()), below.start_mark, below.end_mark)


class _Named(io.StringIO):
    """A text whose YAML marks contain its file."""

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(text)
        self.name = str(path)


def compose(path: Path, text: str) -> yaml.MappingNode:
    try:
        tree = yaml.compose(_Named(path, text), _LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        raise DocumentErrors(
            [Fault(path, line + 1, column + 1, _syntax(text, line, column, error), NOT_YAML)]
        ) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise DocumentErrors([Fault(path, 1, 1, f"not YAML: {' '.join(str(error).split())}", NOT_YAML)]) from None
    if tree is None:
        raise DocumentErrors([Fault(path, 1, 1, "found an empty file, expected keys with values", NOT_YAML)])
    if not isinstance(tree, yaml.MappingNode):
        raise DocumentErrors([at(tree, f"found {shown_node(tree)}, expected keys with values", NOT_YAML)])
    return tree


def _syntax(text: str, line: int, column: int, error: yaml.MarkedYAMLError) -> str:
    """The syntax error of the YAML parser; the most frequent, a tab, has its own text."""
    lines = text.splitlines()
    if line < len(lines) and lines[line][column : column + 1] == "\t":
        return "found a tab, expected spaces"
    return ", ".join(filter(None, (f"not YAML: {error.problem}", error.context)))
