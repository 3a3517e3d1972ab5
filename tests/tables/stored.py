"""Helpers of the tests of tables: all rows without row numbers, and a process that fills the tables."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from sensor.inventory.store.database import FILE, connect
from sensor.inventory.store.schema_parties import BLOCK
from sensor.tables.position import position

HELD = {
    "alerts": "SELECT id, key, title, risk, count, first, last, ended, seq, summary, words, state, alerts.severity, "
    "detector, verdict, assignee, site, record"
    " FROM alerts JOIN alert_groups ON alert_groups.number = of_group JOIN alert_records USING "
    "(number) ORDER BY alerts.number",
    "groups": (
        "SELECT state, severity, detector, verdict, assignee, site, alerts FROM alert_groups WHERE "
        "alerts ORDER BY 1, 2, 3, 4, 5, 6"
    ),
    "parties": "SELECT ip, mac, device, name, vlan, address, role, id FROM alert_parties "
    "JOIN parties ON parties.number = party JOIN alerts ON alerts.number = alert ORDER BY 1, 2, 3, 4, 5, 7, 8",
    "known parties": "SELECT ip, mac, device, name, vlan, address FROM parties ORDER BY 1, 2, 3, 4, 5",
    "words": "SELECT ts, author, alert, action, value, text FROM alert_words ORDER BY number",
    **{
        name: f"SELECT * FROM {name} ORDER BY 1"  # noqa: S608
        for name in ("incidents", "incident_alerts", "recommendations", "findings", "timeline")
    },
}
OUTSIDE = f"""
SELECT count(*) FROM alerts LEFT JOIN alert_spans ON block = alerts.number / {BLOCK}
JOIN alert_groups ON alert_groups.number = of_group
WHERE low IS NULL OR last NOT BETWEEN low AND high OR alerts.severity != alert_groups.severity
"""  # noqa: S608
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
    """All rows, and the position. Fails if the text index, the spans and the groups do not match the rows."""
    with closing(connect(folder / FILE)) as base:
        assert base.execute(OUTSIDE).fetchone()[0] == 0
        base.execute("INSERT INTO alert_text (alert_text, rank) VALUES ('integrity-check', 1)")
        return {
            "position": tuple(position(base)),
            **{name: [tuple(row) for row in base.execute(wanted)] for name, wanted in HELD.items()},
        }


def count(base: sqlite3.Connection, table: str) -> int:
    return int(base.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608


def filler(folder: Path, lines: int) -> subprocess.Popen[str]:
    """A process that fills the tables of a folder from its log, and prints the number of records in them after each
    batch.
    """
    return subprocess.Popen([sys.executable, "-c", FILLER, str(folder), str(lines)], stdout=subprocess.PIPE, text=True)
