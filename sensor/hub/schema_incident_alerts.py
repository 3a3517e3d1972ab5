"""The schema step for the alerts of an incident, on which its state depends (``hub/incident_states.py``). Rows of a
worker of an earlier version have none until the next event of the incident.
"""

from __future__ import annotations

from typing import LiteralString

INCIDENT_ALERTS: LiteralString = """
ALTER TABLE incidents ADD COLUMN alerts text[] NOT NULL DEFAULT '{}';
-- Records are compact JSON, in which a quotation mark within a text has a backslash before it: so the pattern finds
-- keys only. Not jsonb, whose parser refuses a record that is nested too deeply.
UPDATE incidents SET alerts = ARRAY(SELECT DISTINCT found[1] FROM regexp_matches(record,
    '"alert":"(alert-[0-9a-z]+)"', 'g') found);
"""
