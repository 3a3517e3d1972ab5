"""Documents that people write: YAML files read into pydantic models, where every fault is told at once and with its place.

A fault reads ``file:line:column: what was found, what was expected``, with the nearest valid key or value for a typo. Differences from plain YAML 1.1: a key
given twice is a fault, merge keys (``<<``) are refused, dates and colon-separated numbers stay text (``10:20:30:40:50:10`` is a MAC, not a number in base 60),
and so do keys such as ``off``.

A document may lie in layers: on top of a file ``sensor.yaml`` those of the folder ``conf.d`` beside it, in the order of their names. Mappings are merged key by
key, everything else is replaced by what comes later. Each value remembers its file: a fault in it is told there, and a path in it begins there.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import io
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import pydantic
import yaml

SHOWN_LIMIT = 60
DEPTH_LIMIT = 32
CHOICES_LIMIT = 12
SIZE_LIMIT = 16 << 20
FAULTS_LIMIT = 200
# With aliases written out: a page of them may stand for more than any memory holds.
VALUES_LIMIT = 500_000
LAYERED, LAYERS = "sensor.yaml", "conf.d"


class _Placed(str):
    """Text of a layer that lies in another folder than its document."""

    __slots__ = ("folder",)
    folder: Path


def _beside(given: Any, info: pydantic.ValidationInfo) -> Any:
    folder = given.folder if isinstance(given, _Placed) else info.context
    if not isinstance(folder, Path) or not isinstance(given, str | Path):
        return given
    try:
        return folder / Path(given).expanduser()
    except RuntimeError:  # ~somebody
        raise ValueError(f"found {str(given)!r}, and nobody here is called so") from None


FilePath = Annotated[Path, pydantic.BeforeValidator(_beside)]
"""A path as its document means it: from the folder of the document, which is the context of the validation, or else of the layer."""

Model = TypeVar("Model", bound=pydantic.BaseModel)
Location = Sequence["str | int"]
# Path, date in ns and size of each file.
Stamps = tuple[tuple[str, int, int], ...]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_STR, _NULL, _BOOL, _INT, _FLOAT, _MERGE = (_TAG + name for name in ("str", "null", "bool", "int", "float", "merge"))
_TEXT = frozenset((_STR, _TAG + "timestamp", _TAG + "value"))
# Something may well be called ``off``.
_KEYS = frozenset((_STR, _BOOL))

# What pydantic calls a type, in words for people.
_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "keys with values",
    "mapping_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
    "invalid_key": "text in quotes as a key",
}


def each_once(names: Sequence[str], what: str) -> None:
    """ValueError where one of the names of a document comes a second time. ``what`` they are, in words: "the id"."""
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            raise ValueError(f"found {what} {name!r} a second time, expected it once")


class Fault(NamedTuple):
    """One mistake; line and column count from 1."""

    path: Path
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.message}"


class Place(NamedTuple):
    """Where a key or an entry of a list stands; line and column count from 1."""

    path: Path
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class DocumentErrors(Exception):
    """All the faults of one document or of several, in the order of their places; as text one a line."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults)
        self.faults = sorted(faults)

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


def load_document(path: Path, model: type[Model], *, text: str | None = None, context: object = None) -> Model:
    """The document at ``path`` (or ``text``, when it was read already) as a model. ``context`` is handed to the model's validators. Raises DocumentErrors."""
    tree, faults = _layered(path) if text is None else (_compose(path, text), [])
    reader = _Reader(context)
    value = reader.value(tree)
    if reader.endless:
        raise DocumentErrors([*faults, *reader.faults])
    try:
        document = model.model_validate(value, context=context)
    except pydantic.ValidationError as error:
        # What is missing may stand in a layer that cannot be read.
        details = [detail for detail in error.errors(include_url=False) if not (faults and detail["type"] == "missing")]
        faults += (_fault(tree, model, detail) for detail in details[:FAULTS_LIMIT])
        faults += [_at(tree, f"and {len(details) - FAULTS_LIMIT:,} faults more")] if len(details) > FAULTS_LIMIT else []
    if faults := [*dict.fromkeys((*faults, *reader.faults))]:
        raise DocumentErrors(faults)
    return document


