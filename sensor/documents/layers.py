"""The files of a document, read and merged: later layers override earlier ones, key by key."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import BinaryIO

import yaml

from sensor.documents.faults import DocumentErrors, Fault
from sensor.documents.nodes import Reader, at, shown_node

NOT_READ, NOT_YAML = "config.not-read", "config.not-yaml"
SIZE_LIMIT, PIECE = 16 << 20, 1 << 16
LAYERED, LAYERS = "sensor.yaml", "conf.d"
# Layers of a hub, one folder each, which `sensor sync` stores beside the document.
FLEET = Path("fleet", "current")

# Path, modification time in ns and size of each file.
Stamps = tuple[tuple[str, int, int], ...]

_fleet: ContextVar[Path | None] = ContextVar("fleet", default=None)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def layers(path: Path) -> list[Path]:
    """The files of a document; later ones override earlier ones. For a folder, its ``sensor.yaml``, or otherwise all
    ``*.yaml`` in it. Raises DocumentErrors.
    """
    if path.is_dir():
        if (path / LAYERED).exists():
            return layers(path / LAYERED)
        if found := _yaml_files(path):
            return found
        raise DocumentErrors([Fault(path, 1, 1, f"found a folder without {LAYERED} or other *.yaml in it", NOT_READ)])
    if path.name != LAYERED:
        return [path]
    fleet = [folder / LAYERED for folder in fleet_folders(path) if (folder / LAYERED).exists()]
    return [path, *fleet, *_yaml_files(path.with_name(LAYERS))]


def fleet_folders(path: Path) -> list[Path]:
    """Folders of a hub's layers for a configuration, most general first. Raises DocumentErrors."""
    document = path / LAYERED if path.is_dir() else path
    if document.name != LAYERED:
        return []
    return [folder for folder in _entries(_fleet.get() or document.parent / FLEET) if folder.is_dir()]


@contextmanager
def fleet_from(folder: Path) -> Iterator[None]:
    """Use the hub's layers in another folder inside of the block, to check them before they are applied."""
    token = _fleet.set(folder)
    try:
        yield
    finally:
        _fleet.reset(token)


def _yaml_files(folder: Path) -> list[Path]:
    """YAML files of a folder in name order, empty if it does not exist. Files of editors with a leading dot are
    skipped.
    """
    return [path for path in _entries(folder) if path.suffix == ".yaml" and not path.name.startswith(".")]


def _entries(folder: Path) -> list[Path]:
    """Entries in name order; empty if the folder does not exist."""
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DocumentErrors([Fault(folder, 1, 1, f"cannot be read: {error.strerror}", NOT_READ)]) from None


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


def stamps(paths: Iterable[Path]) -> Stamps:
    """Changes with every change of one of these files."""
    return tuple(_stamp(path) for path in paths)


def _stamp(path: Path) -> tuple[str, int, int]:
    try:
        status = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), status.st_mtime_ns, status.st_size


def text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = _read(file, SIZE_LIMIT + 1)
    except OSError as error:
        raise DocumentErrors([Fault(path, 1, 1, f"cannot be read: {error.strerror}", NOT_READ)]) from None
    if len(raw) > SIZE_LIMIT:
        raise DocumentErrors(
            [Fault(path, 1, 1, f"found more than {SIZE_LIMIT >> 20} MiB, expected a hand-written file", NOT_READ)]
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line_start = raw.rfind(b"\n", 0, error.start) + 1
        column = len(raw[line_start : error.start].decode("utf-8", "replace")) + 1
        message = f"found the byte 0x{raw[error.start]:02x}, expected UTF-8 text"
        raise DocumentErrors([Fault(path, raw.count(b"\n", 0, error.start) + 1, column, message, NOT_YAML)]) from None


def _read(file: BinaryIO, limit: int) -> bytes:
    """At most ``limit`` bytes, in chunks: ``read(limit)`` allocates memory for all of them, even for a small file."""
    raw = bytearray()
    while len(raw) < limit and (piece := file.read(min(PIECE, limit - len(raw)))):
        raw += piece
    return bytes(raw)


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
