"""The section ``logging:`` of the configuration, which every process of the sensor reads."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Logging(BaseModel):
    """Our own messages on standard error: ``format`` (default: console, or the fields of the journal where systemd
    started us), and the slightest ``level`` that is said.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["console", "json"] | None = None
    level: Literal["debug", "info", "warning", "error"] = "info"
