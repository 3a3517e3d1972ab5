"""The section ``outputs:`` as a model of pydantic, which reports all faults of a document with their positions."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from types import new_class
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model

from sensor.core.model import Model
from sensor.core.model_schema import Strict, pydantic_model
from sensor.delivery.catalogue import types
from sensor.delivery.section import NAME, Delivery, Identity, kind_of, options_of
from sensor.documents import DocumentErrors, load_document

# Number of cached document models.
MODELS = 8
Whole = TypeVar("Whole", bound=BaseModel)


class _Any(BaseModel):
    """A document of which only one section is read."""

    model_config = ConfigDict(extra="ignore")
    outputs: Any = None


def validated(path: Path, texts: Mapping[Path, str] = {}) -> Delivery:
    """The delivery part of any configuration. ``texts``: as of ``section``. Raises DocumentErrors with all faults."""
    made = load_document(path, with_section(_delivery(), section(path, texts)), context=path.parent, texts=texts)
    given = {name: getattr(made, name) for name in made.model_fields_set}
    if "sensor" in given:
        given["sensor"] = Identity(**given["sensor"].model_dump())
    return Delivery(**given)


@functools.cache
def _delivery() -> Any:
    """The delivery part of a document, whose other keys are ignored."""
    identity: Any = (_part(Identity), Field(default_factory=_part(Identity)))
    return create_model("Delivery", __base__=_part(Delivery), sensor=identity)


@functools.cache
def _part(model: type[Model]) -> Any:
    """A model of a section of which only some keys are read."""
    body = {"__module__": __name__, "model_config": ConfigDict(extra="ignore")}
    return new_class(model.__name__, (pydantic_model(model),), exec_body=lambda members: members.update(body))


def with_section(model: type[Whole], outputs: Any) -> type[Whole]:
    """The model of a whole document with its own ``outputs`` section, if it has one. Models are large: recent ones are
    cached.
    """
    made: type[Whole] = _joined(model, outputs) if outputs is not None else model
    return made


def section(path: Path, texts: Mapping[Path, str] = {}) -> Any:
    """The field ``outputs`` for this document, for ``with_section``; None if it has no such section. ``texts``: texts
    of layers that replace those on the disk.
    """
    try:
        given = load_document(path, _Any, texts=texts).outputs
    except DocumentErrors:
        return None  # reported with all other faults
    return _field(given) if given is not None else None


def _field(given: Any) -> Any:
    """Type and default of the field ``outputs`` for the outputs of a document."""
    kinds = tuple((str(name), kind_of(options)) for name, options in given.items()) if isinstance(given, dict) else ()
    return (Annotated[_model(kinds), AfterValidator(_by_name)], ...)


@functools.lru_cache(MODELS)
def _joined(model: type[BaseModel], outputs: Any) -> Any:
    return create_model(model.__name__, __base__=model, outputs=outputs)


@functools.lru_cache(MODELS)
def _model(kinds: tuple[tuple[str, str | None], ...]) -> type[BaseModel]:
    """One field for each named output, with its type. Output names may collide with our own names, so they
    are aliases.
    """
    fields: dict[str, Any] = {}
    for place, (name, kind) in enumerate(kinds):
        fields[f"output_{place}"] = (
            Annotated[_options(kind), BeforeValidator(functools.partial(_named, name))],
            Field(alias=name),
        )
    return create_model("Outputs", __base__=Strict, **fields)


def _options(kind: str | None) -> Any:
    """The options of a type. For an unknown type, only that is reported."""
    if kind is not None and kind in types():
        return options_of(kind)
    unknown: dict[str, Any] = {"type": (Literal[tuple(types())], ...)}
    return create_model("Output", __config__=ConfigDict(extra="ignore"), **unknown)


def _by_name(outputs: BaseModel) -> dict[str, Any]:
    return {str(field.alias): getattr(outputs, name) for name, field in type(outputs).model_fields.items()}


def _named(name: Any, options: Any) -> Any:
    if not NAME.fullmatch(str(name)):
        raise ValueError(
            f"found an output called {str(name)[:64]!r}, expected 1 to 32 lowercase letters, digits and dashes"
        )
    return options
