"""The built-in detections as help: a list, and one with its techniques, false positives and response."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sensor.core.detector import Detector

PACKAGE = "sensor.detectors"


def detections() -> Iterator[str]:
    """Severity, id and title of each. Rules of the operator have separate ids."""
    found = _found()
    width = max(map(len, found))
    for name, unit in found.items():
        yield f"{unit.severity.name:8}  {name:{width}}  {unit.title}"
    yield ""
    yield "sensor help DETECTION describes one; `sensor rules` lists the operator's own, custom.NAME."


def detection(name: str, wrapped: Callable[[str, str], str]) -> Iterator[str]:
    """One detection. ``wrapped`` indents a text."""
    unit = _found()[name]
    yield f"{unit.severity.name}: {unit.title} ({name})"
    parts = {
        "ATT&CK techniques": ", ".join(unit.techniques),
        "common false positives": unit.false_positives,
        "response": unit.advice,
    }
    for title, text in parts.items():
        if text:
            yield from ("", f"  {title}:", wrapped(text, "    "))


def _found() -> dict[str, type[Detector]]:
    import sensor.detectors
    from sensor.core.detector import Detector
    from sensor.registry import units

    return dict(units(sensor.detectors, Detector))
