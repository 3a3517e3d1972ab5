"""A configuration as text: the given answers, and all other keys with their defaults, commented out. It is generated
from the models, so that it is complete.

Descriptions begin with ``# `` and a letter; other lines with ``#`` are settings, which apply without that character.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from sensor.cli._config_keys import as_yaml, described, description_of, key_of, models_in
from sensor.config import Config, detector_units
from sensor.config_schema import model
from sensor.core.model import Model
from sensor.core.model_schema import pydantic_model
from sensor.delivery.catalogue import output_class, types

WIDTH = 120
HEAD = """\
# Configuration of the sensor. Commented keys show their defaults: to change one, remove the # before it and before the keys above it.
# `sensor config check` lists faults, `sensor config show --effective` the values in use. Files in conf.d beside this one override it.
"""
EXAMPLE = "siem: {type: http, url: https://siem.example.org/events, token: file:/etc/sensor/siem.token}"

Answers = Mapping[str, Any]


def document(answers: Answers) -> str:
    """The text. ``answers``: values by section and key, as in a document."""
    sections = model()
    prose = described(sections)
    lines = [HEAD]
    for name, field in sections.model_fields.items():
        below = models_in(field.annotation)
        lines += _prose((description_of(below[0]) if below else "") or prose[name])
        if name == "detectors":
            lines += _detectors()
        elif name == "outputs":
            lines += _outputs(answers.get("outputs", {}))
        else:
            lines += _setting(name, field.get_default(call_default_factory=True), answers.get(name), 0)
        lines.append("")
    return "\n".join(lines)


def _prose(prose: str) -> list[str]:
    first = prose.partition(" ")[0]
    # A key keeps its case.
    prose = f"{prose[:1] if first.endswith(':') else prose[:1].upper()}{prose[1:].rstrip('.')}." if prose else ""
    return textwrap.wrap(prose, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _setting(key: str, default: Any, answer: Any, depth: int, prose: str = "") -> Iterator[str]:
    """One key with its children. A section without answers is commented out."""
    mark = "" if answer is not None else "#"
    indent = "  " * depth
    if not isinstance(default, Model):
        plain, about = _plain(default if answer is None else answer), f"  # {prose}" if prose else ""
        if isinstance(plain, list | tuple) and len(as_yaml(plain)) > WIDTH:
            yield f"{mark}{indent}{as_yaml(key)}:{about}"
            yield from (f"{mark}{indent}  {line}" for line in _lines(plain))
        else:
            yield f"{mark}{indent}{as_yaml(key)}: {as_yaml(plain)}{about}"
        return
    yield f"{mark}{indent}{as_yaml(key)}:"
    yield from _below(pydantic_model(type(default)), default, answer or {}, depth + 1)


def _below(unit: type[BaseModel], values: Model | None, answers: Answers, depth: int) -> Iterator[str]:
    """The keys of a section; without ``values`` only those with a default or an answer."""
    for name, field in unit.model_fields.items():
        key = key_of(unit, name)
        if values is not None or not field.is_required() or key in answers:
            default = getattr(values, name) if values is not None else field.get_default(call_default_factory=True)
            yield from _setting(key, default, answers.get(key), depth, field.description or "")


def _lines(values: Sequence[Any]) -> list[str]:
    """A list as lines; a long one is wrapped."""
    lines = ["["]
    for value in values:
        if len(lines[-1]) > WIDTH - 40:
            lines.append(" ")
        lines[-1] += f"{as_yaml(value)}, "
    return [line.rstrip() for line in lines[:-1]] + [lines[-1].rstrip(", ") + "]"]


def _plain(value: Any) -> Any:
    """A default in the notation of a document."""
    if isinstance(value, Model):
        return value.model_dump(mode="json", by_alias=True)
    return value if value is None or isinstance(value, bool | int | float | list | tuple | dict) else str(value)


def _detectors() -> Iterator[str]:
    yield "#detectors:"
    for name, unit in detector_units().items():
        yield f"#  {name}:  # {unit.title}"
        yield from _below(pydantic_model(unit.Options), unit.Options(), {}, 2)


def _outputs(answers: Answers) -> Iterator[str]:
    """The options of each output by its type; without outputs only an empty section."""
    yield from _prose(f"Types: {', '.join(types())}")
    yield f"# For example {EXAMPLE}"
    if not answers:
        yield f"#outputs: {as_yaml(Config().outputs)}"
        return
    yield "outputs:"
    for name, options in answers.items():
        unit = output_class(options["type"])
        yield f"  {as_yaml(name)}:"
        yield f"    type: {as_yaml(options['type'])}  # {unit.title}"
        yield from _below(pydantic_model(unit.Options), None, options, 2)
