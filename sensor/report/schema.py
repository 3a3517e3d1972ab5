"""The JSON Schema of a report, for programs that parse it. ``python -m sensor.report.schema >
sensor/report/schema.json`` updates the file.
"""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any

import msgspec

from sensor.report.model import Report


def schema() -> str:
    """JSON Schema 2020-12, generated from the model."""
    made = _described(msgspec.json.schema(Report))
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Report of the passive network sensor",
        **made,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _described(part: Any) -> Any:
    """With descriptions independent of the Python version: docstrings have no indentation since 3.13."""
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
