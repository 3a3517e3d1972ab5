"""The tree of a document: values and positions of its nodes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from sensor.documents.faults import Fault, Position, shown
from sensor.documents.paths import LocatedText

DEPTH_LIMIT = 32
# With aliases expanded: a page of them may exceed any memory.
VALUES_LIMIT = 500_000
TOO_DEEP = f"nested deeper than {DEPTH_LIMIT} levels"
TOO_MANY = f"found more than {VALUES_LIMIT:,} values, aliases written out"

Location = Sequence["str | int"]

_TAG = "tag:yaml.org,2002:"
_STR, _NULL, _BOOL, _INT, _FLOAT, _MERGE = (_TAG + name for name in ("str", "null", "bool", "int", "float", "merge"))
_TEXT = frozenset((_STR, _TAG + "timestamp", _TAG + "value"))
# Keys such as ``off`` are text, not booleans.
_KEYS = frozenset((_STR, _BOOL))


class _EndlessError(Exception):
    """Aliases written out, a document has too many values. ``fault``: where, and what was found."""

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self.fault = fault


class Reader:
    """Converts nodes to values: text, number, true, false, None, list or dict. ``faults``: their faults; ``endless``:
    the values exceed the limit.
    """

    def __init__(self, context: object = None) -> None:
        """``context``: folder of the document, to mark text from other folders."""
        self.faults: list[Fault] = []
        self.endless = False
        self._context = context
        self._folders: dict[str, Path | None] = {}

    def value(self, tree: yaml.Node) -> Any:
        try:
            _check_size(tree, 0, {})
        except _EndlessError as error:
            self.faults.append(error.fault)
            self.endless = True
        return self._value(tree, 0)

    def _value(self, node: yaml.Node, depth: int) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if depth > DEPTH_LIMIT and not self.endless:
            self.faults.append(at(node, TOO_DEEP))
            self.endless = True
        if self.endless:
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        return [self._value(item, depth + 1) for item in node.value]

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[Any, Any]:
        pairs: dict[Any, Any] = {}
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                found = "a merge key (<<)" if key.tag == _MERGE else shown_node(key) + " as a key"
                self.faults.append(at(key, f"found {found}, expected text"))
                continue
            name = key.value if key.tag in _KEYS else _scalar(key, self.faults)
            if name in pairs:
                self.faults.append(at(key, f"found the key {name!r} twice, expected it once", "config.duplicate-key"))
            pairs[name] = self._value(item, depth + 1)
        return pairs

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        if node.tag != _STR:
            return _scalar(node, self.faults)
        folder = self._elsewhere(node.start_mark.name) if isinstance(self._context, Path) else None
        if folder is None:
            return node.value
        text = LocatedText(node.value)
        text.folder = folder
        return text

    def _elsewhere(self, file: str) -> Path | None:
        """The folder of a file, if it differs from the document's."""
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
    faults.append(
        at(node, f"found the tag {node.tag.removeprefix(_TAG)!r}, expected plain text, number, true, false or null")
    )
    return None


def _check_size(node: yaml.Node, depth: int, sizes: dict[int, int]) -> int:
    """The number of values in a node, aliases written out; ``sizes``: those of nodes that were visited, 0 while they
    are. Each is visited once: a small document may have more values than fit into any memory. Raises _EndlessError.
    """
    if isinstance(node, yaml.ScalarNode):
        return 1
    size = sizes.setdefault(id(node), -1)
    if size == 0 or depth > DEPTH_LIMIT:
        raise _EndlessError(at(node, TOO_DEEP))
    if size < 0:
        sizes[id(node)] = 0
        size = sizes[id(node)] = 1 + sum(_check_size(item, depth + 1, sizes) for _, item in children(node))
    if size > VALUES_LIMIT:
        raise _EndlessError(at(node, TOO_MANY))
    return size


def find(tree: yaml.Node, location: Location, *, key: bool = False) -> yaml.Node:
    """The deepest node on the path ``location``; ``key``: the key of the last step instead of its value.

    Steps that are no key or index of the document (pydantic's names for branches of a union) are skipped.
    """
    node = tree
    for number, step in enumerate(location):
        item = next((item for name, item in children(node) if name == step), None)
        if item is not None:
            node = key_node(node, step) if key and number == len(location) - 1 else item
    return node


def children(node: yaml.Node) -> Iterator[tuple[str | int, yaml.Node]]:
    """(key or index, value) of a node."""
    if isinstance(node, yaml.MappingNode):
        for key, item in node.value:
            yield key.value, item
    elif isinstance(node, yaml.SequenceNode):
        yield from enumerate(node.value)


def key_node(node: yaml.Node, name: str | int) -> yaml.Node:
    keys: list[yaml.Node] = (
        [key for key, _ in node.value if key.value == name] if isinstance(node, yaml.MappingNode) else []
    )
    return keys[0] if keys else node


def place_of(node: yaml.Node) -> Position:
    return Position(Path(node.start_mark.name), node.start_mark.line + 1, node.start_mark.column + 1)


def at(node: yaml.Node, message: str, code: str = "config.invalid-value") -> Fault:
    return Fault(*place_of(node), message, code)


def shown_node(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return shown(node.value)
    return "a list" if isinstance(node, yaml.SequenceNode) else "keys with values"
