"""The section ``logging:`` of the configuration, which every process of the sensor reads."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Logging(BaseModel):
    """Log messages on standard error: ``format`` (default: console, or the fields of the journal if systemd started the
    sensor), and the least severe ``level`` that is written.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    format: Literal["console", "json"] | None = None
    level: Literal["debug", "info", "warning", "error"] = "info"
