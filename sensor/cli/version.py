"""Show the versions of the sensor, Python and libraries."""

from __future__ import annotations

import argparse
import json
from typing import Any

import sensor
from sensor.cli._show import add_json_argument

EXAMPLES = """\
  sensor version
  sensor version --json
"""
LIBRARIES = (
    "dpkt",
    "lz4",
    "msgspec",
    "netaddr",
    "numpy",
    "pcapy-ng",
    "pydantic",
    "PyYAML",
    "rich",
    "structlog",
    "zstandard",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Print text, or one JSON object."""
    facts = _facts()
    if args.json:
        print(json.dumps(facts))
        return 0
    for name in ("sensor", "python", "platform"):
        print(f"{name:10} {facts[name]}")
    for name in ("units", "libraries"):
        print(f"{name:10} " + ", ".join(f"{key} {value}" for key, value in facts[name].items()))
    return 0


def _facts() -> dict[str, Any]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    libraries = {}
    for name in LIBRARIES:
        try:
            libraries[name] = version(name)
        except PackageNotFoundError:
            libraries[name] = "missing"
    units = {name: _units(name) for name in ("dissectors", "detectors")}
    python = f"{platform.python_version()} ({platform.python_implementation()})"
    return {
        "sensor": sensor.__version__,
        "python": python,
        "platform": platform.platform(),
        "units": units,
        "libraries": libraries,
    }


def _units(name: str) -> int:
    """Number of units in a folder, without the code that they share: files are counted, nothing is imported."""
    import importlib.util
    from pathlib import Path

    from sensor.registry import SHARED

    spec = importlib.util.find_spec(f"sensor.{name}")
    folders = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
    found = {path.relative_to(folder) for folder in folders for path in folder.rglob("*.py")}
    return len({path for path in found if not path.name.startswith("_") and SHARED not in path.parts})
