"""Hunts: queries that are kept, each in a YAML file that is its documentation as well."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from sensor.documents import load_document

Technique = Annotated[str, StringConstraints(pattern=r"^T\d{4}(\.\d{3})?$")]


class Hunt(BaseModel):
    """``title``: what it finds; ``description``: why that matters, and what else it may be; ``techniques``: MITRE
    ATT&CK; ``sql``: one SELECT.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(min_length=1, max_length=120)
    description: str = Field(min_length=1)
    techniques: tuple[Technique, ...] = ()
    sql: str = Field(min_length=1)


def library() -> dict[str, Path]:
    """The files of our own hunts, by name."""
    folder = Path(str(files("sensor.records"))) / "hunts"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def hunt(path: Path) -> Hunt:
    """The hunt of a file. DocumentErrors."""
    return load_document(path, Hunt)
