"""The names of severities are those of the enumeration, in its order."""

from __future__ import annotations

from sensor.core.alert import Severity
from sensor.core.severities import SEVERITIES


def test_names_in_ascending_order() -> None:
    """Lists and filters import the names alone."""
    assert tuple(Severity.__members__) == SEVERITIES
