"""Advice on each setting: ``fingerprints/recommendations``, one file per kind of settings. It has the reason, the fix,
where vendors put it, and how to verify the fix, and is read when the first recommendation is reported.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Literal

from sensor.core.model import Field, Model
from sensor.documents import DocumentErrors, Fault, fault_at, load_shipped, own_folder
from sensor.fingerprinting.load import own_vocabulary
from sensor.posture.recommendations.tables import FOLDER, TABLES
from sensor.posture.vulnerabilities.curated import Text, Vendors

Long = Annotated[str, Field(min_length=1, max_length=1024)]


class Advice(Model):
    """One setting. ``makers``: vendor → location of the setting in its devices."""

    setting: str = Field(pattern=r"^[a-z0-9_]+$", max_length=64)
    title: Text
    severity: Literal["info", "low", "medium", "high", "critical"]
    why: Long
    fix: Long
    makers: Annotated[dict[str, Long], Vendors] = {}
    test: Long


class AdviceFile(Model):
    """One file."""

    recommendations: list[Advice] = Field(min_length=1)


@functools.cache
def load_advice(folder: Path | None = None) -> dict[str, Advice]:
    """All settings by name. Raises DocumentErrors with all faults of the files."""
    folder = folder or own_folder() / FOLDER
    found: dict[str, Advice] = {}
    faults: list[Fault] = []
    for path in sorted(path for path in folder.glob("*.yaml") if path.name not in TABLES):
        try:
            document = load_shipped(path, AdviceFile, own_vocabulary)
        except DocumentErrors as errors:
            faults += errors.faults
            continue
        for number, entry in enumerate(document.recommendations):
            if entry.setting in found:
                place = ("recommendations", number, "setting")
                faults.append(fault_at(path, place, f"found the setting {entry.setting} twice, expected it once"))
            found[entry.setting] = entry
    if faults:
        raise DocumentErrors(faults)
    return found
