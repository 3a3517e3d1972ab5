"""The section ``outputs:`` of the configuration: a name for each output, its ``type``, and the options of that type.

Valid options depend on the types in a document, so the model is built for the document. Faults then have a position and
the nearest key of that output, and unused types are not imported.
"""

from __future__ import annotations

import fnmatch
import functools
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    create_model,
)

from sensor.core.device import TYPES
from sensor.core.output import Filter, Options, Output
from sensor.core.record import Record
from sensor.delivery.catalogue import formats_of, output_class, types
from sensor.delivery.redaction import RECKONED
from sensor.delivery.traffic import FORMATS, kinds_of
from sensor.documents import DocumentErrors, FilePath, load_document, nearest
from sensor.logs.section import Logging

NAME = re.compile(r"[a-z0-9-]{1,32}")
# Receivers sort and deduplicate by these.
NOT_REDACTED = ("ts", "kind", "action", "severity", "id", "schema", "sensor.seq")
# IEEE 802.1Q, 9.6: twelve bits.
LAST_VLAN = 4095
_TOP = tuple(Record.__struct_fields__)
# Number of cached document models.
MODELS = 8
Whole = TypeVar("Whole", bound=BaseModel)


class Identity(BaseModel):
    """Identity of this sensor, as far as delivery needs it."""

    id: str = Field(default_factory=lambda: platform.node() or "sensor")
    site: str = ""


class Delivery(BaseModel):
    """The part of a configuration that delivery needs. ``outputs``: options by name."""

    sensor: Identity = Field(default_factory=Identity)
    logging: Logging = Logging()
    events: FilePath | None = None
    outputs: dict[str, Any] = {}


class _Any(BaseModel):
    """A document of which only one section is read."""

    model_config = ConfigDict(extra="ignore")
    outputs: Any = None


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def load_delivery(path: Path | None) -> Delivery:
    """The delivery part of a configuration, or the defaults. Raises DocumentErrors with all of its faults."""
    if path is None:
        return Delivery()
    return load_document(path, with_section(Delivery, section(path)), context=path.parent)


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


def outputs_of(given: Mapping[str, Any], folder: Path) -> dict[str, Options] | None:
    """The options of the outputs of a document in ``folder``, by name; None if they have faults."""
    kind, _ = _field(given)
    try:
        made: dict[str, Options] = TypeAdapter(kind).validate_python(given, context=folder)
    except ValidationError:
        return None
    return made


def _field(given: Any) -> Any:
    """Type and default of the field ``outputs`` for the outputs of a document."""
    kinds = tuple((str(name), _kind(options)) for name, options in given.items()) if isinstance(given, dict) else ()
    return (Annotated[_model(kinds), AfterValidator(_by_name)], ...)


def _kind(options: Any) -> str | None:
    """The type of an output in the document; None if it is not text."""
    kind = options.get("type") if isinstance(options, dict) else None
    return kind if isinstance(kind, str) else None


def type_of(options: Options) -> str:
    """The type of an output by its options."""
    return str(getattr(options, "type", ""))


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
    return create_model("Outputs", __base__=_Section, **fields)


def _options(kind: str | None) -> Any:
    """The options of a type, with the shared options. For an unknown type, only that is reported."""
    if kind not in types():
        unknown: dict[str, Any] = {"type": (_one_of(types()), ...)}
        return create_model("Output", __config__=ConfigDict(extra="ignore"), **unknown)
    unit = output_class(kind)
    exact: dict[str, Any] = {
        "type": (_one_of([kind]), ...),
        "format": (_one_of(["", *formats_of(unit)]), unit.Options.model_fields["format"].default),
        "filter": (Annotated[Filter, AfterValidator(_selecting)], unit.Options.model_fields["filter"].default),
        "fields": (list[Annotated[str, AfterValidator(_path)]], []),
        "redact": (list[Annotated[str, AfterValidator(_redactable)]], []),
    }
    return Annotated[
        create_model("Options", __base__=unit.Options, **exact), AfterValidator(functools.partial(_rows_as, unit))
    ]


def _rows_as(unit: type[Output], options: Options) -> Options:
    """Check that traffic records have an output type and a format that support them."""
    kinds = kinds_of(options.filter)
    form = options.format or formats_of(unit)[0]
    if kinds and not unit.traffic:
        raise ValueError(f"found the kind {kinds[0]!r}, which this type does not accept: expected kinds of events")
    if kinds and form not in FORMATS:
        raise ValueError(f"found the format {form!r} for the kind {kinds[0]!r}, expected {' or '.join(FORMATS)}")
    return options


def _one_of(words: list[str]) -> Any:
    return Literal[tuple(words)]


def _by_name(outputs: BaseModel) -> dict[str, Any]:
    return {str(field.alias): getattr(outputs, name) for name, field in type(outputs).model_fields.items()}


def _named(name: Any, options: Any) -> Any:
    if not NAME.fullmatch(str(name)):
        raise ValueError(
            f"found an output called {str(name)[:64]!r}, expected 1 to 32 lowercase letters, digits and dashes"
        )
    return options


def _selecting(chosen: Filter) -> Filter:
    """Check that a filter can match: a misspelled type would silently match nothing."""
    for glob in chosen.types:
        if not fnmatch.filter(TYPES, glob):
            raise ValueError(f"found the type {glob[:64]!r}, {nearest(glob, TYPES)}")
    for vlan in chosen.vlans:
        if not 0 <= vlan <= LAST_VLAN:
            raise ValueError(f"found the VLAN {vlan}, expected 0 to {LAST_VLAN}")
    return chosen


def _path(path: str) -> str:
    """Check that a path within records begins with a known word."""
    first = path.partition(".")[0]
    if first not in _TOP:
        raise ValueError(f"found the path {path[:64]!r}, {nearest(first, _TOP)}")
    return path


def _redactable(path: str) -> str:
    if _path(path) in NOT_REDACTED or path == "sensor":
        raise ValueError(f"found {path!r}, which receivers need to sort and deduplicate: it cannot be redacted")
    if path.rpartition(".")[2] in RECKONED:
        raise ValueError(f"found {path!r}, a time or number that formats need: it cannot be redacted")
    return path


def enabled(outputs: Mapping[str, Any]) -> dict[str, Options]:
    """Enabled outputs."""
    return {name: options for name, options in outputs.items() if options.enabled}
