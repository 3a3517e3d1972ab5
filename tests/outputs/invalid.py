"""Faults that invalid options report."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError


def faults_of(raised: pytest.ExceptionInfo[ValidationError]) -> list[tuple[tuple[Any, ...], str]]:
    """Field and message of each fault; for pydantic's own faults the type, since its wording varies."""
    return [
        (one["loc"], one["msg"].removeprefix("Value error, ") if one["type"] == "value_error" else one["type"])
        for one in raised.value.errors(include_url=False)
    ]
