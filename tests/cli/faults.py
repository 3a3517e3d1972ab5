"""What tests of invalid input compare: the code of a message and the values it names, not its sentence."""

from __future__ import annotations

from typing import Any


def reports(result: Any, code: str, *values: str) -> bool:
    """Whether all messages of a command have the same code and name each value."""
    return set(result.errors) == {code} and all(value in result.err for value in values)
