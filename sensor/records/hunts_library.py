"""Hunts: queries that are kept, each in a YAML file that is its documentation as well. One with a schedule runs by
itself, and what it finds becomes alerts.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from sensor.documents import DocumentErrors, Fault, load_document
from sensor.documents.spans import span

DAY_S = 86_400
Technique = Annotated[str, StringConstraints(pattern=r"^T\d{4}(\.\d{3})?$")]
Every = Annotated[int, BeforeValidator(lambda value: span(value, 60, 366 * DAY_S))]


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entities(_Written):
    """Columns of the result that name who is part of a finding: addresses, MACs or ids of devices. ``time``: when it
    happened last.
    """

    actor: str = Field(min_length=1)
    target: str = ""
    port: str = ""
    time: str = ""


class HuntTest(_Written):
    """What a hunt makes of some rows. ``rows``: by table, ``ts`` in seconds after the begin; ``alerts``: so many."""

    title: str = Field(min_length=3)
    rows: dict[str, list[dict[str, Any]]]
    alerts: int = Field(1, ge=0)


class Hunt(_Written):
    """``title``: what it finds; ``description``: why that matters, and what else it may be; ``techniques``: MITRE
    ATT&CK; ``sql``: one SELECT. With a ``schedule`` it runs so often, over the records of the last ``look_back``, and
    each actor and target of its rows (``entities``) becomes an alert of this ``severity``.
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
            raise ValueError("found a schedule or tests without entities, expected the columns that name the actor")
        return self


class Hunts(NamedTuple):
    """Hunts by name; ``faults``: of files that are left out."""

    by_name: dict[str, Hunt]
    faults: list[Fault]


def library() -> dict[str, Path]:
    """The files of our own hunts, by name."""
    folder = Path(str(files("sensor.records"))) / "hunts"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def hunt(path: Path) -> Hunt:
    """The hunt of a file. DocumentErrors."""
    return load_document(path, Hunt)


def files_of(folders: Iterable[Path]) -> list[Path]:
    """The files of the operator's hunts, by name."""
    return sorted(path for folder in folders for path in (*folder.glob("*.yaml"), *folder.glob("*.yml")))


def load_hunts(folders: Iterable[Path]) -> Hunts:
    """The operator's hunts; of two of the same name the one that is found last."""
    by_name, faults = dict[str, Hunt](), list[Fault]()
    for path in files_of(folders):
        try:
            by_name[path.stem] = hunt(path)
        except DocumentErrors as errors:
            faults += errors.faults
    return Hunts(by_name, faults)
