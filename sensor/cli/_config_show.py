"""``sensor config show``: effective values, and the source of each."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from sensor.cli._config_keys import as_yaml
from sensor.config_values import Value, Way


def as_document(found: list[Value]) -> Iterator[str]:
    """Lines of YAML, each value with its source."""
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
    """One object per value; its path is valid for jq's setpath."""
    for way, value, origin in found:
        yield msgspec.json.encode({"key": way, "value": value, "from": origin}).decode()
