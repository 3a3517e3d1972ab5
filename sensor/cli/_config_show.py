"""``sensor config show``: what counts, and where each value comes from."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from sensor.cli._config_keys import as_yaml
from sensor.config_values import Value, Way


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
