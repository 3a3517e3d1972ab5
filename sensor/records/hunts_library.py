"""Hunts: saved queries, each in a YAML file that also documents it. A hunt with a schedule runs automatically, and its
findings become alerts.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from sensor.documents import DocumentErrors, Fault, load_document, yaml_files
from sensor.documents.spans import span

DAY_S = 86_400
Technique = Annotated[str, StringConstraints(pattern=r"^T\d{4}(\.\d{3})?$")]
Every = Annotated[int, BeforeValidator(lambda value: span(value, 60, 366 * DAY_S))]


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Entities(_Written):
    """Columns of the result with the parties of a finding: addresses, MACs or device ids. ``time``: the last
    occurrence.
    """

    actor: str = Field(min_length=1)
    target: str = ""
    port: str = ""
    time: str = ""


class HuntTest(_Written):
    """A test of a hunt. ``rows``: by table, ``ts`` in seconds after the start; ``alerts``: expected number."""

    title: str = Field(min_length=3)
    rows: dict[str, list[dict[str, Any]]]
    alerts: int = Field(1, ge=0)


class Hunt(_Written):
    """``title``: what it finds; ``description``: why that matters, and other explanations; ``techniques``: MITRE
    ATT&CK; ``sql``: one SELECT. With a ``schedule`` it runs at this interval over the records of the last
    ``look_back``, and each actor and target of its rows (``entities``) becomes an alert with this ``severity``.
    """

    title: str = Field(min_length=1, max_length=120)
    description: str = Field(min_length=1)
    techniques: tuple[Technique, ...] = ()
    sql: str = Field(min_length=1)
    schedule: Every | None = None
    look_back: Every = DAY_S
    severity: Literal["info", "low", "medium", "high", "critical"] = "medium"
    entities: Entities | None = None
    tests: tuple[HuntTest, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.schedule is not None or self.tests) and self.entities is None:
            raise ValueError("found a schedule or tests without entities, expected the columns with the actor")
        return self


class Hunts(NamedTuple):
    """Hunts by name; ``faults``: errors of files that are left out."""

    by_name: dict[str, Hunt]
    faults: list[Fault]


def library() -> dict[str, Path]:
    """The files of the built-in hunts, by name."""
    folder = Path(str(files("sensor.records"))) / "hunts"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def hunt(path: Path) -> Hunt:
    """The hunt in a file. Raises DocumentErrors."""
    return load_document(path, Hunt)


def files_of(folders: Iterable[Path]) -> list[Path]:
    """The files of the operator's hunts, by name."""
    return sorted(path for folder in folders for path in yaml_files(folder))


def load_hunts(folders: Iterable[Path]) -> Hunts:
    """The operator's hunts; if two have the same name, the last one counts."""
    by_name, faults = dict[str, Hunt](), list[Fault]()
    for path in files_of(folders):
        try:
            by_name[path.stem] = hunt(path)
        except DocumentErrors as errors:
            faults += errors.faults
    return Hunts(by_name, faults)
