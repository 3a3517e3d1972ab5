"""docs/reference/detections.md: every detection, from the classes that make the alerts."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any

from docs._configuration import whole
from docs._markdown import blocks, code, inline, link, page, table
from docs._schema import Key
from sensor.alerts.roles import ROLES
from sensor.cli._config_keys import as_yaml
from sensor.config import detector_units
from sensor.core.attack import TECHNIQUES, Technique
from sensor.core.detector import Detector, DeviceDetector, EventDetector
from sensor.core.event import kind_of
from sensor.presets import PRESETS

HEADS = ("option", "value", "default", "presets", "meaning")
INTRODUCTION = """\
This page lists every detection with its logic, severity, ATT&CK techniques and options. The id of a detection is the
key of its options in the configuration, and `alert.detector` in an event. The listed severity is the default;
confidence, the actor and the response of the target raise or lower it. `alert.numbers` contains the measured values
with their thresholds, `alert.mute` the command that mutes such alerts for a week. Techniques are from ATT&CK version
18.

Options are set by id, and `enabled: false` disables a detection:

```yaml
detectors:
  discovery.port_scan: {ports: 40, exempt: [10.1.0.9]}
  device.http_errors: {enabled: true}
```

Custom rules are also detections: `sensor rules example` prints an example.
"""


def detections() -> str:
    """The page."""
    return page("Detections", _lines())


def _lines() -> Iterator[str]:
    units = detector_units()
    yield INTRODUCTION
    folders = dict.fromkeys(name.rpartition(".")[0] for name in units)
    for folder in folders:
        found = {name: unit for name, unit in units.items() if name.rpartition(".")[0] == folder}
        yield from (f"## {folder}", "")
        rows = [
            (link(name), inline(unit.title), unit.severity.name, ", ".join(unit.techniques))
            for name, unit in found.items()
        ]
        yield from table(("id", "title", "severity", "ATT&CK"), rows)
    for name, unit in units.items():
        yield from _one(name, unit)


def _one(name: str, unit: type[Detector]) -> Iterator[str]:
    yield from (f"### {name}", "", f"**{inline(unit.title)}.** {inline(_story(unit))}", "")
    yield from (f"- {what}: {text}" for what, text in facts(name, unit))
    yield ""
    keys = options(name)
    if keys:
        yield from table(
            HEADS,
            [(code(key.path), key.kind, key.default, _presets(name, key.path), inline(key.about)) for key in keys],
        )


def _story(unit: type[Detector]) -> str:
    """The docstring of the detector's module as one paragraph."""
    doc = sys.modules[unit.__module__].__doc__ or ""
    return " ".join(part for _, part in blocks(doc))


def facts(name: str, unit: type[Detector]) -> Iterator[tuple[str, str]]:
    """(label, text) of all properties except the options."""
    yield "Severity", unit.severity.name
    if unit.techniques:
        yield "ATT&CK", "; ".join(map(_technique, (TECHNIQUES[technique] for technique in unit.techniques)))
    yield "How it works", f"{inline(inspect.cleandoc(unit.__doc__ or ''))} {_watched(unit)}".strip()
    if not unit.Options().enabled:
        on = [preset for preset, one in PRESETS.items() if one.options.get(name, {}).get("enabled")]
        preset = f", or with the preset {code(on[0])}" if on else ""
        yield "Disabled by default", f"enable with {code('enabled: true')}{preset}"
    jobs = [code(role) for role, belongs in ROLES.items() if name.startswith(belongs)]
    if jobs:
        yield "Low severity", f"for hosts with the role {' or '.join(jobs)}"
    yield "Common false positives", inline(unit.false_positives)
    yield "Response", inline(unit.advice)


def _technique(one: Technique) -> str:
    return (
        f"[{one.technique}](https://attack.mitre.org/techniques/{one.technique.replace('.', '/')}/) "
        f"{one.name} ({one.tactic})"
    )


def _watched(unit: type[Detector]) -> str:
    if issubclass(unit, EventDetector):
        return f"Input: the events {', '.join(code(kind_of(event)) for event in unit.watches)}."
    return "Input: changes of the inventory." if issubclass(unit, DeviceDetector) else "Input: flows."


def options(name: str) -> list[Key]:
    """The options of a detection except ``enabled``, which all have."""
    made = whole()
    section = made.resolved(made.root["properties"]["detectors"])["properties"][name]
    return [key for key in made.keys(section) if key.path != "enabled"]


def _presets(name: str, option: str) -> str:
    """The values that presets set for an option."""
    values: dict[str, Any] = {preset: one.options.get(name, {}).get(option) for preset, one in PRESETS.items()}
    return ", ".join(f"{preset} {code(as_yaml(value))}" for preset, value in values.items() if value is not None)
