"""Which faults become tickets, their owners, and their due dates, from the section ``tickets:`` of the
configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from sensor.core.alert import Severity
from sensor.core.reader import clean
from sensor.posture.site import Node

DUE_DAYS = {"critical": 7, "high": 30, "medium": 90, "low": 180, "info": 365}
NAME_LIMIT = 64


class Policy(NamedTuple):
    """``due_days``: by severity, from the first sighting; ``owner``: default; ``types``, ``segments``, ``tags``: owners
    by type, segment and tag, for devices without an owner; ``least``, ``least_points``: less severe faults make no
    ticket.
    """

    due_days: Mapping[str, int] = DUE_DAYS
    owner: str = ""
    types: Mapping[str, str] = {}
    segments: Mapping[str, str] = {}
    tags: Mapping[str, str] = {}
    least: Severity = Severity.low
    least_points: float = 0.0

    def owner_of(self, node: Node) -> str:
        """The device's owner; otherwise that of a tag, its segment or its type, in this order; empty if none is
        configured.
        """
        named = (
            *(self.tags.get(tag, "") for tag in _tags(node)),
            self.segments.get(node.segment, ""),
            self.types.get(node.type, ""),
        )
        return clean(node.owner or next(filter(None, named), ""), NAME_LIMIT)

    def due(self, first: str, severity: Severity) -> str:
        """The due date; empty if the first sighting is unknown."""
        try:
            day = date.fromisoformat(first[:10])
        except ValueError:
            return ""
        return (day + timedelta(days=self.due_days.get(severity.name, DUE_DAYS[severity.name]))).isoformat()


def _tags(node: Node) -> Iterable[str]:
    device = node.record.get("device")
    tags = device.get("tags") if isinstance(device, dict) else None
    return (tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()
