"""Shared by ``backup``, ``restore`` and ``purge``: the location of a sensor's state."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._setup import complain_of_faults

if TYPE_CHECKING:
    from sensor.config import Config
    from sensor.lifecycle.places import SensorPaths


def add_state_argument(parser: argparse.ArgumentParser) -> None:
    state = (
        "folder of the sensor's state, with the event log in it (default: state: and events: of the "
        "configuration, else the state folder)"
    )
    parser.add_argument("--state", metavar="DIR", type=Path, help=state)


def places_of(
    path: Path | None, state: Path | None, texts: Mapping[Path, str] = {}
) -> tuple[Config, SensorPaths] | None:
    """The configuration, the system's if none is given, and the paths of its sensor. ``texts``: contents of its layers,
    if they were read before. None after printing its errors.
    """
    from sensor.config import load_config, usual
    from sensor.datasets.live import live_log
    from sensor.documents import DocumentErrors, layers
    from sensor.eventlog.paths import folder_to_read
    from sensor.lifecycle.places import SensorPaths

    path = usual(path)
    try:
        config, files = load_config(path, texts), layers(path) if path is not None else []
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return None
    folder = (state or config.state or folder_to_read()).absolute()
    log = ((None if state else config.events) or live_log(folder, moved=state is None)).absolute()
    evidence = (None if state else config.evidence.folder) or folder / "evidence"
    base = None if path is None else path if path.is_dir() else path.parent
    known = config.fingerprints
    mutes = (config.alerts.mutes, *config.alerts.shared_mutes)
    named = [one for one in (*mutes, known.oui_registry, *config.intel, *known.folders) if one is not None]
    return config, SensorPaths(folder, log, evidence, base, files, named)


def size_text(size: int) -> str:
    """A size in readable form."""
    return f"{size / (1 << 20):,.1f} MiB" if size >= 1 << 20 else f"{size / 1024:,.0f} KiB"


def reason_of(error: OSError) -> str:
    """The system's error message, and the file."""
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
