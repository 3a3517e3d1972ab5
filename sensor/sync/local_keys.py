"""Local keys, which a layer of a hub must not set: the identity of the sensor, its interfaces, and how it reaches the
hub.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from sensor.documents import DocumentErrors, Fault, fault_at, load_document

LOCAL = (
    ("sensor",), ("state",), ("events",), ("telemetry",), ("console",), ("evidence", "folder"), ("alerts", "mutes"),
    ("capture", "interfaces"), ("capture", "rings"), ("capture", "user"),
)  # fmt: skip
HUB = "hub"


class _Any(BaseModel):
    model_config = ConfigDict(extra="allow")


def check_keys(path: Path, text: str, outputs: Collection[str] = ()) -> None:
    """Raises DocumentErrors if the document of a layer sets a local key. ``outputs``: names of the outputs
    to the hub.
    """
    if not any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines()):
        return
    given = load_document(path, _Any, text=text).model_extra or {}
    faults = list(_faults(path, text, given, outputs))
    if faults:
        raise DocumentErrors(faults)


def _faults(path: Path, text: str, given: dict[str, Any], outputs: Collection[str]) -> Iterator[Fault]:
    for way in LOCAL:
        if _holds(given, way):
            yield fault_at(
                path, way, f"found {'.'.join(way)}, which only the local configuration may set", text=text, key=True
            )
    chosen = given.get("outputs")
    for name, options in chosen.items() if isinstance(chosen, dict) else ():
        if name in outputs or (isinstance(options, dict) and options.get("type") == HUB):
            message = f"found the output {name!r} to a hub, which only the local configuration may set"
            yield fault_at(path, ("outputs", name), message, text=text, key=True)


def _holds(given: Any, way: tuple[str, ...]) -> bool:
    for key in way:
        if not isinstance(given, dict) or key not in given:
            return False
        given = given[key]
    return True
