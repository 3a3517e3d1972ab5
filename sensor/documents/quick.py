"""Valid documents without pydantic, whose import and validators take a second for a configuration.

msgspec converts values to a model in microseconds, but reports only the first fault, without a position. So this is
only tried first: what is not accepted here is validated by pydantic, which reports all faults or accepts it. Nothing is
accepted here that pydantic would reject, or with another value.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar, get_args, get_origin

import msgspec

from sensor.core.model import Check, Model
from sensor.documents.paths import Placed, relative

Made = TypeVar("Made", bound=Model)

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
NESTED = (Model, Placed, list, tuple, dict)


class Unsure(Exception):
    """A value that is invalid, or that only pydantic can validate."""


class _Field(NamedTuple):
    name: str
    limits: Mapping[str, Any]
    checks: tuple[Callable[[Any], Any], ...]


def converted(model: type[Made], value: Any, context: object) -> Made:
    """The values of a document as a model. ``context``: as for ``load_document``. Raises Unsure."""
    try:
        return _examined(msgspec.convert(value, model, dec_hook=functools.partial(_of_text, context)), context)
    except (msgspec.ValidationError, ValueError) as error:
        raise Unsure from error


def _of_text(context: object, kind: type[Any], value: Any) -> Any:
    """A value of a type that documents state as text: a path, which is relative to its document, or one of ours."""
    if not isinstance(value, str) or (kind is Path and not isinstance(context, Path)):
        raise Unsure
    return relative(value, context) if isinstance(context, Path) and kind is Path else kind(value)


def _examined(made: Made, context: object) -> Made:
    """A model whose values are within their limits, with the values that its checks return."""
    changed: dict[str, Any] = {}
    for field in _fields(type(made)):
        value = getattr(made, field.name)
        if value is None:
            continue
        if not all(LIMITS[name](value, limit) for name, limit in field.limits.items()):
            raise Unsure
        new = _nested(value, context)
        for check in field.checks:
            new = check(new)
        if new is not value:
            changed[field.name] = new
    made = made.model_copy(update=changed) if changed else made
    made.check_whole(context)
    return made


def _nested(value: Any, context: object) -> Any:
    """The value; if it is a model or has some, they are examined. Text is plain: the folder of its layer matters only
    for paths.
    """
    if isinstance(value, Model):
        return _examined(value, context)
    if isinstance(value, Placed):
        return str(value)
    if isinstance(value, list | tuple) and any(isinstance(one, NESTED) for one in value):
        return type(value)(_nested(one, context) for one in value)
    if isinstance(value, dict) and any(isinstance(one, NESTED) for item in value.items() for one in item):
        return {_nested(key, context): _nested(one, context) for key, one in value.items()}
    return value


@functools.cache
def _fields(model: type[Model]) -> tuple[_Field, ...]:
    return tuple(
        _Field(
            field.name,
            {name: limit for name, limit in model.__limits__[field.name].items() if name != "description"},
            tuple(_checks(field.type)),
        )
        for field in msgspec.structs.fields(model)
    )


def _checks(kind: Any) -> Iterator[Callable[[Any], Any]]:
    """The checks of the type of a field. Raises Unsure for those that need pydantic, and for limits and checks of
    parts of the type.
    """
    inner, *metadata = _parts(kind)
    if inner is not Path:
        for one in metadata:
            if not isinstance(one, Check) or one.first or one.informed:
                raise Unsure
            yield one.function
    if any(map(_is_limited, get_args(inner))):
        raise Unsure


def _is_limited(kind: Any) -> bool:
    inner, *metadata = _parts(kind)
    return inner is not Path and (bool(metadata) or any(map(_is_limited, get_args(inner))))


def _parts(kind: Any) -> tuple[Any, ...]:
    """A type without its metadata, then these."""
    return get_args(kind) if get_origin(kind) is Annotated else (kind,)
