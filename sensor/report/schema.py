"""Schema: the JSON of a report, for programs that read it. ``python -m sensor.report.schema >
sensor/report/schema.json`` writes it again.
"""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any

import msgspec

from sensor.report.model import Report


def schema() -> str:
    """JSON Schema 2020-12, made of the model."""
    made = _described(msgspec.json.schema(Report))
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Report of the passive network sensor",
        **made,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _described(part: Any) -> Any:
    """With descriptions as every Python reads docstrings: from 3.13 on they come without their indentation."""
    if isinstance(part, list):
        return [_described(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {
        key: inspect.cleandoc(one) if key == "description" and isinstance(one, str) else _described(one)
        for key, one in part.items()
    }


if __name__ == "__main__":
    sys.stdout.write(schema())
