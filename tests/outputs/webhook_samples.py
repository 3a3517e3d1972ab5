"""Every body of a webhook as it would be written now, and the path of its golden file.

``python -m tests.outputs.webhook_samples`` rewrites the golden files: review the difference before it is committed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sensor.outputs import _webhook_bodies as bodies
from tests.outputs.samples import GOLDEN, RECORDS

ROUTING_KEY = "R0UT1NGKEY"
RECEIVERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "slack": bodies.slack,
    "teams": bodies.teams,
    "jira": lambda record: bodies.jira(record, "SOC", "Task"),
    "jira_server": lambda record: bodies.jira_server(record, "SOC", "Task"),
    "servicenow": bodies.servicenow,
    "servicenow_event": bodies.servicenow_event,
    "pagerduty": lambda record: bodies.pagerduty(record, ROUTING_KEY),
}


def file_of(name: str) -> Path:
    return GOLDEN / f"webhook_{name}.json"


def golden_text(name: str) -> str:
    """The text of a golden file: bodies by the name of their record; null where there is none."""
    return (
        json.dumps({case: RECEIVERS[name](record) for case, record in RECORDS.items()}, indent=1, ensure_ascii=False)
        + "\n"
    )


if __name__ == "__main__":
    for each in RECEIVERS:
        file_of(each).write_text(golden_text(each), encoding="utf-8")
