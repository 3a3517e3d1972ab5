"""Ticket formats. One file is one format: ``export(tickets, form)`` is a pure function from tickets to text that ends
with a line end.

Formats with delivery also have ``created`` and ``updated``, the bodies for a new ticket and for a changed one,
``closed``, the body for a finished one, and ``found_by``: the query that finds a ticket at a receiver.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple

from sensor.core.lazy_pattern import lazy_pattern
from sensor.posture.tickets.model import Ticket

_NO_LABEL = lazy_pattern(r"[^A-Za-z0-9._-]+")


class Form(NamedTuple):
    """``source``: the sensor, since two sensors may find the same fix; ``project``, ``issue_type``: of Jira."""

    source: str = "sensor"
    project: str = ""
    issue_type: str = "Task"

    def key(self, name: str) -> str:
        """Permanent key of a ticket at receivers, from its id: ``hq/ticket-5k2m8q``."""
        return f"{self.source}/{name}"

    @property
    def label(self) -> str:
        """The sensor as a label without blanks."""
        return "sensor-" + (_NO_LABEL.sub("-", self.source).strip("-") or "unnamed")


def names() -> list[str]:
    """All formats."""
    return sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))


def format_of(name: str) -> ModuleType:
    """The module of a format."""
    return importlib.import_module(f"{__name__}.{name}")


def exported(name: str, tickets: Sequence[Ticket], form: Form) -> str:
    """All tickets in a format."""
    return str(format_of(name).export(tickets, form))