def load_entries(path: Path, model: type[Model], name: str, *, text: str | None = None) -> tuple[Model, list[int], list[Fault]]:
    """The document with those entries of its list ``name`` that are right, their places in the list, and the faults of the others.

    Raises DocumentErrors where more is wrong than entries of that list.
    """
    tree = _compose(path, _text(path) if text is None else text)
    reader = _Reader()
    value = reader.value(tree)
    entries = value.get(name)
    places = list(range(len(entries))) if isinstance(entries, list) else []
    if reader.faults or not places or entries is None:
        return load_document(path, model, text=text), places, []
    try:
        return model.model_validate(value), places, []
    except pydantic.ValidationError as error:
        details = error.errors(include_url=False)
    faults = list(dict.fromkeys(_fault(tree, model, detail) for detail in details))
    wrong = {detail["loc"][1] if detail["loc"][:1] == (name,) and len(detail["loc"]) > 1 else None for detail in details}
    places = [place for place in places if place not in wrong]
    if None in wrong or not places:
        raise DocumentErrors(faults)
    return model.model_validate(value | {name: [entries[place] for place in places]}), places, sorted(faults)


def foreign_documents(path: Path, text: str) -> list[Any]:
    """The documents of a YAML text as others mean them: without our differences. Raises DocumentErrors where it is no YAML."""
    try:
        return [document for document in yaml.safe_load_all(text) if document is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DocumentErrors([Fault(path, 1, 1, f"not YAML: {' '.join(str(error).split())[:200]}")]) from None


def fault_at(path: Path, location: Location, message: str, *, text: str | None = None, key: bool = False) -> Fault:
    """A fault found later, by comparing documents say, at the value that ``location`` (keys and list indexes from the top) leads to; ``key``: at its key."""
    tree = _layered(path)[0] if text is None else _compose(path, text)
    return _at(_find(tree, location, key=key), message)


def places(path: Path) -> dict[tuple[str | int, ...], Place]:
    """Where each key and each entry of a list of a document stands that was loaded before, by the way to it from the top."""
    found: dict[tuple[str | int, ...], Place] = {}
    waiting: list[tuple[tuple[str | int, ...], yaml.Node]] = [((), _layered(path)[0])]
    while waiting:
        way, node = waiting.pop()
        for step, item in _children(node):
            fault = _at(_key_node(node, step) if isinstance(node, yaml.MappingNode) else item, "")
            found[(*way, step)] = Place(fault.path, fault.line, fault.column)
            waiting.append(((*way, step), item))
    return found


def layers(path: Path) -> list[Path]:
    """The files of a document, each on top of those before. A folder stands for its ``sensor.yaml``, or else for all ``*.yaml`` in it. DocumentErrors."""
    if path.is_dir():
        if (path / LAYERED).exists():
            return layers(path / LAYERED)
        if found := _yaml_files(path):
            return found
        raise DocumentErrors([Fault(path, 1, 1, f"found a folder without {LAYERED} or other *.yaml in it")])
    return [path, *(_yaml_files(path.with_name(LAYERS)) if path.name == LAYERED else ())]


def _yaml_files(folder: Path) -> list[Path]:
    """Those of a folder in name order, none where it is not there. Names with a leading dot are those of editors."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".yaml" and not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DocumentErrors([Fault(folder, 1, 1, f"cannot be read: {error.strerror}")]) from None


def _layered(path: Path) -> tuple[yaml.MappingNode, list[Fault]]:
    """A document with its layers merged, and what is wrong with those that had to be left out. DocumentErrors where nothing is left."""
    files = layers(path)
    if len(files) == 1:
        return _compose(files[0], _text(files[0])), []
    trees: list[yaml.MappingNode] = []
    faults: list[Fault] = []
    for file in files:
        try:
            trees += _layer(file, faults)
        except DocumentErrors as errors:
            faults += errors.faults
    if not trees:
        raise DocumentErrors(faults)
    return functools.reduce(_merged, trees), faults


def _layer(path: Path, faults: list[Fault]) -> list[yaml.MappingNode]:
    """The tree of one layer, none where there are but comments in it. What does not outlive merging is told here."""
    text = _text(path)
    if not any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines()):
        return []
    tree, reader = _compose(path, text), _Reader()
    reader.value(tree)
    if reader.endless:
        raise DocumentErrors(reader.faults)
    faults += reader.faults
    return [tree]


def _merged(below: yaml.MappingNode, above: yaml.MappingNode) -> yaml.MappingNode:
    """Both together; what ``above`` says wins."""
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


def nearest(word: object, words: Sequence[str]) -> str:
    """What was expected instead of ``word``: the nearest of the valid words, all of them where they are few, the first of them where none is near."""
    close = difflib.get_close_matches(str(word), words, 1, 0.6)
    hint = f"did you mean {close[0]!r}?" if close else ""
    more = f" or {len(words) - CHOICES_LIMIT} others" if len(words) > CHOICES_LIMIT else ""
    listed = f"expected one of {', '.join(words[:CHOICES_LIMIT])}{more}" if not more or not hint else ""
    return "; ".join(filter(None, (listed, hint)))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise DocumentErrors([Fault(path, 1, 1, f"cannot be read: {error.strerror}")]) from None
    if len(raw) > SIZE_LIMIT:
        raise DocumentErrors([Fault(path, 1, 1, f"found more than {SIZE_LIMIT >> 20} MiB, expected a file that people write")])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line_start = raw.rfind(b"\n", 0, error.start) + 1
        column = len(raw[line_start : error.start].decode("utf-8", "replace")) + 1
        message = f"found the byte 0x{raw[error.start]:02x}, expected UTF-8 text"
        raise DocumentErrors([Fault(path, raw.count(b"\n", 0, error.start) + 1, column, message)]) from None


class _Named(io.StringIO):
    """A text whose marks name its file."""

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(text)
        self.name = str(path)


def _compose(path: Path, text: str) -> yaml.MappingNode:
    try:
        tree = yaml.compose(_Named(path, text), _LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        raise DocumentErrors([Fault(path, line + 1, column + 1, _syntax(text, line, column, error))]) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise DocumentErrors([Fault(path, 1, 1, f"not YAML: {' '.join(str(error).split())}")]) from None
    if tree is None:
        raise DocumentErrors([Fault(path, 1, 1, "found an empty file, expected keys with values")])
    if not isinstance(tree, yaml.MappingNode):
        raise DocumentErrors([_at(tree, f"found {_shown_node(tree)}, expected keys with values")])
    return tree


def _syntax(text: str, line: int, column: int, error: yaml.MarkedYAMLError) -> str:
    """The fault of the YAML reader; a tab, the commonest, by name."""
    lines = text.splitlines()
    if line < len(lines) and lines[line][column : column + 1] == "\t":
        return "found a tab, expected spaces"
    return ", ".join(filter(None, (f"not YAML: {error.problem}", error.context)))


class _Reader:
    """Makes values of nodes: text, number, true, false, None, list or dict. ``faults``: what is wrong with them; ``endless``: they go on and on."""

    def __init__(self, context: object = None) -> None:
        """``context``: folder of the document, so that text which lies elsewhere is marked."""
        self.faults: list[Fault] = []
        self.endless = False
        self._context, self._left = context, VALUES_LIMIT
        self._folders: dict[str, Path | None] = {}

    def value(self, node: yaml.Node, depth: int = 0) -> Any:
        self._left -= 1
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if depth > DEPTH_LIMIT:
            self._give_up(node, f"nested deeper than {DEPTH_LIMIT} levels")
        elif self._left < 0:
            self._give_up(node, f"found more than {VALUES_LIMIT:,} values, aliases written out")
        if self.endless:
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        return [self.value(item, depth + 1) for item in node.value]

    def _give_up(self, node: yaml.Node, message: str) -> None:
        if not self.endless:
            self.faults.append(_at(node, message))
        self.endless = True

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[Any, Any]:
        pairs: dict[Any, Any] = {}
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                found = "a merge key (<<)" if key.tag == _MERGE else _shown_node(key) + " as a key"
                self.faults.append(_at(key, f"found {found}, expected text"))
                continue
            name = key.value if key.tag in _KEYS else _scalar(key, self.faults)
            if name in pairs:
                self.faults.append(_at(key, f"found the key {name!r} a second time, expected it once"))
            pairs[name] = self.value(item, depth + 1)
        return pairs

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        if node.tag != _STR:
            return _scalar(node, self.faults)
        folder = self._elsewhere(node.start_mark.name) if isinstance(self._context, Path) else None
        if folder is None:
            return node.value
        text = _Placed(node.value)
        text.folder = folder
        return text

    def _elsewhere(self, file: str) -> Path | None:
        """The folder of a file, where it is another than the document's."""
        if file not in self._folders:
            folder = Path(file).parent
            self._folders[file] = None if folder == self._context else folder
        return self._folders[file]


_SAFE = yaml.constructor.SafeConstructor()
_SCALARS: dict[str, Callable[[yaml.ScalarNode], Any]] = {
    _NULL: _SAFE.construct_yaml_null,
    _BOOL: _SAFE.construct_yaml_bool,
    _INT: lambda node: node.value if ":" in node.value else _SAFE.construct_yaml_int(node),
    _FLOAT: lambda node: node.value if ":" in node.value else _SAFE.construct_yaml_float(node),
}


def _scalar(node: yaml.ScalarNode, faults: list[Fault]) -> Any:
    if node.tag in _TEXT:
        return node.value
    construct = _SCALARS.get(node.tag)
    if construct is not None:
        with contextlib.suppress(ValueError):
            return construct(node)
    faults.append(_at(node, f"found the tag {node.tag.removeprefix(_TAG)!r}, expected plain text, number, true, false or null"))
    return None


def _fault(tree: yaml.Node, model: type[pydantic.BaseModel], detail: Mapping[str, Any]) -> Fault:
    """A validation error of pydantic as a fault at its place."""
    location, kind, given = tuple(detail["loc"]), detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return _at(_find(tree, location, key=True), f"found the key {str(location[-1])!r}, {nearest(location[-1], _keys(model, location[:-1]))}")
    if kind == "invalid_key":
        location = (*location[:-1], str(given), "[key]")
    about_key = location[-1:] == ("[key]",)
    node = _find(tree, location[:-1] if about_key else location, key=about_key)
    if kind == "missing":
        return _at(node, f"found no key {str(location[-1])!r}, expected one here")
    if kind in ("value_error", "assertion_error"):
        return _at(node, str(detail["msg"]).split(", ", 1)[-1])
    if kind in ("literal_error", "enum"):
        return _at(node, f"found {_shown(given)}, {nearest(given, _choices(detail['ctx']['expected']))}")
    expected = _EXPECTED.get(kind) or str(detail["msg"]).removeprefix("Input should be ").removeprefix("Value should be ")
    quotes = ", in quotes" if kind == "string_type" and isinstance(given, bool | int | float) else ""
    return _at(node, f"found {_shown(given)}, expected {expected}{quotes}")


def _choices(text: str) -> list[str]:
    """The words of pydantic's list ``'a', 'b' or 'c'``."""
    return [word.strip().strip("'") for word in text.replace("' or '", "', '").split(", ")]


def _find(tree: yaml.Node, location: Location, *, key: bool = False) -> yaml.Node:
    """The deepest node on the way of ``location``; ``key``: the key of the last step instead of its value.

    Steps that are no key or index of the document (pydantic names the branches of a union so) are passed over.
    """
    node = tree
    for number, step in enumerate(location):
        item = next((item for name, item in _children(node) if name == step), None)
        if item is not None:
            node = _key_node(node, step) if key and number == len(location) - 1 else item
    return node


def _children(node: yaml.Node) -> Iterator[tuple[str | int, yaml.Node]]:
    """(key or index, value) of a node."""
    if isinstance(node, yaml.MappingNode):
        for key, item in node.value:
            yield key.value, item
    elif isinstance(node, yaml.SequenceNode):
        yield from enumerate(node.value)


def _key_node(node: yaml.Node, name: str | int) -> yaml.Node:
    keys: list[yaml.Node] = [key for key, _ in node.value if key.value == name] if isinstance(node, yaml.MappingNode) else []
    return keys[0] if keys else node


def _keys(model: type[pydantic.BaseModel], location: Location) -> list[str]:
    """The keys that the model knows at a place."""
    models = {model}
    for step in location:
        fields = [field.annotation for each in models for name, field in each.model_fields.items() if step in (name, field.alias)]
        # A list index, a key of a free mapping or the branch of a union keeps the models that the step before led to.
        if fields:
            models = set().union(*(_models(annotation) for annotation in fields)) or models
    return sorted({field.alias or name for each in models for name, field in each.model_fields.items()})


def _models(annotation: Any) -> set[type[pydantic.BaseModel]]:
    """The models anywhere in a type."""
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return {annotation}
    return set().union(*(_models(part) for part in typing.get_args(annotation)))


def _at(node: yaml.Node, message: str) -> Fault:
    return Fault(Path(node.start_mark.name), node.start_mark.line + 1, node.start_mark.column + 1, message)


def _shown(value: object) -> str:
    """A value in a message: short, and by the words of YAML."""
    if isinstance(value, dict):
        return "keys with values"
    if isinstance(value, list):
        return "a list"
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= SHOWN_LIMIT else text[:SHOWN_LIMIT] + "…"


def _shown_node(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return _shown(node.value)
    return "a list" if isinstance(node, yaml.SequenceNode) else "keys with values"
