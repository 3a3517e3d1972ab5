"""The values of a configuration: their origin, which of them may be shown, and the differences between two
configurations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sensor.config import Config, detector_units, load_config
from sensor.core.model import Model
from sensor.documents import Position, places
from sensor.presets import PRESETS

# Keys that a reload applies. All others concern resources that are opened or sized at the start.
AT_ONCE = (
    "alerts", "detectors", "evidence", "fingerprints", "intel", "inventory.gone_after_h", "logging", "networks",
    "outputs", "preset", "retention", "roles", "sensor.site", "tickets", "timezone",
)  # fmt: skip
_SECRET_HEADER = re.compile(r"(?i)key|token|secret|auth|pass|cookie|signature")

Way = tuple[str | int, ...]


class Value(NamedTuple):
    """``way``: the path of keys; ``origin``: file and line, ``default``, or the preset."""

    way: Way
    value: Any
    origin: str


def values(path: Path | None, *, everything: bool, texts: Mapping[Path, str] = {}) -> list[Value]:
    """The values in the files, or ``everything`` in effect. ``texts``: contents of files, in place of those on disk.
    Raises DocumentErrors if they are invalid.
    """
    config = load_config(path, texts)
    set_at = places(path, texts) if path is not None else {}
    found = [_value(config, way, value, set_at) for way, value in _leaves(config)]
    return [one for one in found if everything or one.way in set_at]


def _leaves(config: Config) -> Iterator[tuple[Way, Any]]:
    plain = config.model_dump(mode="json", by_alias=True, exclude=("outputs", "detectors"))
    plain["alerts"]["least"] = config.least.name
    yield from _parts((), plain)
    for name in detector_units():
        yield from _parts(("detectors", name), config.options(name).model_dump(mode="json"))
    yield from ((("outputs",), {}),) if not config.outputs else ()
    for name, options in config.outputs.items():
        # The type first, as users write it.
        dumped = options.model_dump(mode="json", by_alias=True)
        yield from _parts(("outputs", name), {"type": dumped["type"], **dumped})


def _parts(way: Way, value: Any) -> Iterator[tuple[Way, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _parts((*way, key), item)
    else:
        yield way, value


def _value(config: Config, way: Way, value: Any, set_at: Mapping[Way, Position]) -> Value:
    return Value(way, shown(way, value), _origin(config, way, set_at))


def _origin(config: Config, way: Way, set_at: Mapping[Way, Position]) -> str:
    place = set_at.get(way)
    if place is not None and not (way == ("alerts", "least") and config.alerts.least is None):
        return f"{place.path}:{place.line}"
    by_preset = way == ("alerts", "least")
    if way[0] == "detectors":
        by_preset = way[2] in PRESETS[config.preset].options.get(str(way[1]), {})
    return f"preset {config.preset}" if by_preset and config.preset != Config().preset else "default"


def shown(way: tuple[str | int, ...], value: Any) -> Any:
    """A value for display, with secrets in headers and URLs masked."""
    if isinstance(value, list | tuple):
        return [shown(way, one) for one in value]
    if not isinstance(value, str):
        return value
    if len(way) > 1 and way[-2] == "headers" and _SECRET_HEADER.search(str(way[-1])):
        return "…"
    return re.sub(r"\?.*", "?…", re.sub(r"//[^/@]*@", "//…@", value)) if "://" in value else value


def differences(before: Config, after: Config) -> list[str]:
    """The keys with different values, such as ``capture.rings``, ``detectors.discovery.port_scan``,
    ``outputs.siem``.
    """
    one, other = _plain(before), _plain(after)
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))


def _plain(config: Config) -> dict[str, Any]:
    """All keys with plain values, two levels deep; keys missing in the file have their defaults."""
    found: dict[str, Any] = {}
    for section in config.__struct_fields__:
        value = getattr(config, section)
        if section == "detectors":
            found |= {
                f"{section}.{name}": value[name].options if name in value else unit.Options()
                for name, unit in detector_units().items()
            }
        elif section == "outputs":
            found |= {f"{section}.{name}": options.model_dump() for name, options in value.items()}
        elif isinstance(value, Model):
            found |= {f"{section}.{key}": item for key, item in value.model_dump().items()}
        else:
            found[section] = value
    return found


def counts_at_once(key: str) -> bool:
    """Whether a running sensor applies a change without a restart."""
    return any(key == one or key.startswith(f"{one}.") for one in AT_ONCE)
