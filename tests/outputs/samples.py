"""Shared by tests of the formats: the records of ``golden/native.json``, and each golden file as it would be written
now.

``python -m tests.outputs.samples`` rewrites the golden files: review the difference before it is committed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sensor.outputs.formats import FORMATS

GOLDEN = Path(__file__).parent / "golden"
RECORDS: dict[str, dict[str, Any]] = json.loads((GOLDEN / "native.json").read_text(encoding="utf-8"))
JSON_FORMATS = ("device_info", "ecs", "native", "ocsf")


def file_of(name: str) -> Path:
    return GOLDEN / (f"{name}.json" if name in JSON_FORMATS else f"{name}.txt")


def golden_text(name: str) -> str:
    """The text of a golden file: objects by the name of their record, or each name and the line below it. Records that
    the format does not support are left out.
    """
    lines = {case: line for case, record in RECORDS.items() if (line := FORMATS[name](record)) is not None}
    if name in JSON_FORMATS:
        return json.dumps({case: json.loads(line) for case, line in lines.items()}, indent=1, ensure_ascii=False) + "\n"
    return "".join(f"# {case}\n{line.decode()}\n" for case, line in lines.items())


if __name__ == "__main__":
    for each in FORMATS:
        file_of(each).write_text(golden_text(each), encoding="utf-8")
