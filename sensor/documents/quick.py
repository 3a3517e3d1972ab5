"""Valid documents without pydantic, whose import and validators take a second for a configuration.

msgspec converts values to a model in microseconds, but reports only the first fault, without a position. So this is
only tried first: what is not accepted here is validated by pydantic, which reports all faults or accepts it. Nothing is
accepted here that pydantic would reject, or with another value.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec

from sensor.core.model import Check, FieldSettings, Model
from sensor.documents.paths import LocatedText, relative

Built = TypeVar("Built", bound=Model)

# Whether a value is within a limit, by its name in ``Field``.
LIMITS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "min_length": lambda value, length: len(value) >= length,
    "max_length": lambda value, length: len(value) <= length,
    # pydantic's ``$`` does not match before a line end.
    "pattern": lambda value, pattern: "\n" not in value and re.search(pattern, value) is not None,
}


# Types of values in lists and dicts that ``_nested`` replaces.
NESTED = (Model, LocatedText, list, tuple, dict)


class NeedsFullValidation(Exception):
    """A value that is invalid, or that only pydantic can validate."""


# The value with those that its checks return; gets the context of the document. Raises NeedsFullValidation or
# ValueError.
Examine = Callable[[Any, object], Any]


def converted(model: type[Built], value: Any, context: object) -> Built:
    """The values of a document as a model. ``context``: as for ``load_document``. Raises NeedsFullValidation."""
    try:
        return _examined(msgspec.convert(value, model, dec_hook=functools.partial(_of_text, context)), context)
    except (msgspec.ValidationError, ValueError) as error:
        raise NeedsFullValidation from error


def _of_text(context: object, kind: type[Any], value: Any) -> Any:
    """A value of a type that documents state as text: a path, which is relative to its document, or one of ours."""
    if not isinstance(value, str) or (kind is Path and not isinstance(context, Path)):
        raise NeedsFullValidation
    return relative(value, context) if isinstance(context, Path) and kind is Path else kind(value)


def _examined(made: Built, context: object) -> Built:
    """A model whose values are within their limits, with the values that its checks return."""
    changed: dict[str, Any] = {}
    for name, examine in _fields(type(made)):
        value = getattr(made, name)
        if value is not None and (new := examine(value, context)) is not value:
            changed[name] = new
    made = made.model_copy(update=changed) if changed else made
    made.check_whole(context)
    return made


@functools.cache
def _fields(model: type[Model]) -> tuple[tuple[str, Examine], ...]:
    """Each field, and what examines its value."""
    found = []
    for field in msgspec.structs.fields(model):
        inner, *checks = _parts(field.type)
        limits = FieldSettings(msgspec.NODEFAULT, msgspec.NODEFAULT, None, tuple(model.__limits__[field.name].items()))
        found.append((field.name, _examiner(inner, [limits, *checks])))
    return tuple(found)


def _examiner(kind: Any, metadata: Sequence[Any]) -> Examine:
    """What examines the values of a type: their parts, then limits and checks in order. Raises NeedsFullValidation for
    those that need pydantic.
    """
    parts = _of_parts(kind)
    # A path was made relative when it was converted.
    steps = [_step(one) for one in metadata if kind is not Path or isinstance(one, FieldSettings)]

    def examine(value: Any, context: object) -> Any:
        value = parts(value, context)
        for step in steps:
            value = step(value)
        return value

    return examine


def _of_parts(kind: Any) -> Examine:
    """What examines the parts of values. Without limits and checks in their types, only models among them."""
    parts = [part for part in get_args(kind) if part is not NoneType]
    if not any(map(_is_limited, parts)):
        return _nested
    examiners = [_examiner(inner, metadata) for inner, *metadata in map(_parts, parts)]
    origin = get_origin(kind)
    if origin is list:
        (one,) = examiners
        return lambda value, context: [one(part, context) for part in value]
    if origin is dict:
        key, item = examiners
        return lambda value, context: {key(name, context): item(part, context) for name, part in value.items()}
    if origin in (Union, UnionType) and len(parts) == 1:
        (some,) = examiners
        return lambda value, context: None if value is None else some(value, context)
    raise NeedsFullValidation


def _step(one: Any) -> Callable[[Any], Any]:
    """A limit or a check as a function."""
    if isinstance(one, FieldSettings):
        return functools.partial(_within, {name: limit for name, limit in one.limits if name != "description"})
    if not isinstance(one, Check) or one.first or one.informed:
        raise NeedsFullValidation
    return one.function


def _within(limits: Mapping[str, Any], value: Any) -> Any:
    if not all(LIMITS[name](value, limit) for name, limit in limits.items()):
        raise NeedsFullValidation
    return value


def _nested(value: Any, context: object) -> Any:
    """The value; if it is a model or has some, they are examined. Text is plain: the folder of its layer matters only
    for paths.
    """
    if isinstance(value, Model):
        return _examined(value, context)
    if isinstance(value, LocatedText):
        return str(value)
    if isinstance(value, list | tuple) and any(isinstance(one, NESTED) for one in value):
        return type(value)(_nested(one, context) for one in value)
    if isinstance(value, dict) and any(isinstance(one, NESTED) for item in value.items() for one in item):
        return {_nested(key, context): _nested(one, context) for key, one in value.items()}
    return value


def _is_limited(kind: Any) -> bool:
    inner, *metadata = _parts(kind)
    return inner is not Path and (bool(metadata) or any(map(_is_limited, get_args(inner))))


def _parts(kind: Any) -> tuple[Any, ...]:
    """A type without its metadata, then these."""
    return get_args(kind) if get_origin(kind) is Annotated else (kind,)
