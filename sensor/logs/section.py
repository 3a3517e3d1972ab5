"""The section ``logging:`` of the configuration, which every process of the sensor reads."""

from __future__ import annotations

from typing import Literal

from sensor.core.model import Model


class Logging(Model):
    """Log messages on standard error: ``format`` (default: console, or the fields of the journal if systemd started the
    sensor), and the least severe ``level`` that is written.
    """

    format: Literal["console", "json"] | None = None
    level: Literal["debug", "info", "warning", "error"] = "info"
