"""One file of an installed profile: ``for`` (a device, a type or a product), ``controllers`` (class → addresses and
blocks) and ``profile``, the unchanged MUD file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from sensor.core import addresses
from sensor.posture.profiles.installed import PRODUCT, Installed
from sensor.posture.profiles.mud import MudFile, load_json


def _span(value: Any) -> Any:
    try:
        addresses.parse_network(value)
    except (AttributeError, ValueError):
        raise ValueError(f"found {str(value)[:60]!r}, expected an address or a block") from None
    return value


Span = Annotated[str, BeforeValidator(_span)]


class Target(BaseModel):
    """Scope: exactly one of the three."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    device: str | None = Field(None, min_length=1)
    product: str | None = Field(None, min_length=1)
    type: str | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _one(self) -> Target:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("found no device, product or type, or several of them, expected one")
        return self

    @property
    def pair(self) -> tuple[str, str]:
        """Kind of scope and its value."""
        ((kind, value),) = self.model_dump(exclude_none=True).items()
        return kind, value.casefold() if kind == PRODUCT else value

    @property
    def text(self) -> str:
        kind, _ = self.pair
        return f"{kind} {getattr(self, kind)}"


class InstalledFile(BaseModel):
    """A file of the folder."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    target: Target = Field(alias="for")
    controllers: dict[str, list[Span]] = {}
    profile: MudFile


def load_one(path: Path) -> Installed:
    """Raises DocumentErrors or OSError if the file cannot be used."""
    file = load_json(path, InstalledFile)
    controllers = {name: tuple(map(addresses.parse_network, spans)) for name, spans in file.controllers.items()}
    return Installed(path.stem, file.target.pair, file.profile.profile(), controllers)
