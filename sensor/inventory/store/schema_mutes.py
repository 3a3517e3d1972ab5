"""The tables of mutes: those of the operator's file, and the alerts that they suppressed.

Both are copies: ``mutes`` of the file of mutes, which the engine reads and users may edit, ``muted_alerts`` of the log
of suppressed alerts beside the event log. They are rebuilt whenever their source is replaced. Times are ns since the
epoch, 0 for none.
"""

from __future__ import annotations

MUTE_TABLES = """
CREATE TABLE mutes_position (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    stamp TEXT NOT NULL, -- of the file that the mutes were read from: path, time of its last change, size
    fault TEXT NOT NULL, -- why the file could not be read; empty if it could
    seq INTEGER NOT NULL, -- of the last suppressed alert that is in the tables
    record TEXT NOT NULL -- the id of that record: another id at the same place is another log
);
CREATE TABLE mutes (
    number INTEGER PRIMARY KEY, -- its place in the file: the first that matches suppresses an alert
    id TEXT NOT NULL UNIQUE, detector TEXT NOT NULL, src TEXT NOT NULL, dst TEXT NOT NULL, port INTEGER NOT NULL, type TEXT NOT NULL,
    vlan INTEGER NOT NULL, hours TEXT NOT NULL, author TEXT NOT NULL, reason TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL,
    scope TEXT NOT NULL -- what it suppresses, for people
);
CREATE TABLE muted_alerts (
    key TEXT PRIMARY KEY, alert TEXT NOT NULL, -- its id
    mute TEXT NOT NULL, severity INTEGER NOT NULL, detector TEXT NOT NULL, count INTEGER NOT NULL, last INTEGER NOT NULL, seq INTEGER NOT NULL,
    summary TEXT NOT NULL, record TEXT NOT NULL
);
CREATE INDEX muted_alerts_mute ON muted_alerts (mute, count);
"""

# Emptied before they are rebuilt.
MADE_FROM_MUTES = ("mutes_position", "mutes", "muted_alerts")
