"""The catalogue of errors, errors.yaml: what each code means, an example, and the fix."""

from __future__ import annotations

import functools
from pathlib import Path

from sensor.core.model import Field, Model
from sensor.documents import load_shipped

PATH = Path(__file__).with_name("errors.yaml")


class Entry(Model):
    """One error code. ``example``: a message, as a command prints it; ``fix``: what to do."""

    code: str = Field(pattern=r"^[a-z]+\.[a-z-]+$")
    meaning: str
    example: str
    fix: str


class Catalogue(Model):
    """The file."""

    errors: list[Entry]


@functools.cache
def catalogue() -> dict[str, Entry]:
    """Entries by code, in the order of the file. Raises DocumentErrors if the file is damaged."""
    return {entry.code: entry for entry in load_shipped(PATH, Catalogue).errors}
