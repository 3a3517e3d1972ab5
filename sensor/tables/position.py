"""The position of the tables: the last record and the last note that they contain, stored in the same transaction as
these.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from sensor.inventory.store.schema_mutes import MADE_FROM_MUTES
from sensor.inventory.store.schema_parties import MADE_FROM_LOG


class Position(NamedTuple):
    """``seq`` and ``record``: number and id of the last record; ``notes_size``: bytes of the notes; ``unusable``: lines
    that were skipped; ``whole``: 0 if an earlier sensor ended while it built the tables.
    """

    seq: int = 0
    record: str = ""
    notes_size: int = 0
    unusable: int = 0
    whole: int = 1


def position(base: sqlite3.Connection) -> Position:
    row = base.execute("SELECT seq, record, words, unusable, whole FROM log_position").fetchone()
    return Position(*row) if row is not None else Position()


def put_position(base: sqlite3.Connection, there: Position) -> None:
    """Called within the transaction that brings the tables to this position."""
    base.execute("INSERT OR REPLACE INTO log_position VALUES (1, ?, ?, ?, ?, ?)", there)


def clear(base: sqlite3.Connection) -> None:
    """Empty all tables that are derived from the log and from the file of mutes, within a transaction."""
    base.execute("INSERT INTO alert_text (alert_text) VALUES ('delete-all')")
    for table in (*MADE_FROM_LOG, *MADE_FROM_MUTES):
        base.execute(f"DELETE FROM {table}")  # noqa: S608 - names from our own list
