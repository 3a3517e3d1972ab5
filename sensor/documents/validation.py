"""Validation errors of pydantic as plain text with positions in the document."""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from typing import Any

import pydantic
import yaml

from sensor.core.model import Model
from sensor.core.model_schema import pydantic_model, validated
from sensor.documents.faults import Fault, nearest, shown
from sensor.documents.nodes import Location, at, find

__all__ = ["fault_of", "validated"]

# pydantic's type names → plain text.
_EXPECTED = {
    "string_type": "text",
    "path_type": "a path as text",
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
# Beginning of its messages, before the expected value.
_SHOULD = re.compile(r"\w+ should (?:be |have )?")


def fault_of(tree: yaml.Node, model: type[Any], detail: Mapping[str, Any]) -> Fault:
    """A validation error of pydantic as a fault with its position."""
    location, kind, given = tuple(detail["loc"]), detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return at(
            find(tree, location, key=True),
            f"found the key {str(location[-1])!r}, {nearest(location[-1], _keys(model, location[:-1]))}",
            "config.unknown-key",
        )
    if kind == "invalid_key":
        location = (*location[:-1], str(given), "[key]")
    about_key = location[-1:] == ("[key]",)
    node = find(tree, location[:-1] if about_key else location, key=about_key)
    if kind == "missing":
        return at(node, f"found no key {str(location[-1])!r}, expected one here", "config.missing-key")
    quotes = ", in quotes" if kind == "string_type" and isinstance(given, bool | int | float) else ""
    return at(node, value_text(detail) + quotes)


def value_text(detail: Mapping[str, Any]) -> str:
    """A validation error of pydantic about a value: what was found, and what was expected."""
    kind, given = detail["type"], detail["input"]
    if kind in ("value_error", "assertion_error"):
        return str(detail["msg"]).split(", ", 1)[-1]
    if kind in ("literal_error", "enum"):
        return f"found {shown(given)}, {nearest(given, _choices(detail['ctx']['expected']))}"
    expected = _EXPECTED.get(kind) or _SHOULD.sub("", str(detail["msg"])).partition(" after validation")[0].replace(
        "match pattern", "text like"
    )
    return f"found {shown(given)}, expected {expected}"


def _choices(text: str) -> list[str]:
    """The choices in pydantic's list ``'a', 'b' or 'c'``."""
    return [word for choice in text.replace("' or '", "', '").split(", ") if (word := choice.strip().strip("'"))]


def _keys(model: type[Any], location: Location) -> list[str]:
    """The keys of the model at a location."""
    models = _models(model)
    for step in location:
        fields = [
            field.annotation
            for each in models
            for name, field in each.model_fields.items()
            if step in (name, field.alias)
        ]
        # A list index, a key of a free mapping or a branch of a union stays in the models of the previous step.
        if fields:
            models = set().union(*(_models(annotation) for annotation in fields)) or models
    return sorted({field.alias or name for each in models for name, field in each.model_fields.items()})


def _models(annotation: Any) -> set[type[pydantic.BaseModel]]:
    """The models of pydantic anywhere in a type."""
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return {annotation}
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return {pydantic_model(annotation)}
    return set().union(*(_models(part) for part in typing.get_args(annotation)))
