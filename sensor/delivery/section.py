"""The section ``outputs:`` of the configuration: a name for each output, its ``type``, and the options of that type.

Valid options depend on the types in a document: those of other types are not imported.
"""

from __future__ import annotations

import fnmatch
import functools
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from types import new_class
from typing import Annotated, Any, Literal

import msgspec

from sensor.core.device import TYPES
from sensor.core.model import Check, Field, Model
from sensor.core.output import Filter, Options, Output
from sensor.core.record import Record
from sensor.delivery.catalogue import formats_of, output_class, types
from sensor.delivery.redaction import NEVER_REDACTED
from sensor.delivery.traffic import FORMATS, KINDS, kinds_of
from sensor.documents import FilePath, NeedsFullValidation, converted, load_values, nearest
from sensor.logs.section import Logging

NAME = re.compile(r"[a-z0-9-]{1,32}")
# Receivers sort and deduplicate by these.
NOT_REDACTED = ("ts", "kind", "action", "severity", "id", "schema", "sensor.seq")
# IEEE 802.1Q, 9.6: twelve bits.
LAST_VLAN = 4095
_TOP = (*Record.__struct_fields__, *KINDS)


class Identity(Model):
    """Identity of this sensor, as far as delivery needs it."""

    id: str = Field(default_factory=lambda: platform.node() or "sensor")
    site: str = ""


class Delivery(Model):
    """The part of a configuration that delivery needs. ``outputs``: options by name."""

    sensor: Identity = Field(default_factory=Identity)
    logging: Logging = Logging()
    events: FilePath | None = None
    state: FilePath | None = None
    outputs: dict[str, Any] = {}


def load_delivery(path: Path | None, texts: Mapping[Path, str] = {}) -> Delivery:
    """The delivery part of a configuration, or the defaults. ``texts``: contents of layers, in place of those on disk.
    Raises DocumentErrors with all of its faults.
    """
    if path is None:
        return Delivery()
    values = load_values(path, texts)
    made = _converted(values, path.parent) if values is not None else None
    if made is not None:
        return made
    from sensor.delivery.section_schema import validated  # imports pydantic

    return validated(path, texts)


def _converted(values: Mapping[str, Any], folder: Path) -> Delivery | None:
    """The delivery part of valid values; None if one may be invalid."""
    part = {name: value for name, value in values.items() if name in Delivery.__struct_fields__}
    identity, outputs = part.get("sensor"), part.pop("outputs", {})
    if isinstance(identity, dict):
        part["sensor"] = {name: value for name, value in identity.items() if name in Identity.__struct_fields__}
    made = outputs_of(outputs, folder)
    try:
        return converted(Delivery, part, folder).model_copy(update={"outputs": made}) if made is not None else None
    except NeedsFullValidation:
        return None


def outputs_of(given: Any, folder: Path) -> dict[str, Options] | None:
    """The options of the outputs of a document in ``folder``, by name; None if they may be invalid."""
    if not isinstance(given, dict):
        return None
    made: dict[str, Options] = {}
    for name, options in given.items():
        kind = kind_of(options)
        if not isinstance(name, str) or not NAME.fullmatch(name) or kind not in types():
            return None
        try:
            made[str(name)] = converted(options_of(kind), options, folder)
        except NeedsFullValidation:
            return None
    return made


def kind_of(options: Any) -> str | None:
    """The type of an output in a document; None if it is not text."""
    kind = options.get("type") if isinstance(options, dict) else None
    return str(kind) if isinstance(kind, str) else None


def type_of(options: Options) -> str:
    """The type of an output by its options."""
    return str(getattr(options, "type", ""))


@functools.cache
def options_of(kind: str) -> type[Options]:
    """The options of a type of output in a document: with ``type``, and with checks of the keys that all types have."""
    unit = output_class(kind)
    base, default = unit.Options, {field.name: field.default for field in msgspec.structs.fields(unit.Options)}

    def check_whole(self: Options, context: Any) -> None:
        base.check_whole(self, context)
        _check_traffic(unit, self)

    body = {
        "__annotations__": {
            "type": Literal[kind],
            "format": Literal[tuple(dict.fromkeys(("", *formats_of(unit))))],
            "filter": Annotated[Filter, Check(_selecting)],
            "fields": list[Annotated[str, Check(_path)]],
            "redact": list[Annotated[str, Check(_redactable)]],
        },
        "__module__": base.__module__,
        "format": default["format"],
        "filter": default["filter"],
        "fields": Field(default_factory=list),
        "redact": Field(default_factory=list),
        "check_whole": check_whole,
    }
    return new_class("Options", (base,), exec_body=lambda members: members.update(body))


def _check_traffic(unit: type[Output], options: Options) -> None:
    """Check that traffic records have an output type and a format that support them."""
    kinds = kinds_of(options.filter)
    form = options.format or formats_of(unit)[0]
    if kinds and not unit.traffic:
        raise ValueError(f"found the kind {kinds[0]!r}, which this type does not accept: expected kinds of events")
    if kinds and form not in FORMATS:
        raise ValueError(f"found the format {form!r} for the kind {kinds[0]!r}, expected {' or '.join(FORMATS)}")


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
    if path.rpartition(".")[2] in NEVER_REDACTED:
        raise ValueError(f"found {path!r}, a time or number that formats need: it cannot be redacted")
    return path


def enabled(outputs: Mapping[str, Any]) -> dict[str, Options]:
    """Enabled outputs."""
    return {name: options for name, options in outputs.items() if options.enabled}
