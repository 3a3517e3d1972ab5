"""``sensor config show``: what counts, and where each value comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from pydantic import BaseModel

from sensor.cli._config_keys import as_yaml, shown
from sensor.config import Config, detector_units, load_config, model
from sensor.documents import Place, places

Way = tuple[str | int, ...]


class Value(NamedTuple):
    """``way``: the keys that lead to it; ``origin``: file and line, ``default``, or the preset."""

    way: Way
    value: Any
    origin: str


def values(path: Path | None, *, everything: bool) -> list[Value]:
    """The values in the files, or ``everything`` in effect. Raises DocumentErrors if they are invalid."""
    config = load_config(path) if path is not None else model()()
    set_at = places(path) if path is not None else {}
    found = [_value(config, way, value, set_at) for way, value in _leaves(config)]
    return [one for one in found if everything or one.way in set_at]


def _leaves(config: Config) -> Iterator[tuple[Way, Any]]:
    plain = config.model_dump(mode="json", by_alias=True, exclude={"outputs", "detectors"})
    plain["alerts"]["least"] = config.least.name
    yield from _parts((), plain)
    for name in detector_units():
        yield from _parts(("detectors", name), _dumped(config.options(name)))
    yield from ((("outputs",), {}),) if not config.outputs else ()
    for name, options in config.outputs.items():
        # Its type first, as people write it.
        dumped = _dumped(options)
        yield from _parts(("outputs", name), {"type": dumped["type"], **dumped})


def _dumped(options: BaseModel) -> dict[str, Any]:
    return options.model_dump(mode="json", by_alias=True)


def _parts(way: Way, value: Any) -> Iterator[tuple[Way, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _parts((*way, key), item)
    else:
        yield way, value


def _value(config: Config, way: Way, value: Any, set_at: Mapping[Way, Place]) -> Value:
    return Value(way, shown(way, value), _origin(config, way, set_at))


def _origin(config: Config, way: Way, set_at: Mapping[Way, Place]) -> str:
    place = set_at.get(way)
    if place is not None and not (way == ("alerts", "least") and config.alerts.least is None):
        return f"{place.path}:{place.line}"
    by_preset = way == ("alerts", "least")
    if way[0] == "detectors":
        given = getattr(config.detectors, str(way[1]).replace(".", "__"))
        by_preset = way[2] in config.options(str(way[1])).model_fields_set - given.model_fields_set
    return (
        f"preset {config.preset}" if by_preset and config.preset != Config.model_fields["preset"].default else "default"
    )


def as_document(found: list[Value]) -> Iterator[str]:
    """Lines of YAML, each value with where it comes from."""
    above: Way = ()
    for way, value, origin in found:
        same = next(
            (depth for depth, (a, b) in enumerate(zip(above, way, strict=False)) if a != b), min(len(above), len(way))
        )
        for depth in range(min(same, len(way) - 1), len(way) - 1):
            yield f"{'  ' * depth}{as_yaml(way[depth])}:"
        yield f"{'  ' * (len(way) - 1)}{as_yaml(way[-1])}: {as_yaml(value)}  # {origin}"
        above = way


def as_json(found: list[Value]) -> Iterator[str]:
    """One object a value; the way is one that jq's setpath takes."""
    for way, value, origin in found:
        yield msgspec.json.encode({"key": way, "value": value, "from": origin}).decode()
