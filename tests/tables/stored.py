"""What tests of the tables share: all that they hold, without the numbers that rows happen to have, and a process that
fills them.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from sensor.inventory.store.database import FILE, connect
from sensor.tables.position import position

HELD = {
    "alerts": "SELECT id, key, title, risk, count, first, last, ended, seq, summary, words, state, severity, "
    "detector, verdict, assignee, site, record"
    " FROM alerts JOIN alert_groups ON alert_groups.number = of_group JOIN alert_records USING "
    "(number) ORDER BY alerts.number",
    "groups": (
        "SELECT state, severity, detector, verdict, assignee, site, alerts FROM alert_groups WHERE "
        "alerts ORDER BY 1, 2, 3, 4, 5, 6"
    ),
    "ends": "SELECT kind, value, address, role, id FROM alert_entities JOIN entities ON entities.number = "
    "entity JOIN alerts ON alerts.number = alert"
    " ORDER BY 1, 2, 4, 5",
    "entities": "SELECT kind, value, address FROM entities ORDER BY 1, 2",
    "words": "SELECT ts, author, alert, action, value, text FROM alert_words ORDER BY number",
    **{
        name: f"SELECT * FROM {name} ORDER BY 1"  # noqa: S608
        for name in ("incidents", "incident_alerts", "recommendations", "findings", "timeline")
    },
}
FILLER = """
import sys
from pathlib import Path
from sensor.inventory.store.store import Store
from sensor.tables.tables import Tables
store = Store(Path(sys.argv[1]))
tables = Tables(store.base, Path(sys.argv[1]) / "events.jsonl")
while tables.advance(int(sys.argv[2])):
    print(tables.records, flush=True)
"""


def held(folder: Path) -> dict[str, Any]:
    """Everything, and where the tables are. The index of texts agrees with the rows, or this fails."""
    with closing(connect(folder / FILE)) as base:
        base.execute("INSERT INTO alert_text (alert_text, rank) VALUES ('integrity-check', 1)")
        return {
            "position": tuple(position(base)),
            **{name: [tuple(row) for row in base.execute(wanted)] for name, wanted in HELD.items()},
        }


def count(base: sqlite3.Connection, table: str) -> int:
    return int(base.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608


def filler(folder: Path, lines: int) -> subprocess.Popen[str]:
    """A process that fills the tables of a folder from its log, and prints how many records they
    hold after each batch.
    """
    return subprocess.Popen([sys.executable, "-c", FILLER, str(folder), str(lines)], stdout=subprocess.PIPE, text=True)
