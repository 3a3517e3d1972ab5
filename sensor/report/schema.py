"""Schema: what the JSON of a report looks like, for programs that read it. ``python -m sensor.report.schema > sensor/report/schema.json`` writes it anew."""

from __future__ import annotations

import json
import sys

import msgspec

from sensor.report.model import Report


def schema() -> str:
    """JSON Schema 2020-12, made of the model."""
    told = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Report of the passive network sensor", **msgspec.json.schema(Report)}
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema())
