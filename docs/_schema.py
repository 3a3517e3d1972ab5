"""A JSON Schema in words: the type and bounds of a value, and the keys of an object with all nested keys."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from docs._markdown import code
from sensor.cli._config_keys import as_yaml

Node = Mapping[str, Any]
REF = "#/$defs/"
MISSING = object()


class Key(NamedTuple):
    """``path``: dotted, with ``[]`` after a list; ``kind``: type and bounds of the value, in words; ``about``: its
    meaning. Compared by all fields.
    """

    path: str
    kind: str
    required: bool
    default: str
    about: str


class Schema:
    """``named``: definitions with a separate chapter, with the link to it."""

    def __init__(self, whole: Node, named: Mapping[str, str] | None = None) -> None:
        self.root, self._defs, self._named = whole, whole["$defs"], named or {}

    def resolved(self, node: Node) -> Node:
        """The node with its reference resolved; keys beside the reference take precedence."""
        if "$ref" not in node:
            return node
        return {
            **self.resolved(self._defs[node["$ref"].removeprefix(REF)]),
            **{key: value for key, value in node.items() if key != "$ref"},
        }

    def keys(self, node: Node, above: str = "") -> Iterator[Key]:
        """The keys of an object in order, with those of nested objects unless these have a separate chapter."""
        required = self.resolved(node).get("required", ())
        for name, value in self.resolved(node).get("properties", {}).items():
            below, path = self._below(value), f"{above}{name}"
            if below is None or self._is_list(value) or self._about(value):
                yield Key(path, self.kind(value), name in required, self._default(value), self._about(value))
            if below is not None:
                yield from self.keys(below, f"{path}[]." if self._is_list(value) else f"{path}.")

    def _about(self, node: Node) -> str:
        """The description; empty if it is that of a definition with a separate chapter."""
        about = str(self.resolved(node).get("description", ""))
        own = [self._defs[name].get("description") for name in self._named if f'"{REF}{name}"' in json.dumps(node)]
        return "" if about in own else about

    def _below(self, node: Node) -> Node | None:
        """The object with keys that a value is, may be, or is a list of; None if there is none, or if it has a
        separate chapter.
        """
        if node.get("$ref", "").removeprefix(REF) in self._named:
            return None
        node = self.resolved(node)
        if node.get("properties"):
            return node
        if "items" in node:
            return self._below(node["items"])
        return next((found for each in node.get("anyOf", ()) if (found := self._below(each)) is not None), None)

    def _is_list(self, node: Node) -> bool:
        return "items" in self.resolved(node)

    def _default(self, node: Node) -> str:
        default = self.resolved(node).get("default", MISSING)
        if default is MISSING:
            return ""
        if isinstance(default, dict):
            usual = {key: self.resolved(each).get("default") for key, each in self._properties(node).items()}
            default = {key: value for key, value in default.items() if key not in usual or value != usual[key]}
            return code(as_yaml(default)) if default or not usual else ""
        return code(as_yaml(default))

    def _properties(self, node: Node) -> Node:
        return dict(self.resolved(node).get("properties", {}))

    def kind(self, node: Node) -> str:
        """The type and bounds of a value, in words."""
        name = node.get("$ref", "").removeprefix(REF)
        if name in self._named:
            return self._named[name]
        node = self.resolved(node)
        if "const" in node:
            return code(as_yaml(node["const"]))
        if "enum" in node:
            return ", ".join(code(as_yaml(each)) for each in node["enum"])
        several = node.get("anyOf") or node.get("oneOf")
        if isinstance(node.get("type"), list):
            several = [{**node, "type": each} for each in node["type"]]
        if several:
            return " or ".join(dict.fromkeys(map(self.kind, several)))
        return self._plain(node)

    def _plain(self, node: Node) -> str:
        kind = node.get("type")
        if kind == "array":
            return f"list of {self.kind(node['items'])}{_length(node, 'Items', '')}"
        if kind == "object":
            inner = node.get("additionalProperties")
            return (
                f"mapping of names to {self.kind(inner)}"
                if isinstance(inner, dict) and not node.get("properties")
                else "object"
            )
        if kind in ("integer", "number"):
            return f"{'whole number' if kind == 'integer' else 'number'}{_bounds(node)}"
        if kind == "string":
            return _text(node)
        return {"boolean": "`true` or `false`", "null": "`null`"}.get(str(kind), "any value")


def _text(node: Node) -> str:
    pattern = node.get("pattern", "")
    if node.get("description", "").startswith("a secret by its place"):
        return "secret"
    what = "path" if node.get("format") == "path" else "text"
    return f"{what}{_length(node, 'Length', ' characters')}{f', matching {code(pattern)}' if pattern else ''}"


def _bounds(node: Node) -> str:
    """Minimum and maximum, in words."""
    low, high = node.get("minimum"), node.get("maximum")
    if low is not None and high is not None:
        return f", {low:,} to {high:,}"
    reported = {
        "minimum": "at least",
        "exclusiveMinimum": "more than",
        "maximum": "at most",
        "exclusiveMaximum": "less than",
    }
    return "".join(f", {reporting} {node[key]:,}" for key, reporting in reported.items() if key in node)


def _length(node: Node, what: str, unit: str) -> str:
    low, high = node.get(f"min{what}"), node.get(f"max{what}")
    if low and high:
        return f", {low:,} to {high:,}{unit}"
    return f", at most {high:,}{unit}" if high else f", at least {low:,}{unit}" if low and low > 1 else ""
