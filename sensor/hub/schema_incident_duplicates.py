"""The schema step for incidents that several sensors of a site report: one of their rows is listed and counted.

``counted_as`` is the number of that row, 0 for itself; ``hub/incident_duplicates.py`` writes it.
"""

from __future__ import annotations

from typing import LiteralString

INCIDENT_DUPLICATES: LiteralString = """
ALTER TABLE incidents ADD COLUMN counted_as bigint NOT NULL DEFAULT 0;
CREATE INDEX incidents_counted_as ON incidents (counted_as) WHERE counted_as <> 0;
"""
