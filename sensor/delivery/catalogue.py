"""Types of outputs: one file in ``sensor/outputs`` is one type. Only requested types are imported."""

from __future__ import annotations

import importlib
import pkgutil

import sensor.outputs
from sensor.core.output import Output
from sensor.outputs.formats import FORMATS
from sensor.registry import unit_of


def types() -> list[str]:
    """All types. Folders (the formats) and files with a leading underscore are excluded."""
    return sorted(
        info.name
        for info in pkgutil.iter_modules(sensor.outputs.__path__)
        if not info.ispkg and not info.name.startswith("_")
    )


def output_class(kind: str) -> type[Output]:
    """The output class of a type."""
    return unit_of(importlib.import_module(f"{sensor.outputs.__name__}.{kind}"), Output)


def formats_of(unit: type[Output]) -> list[str]:
    """The formats that an output supports, its default first."""
    return list(unit.formats) or sorted(FORMATS, key=lambda name: (name != "native", name))
