"""The schema step for scheduled hunts: schedules, the time up to which each sensor was searched, and findings."""

from __future__ import annotations

HUNTS = """
CREATE TABLE scheduled_hunts (
    name text PRIMARY KEY, query text NOT NULL, every interval NOT NULL, site text, severity smallint NOT NULL,
    author text NOT NULL, at timestamptz NOT NULL DEFAULT now(), next timestamptz NOT NULL, ran timestamptz,
    fault text NOT NULL DEFAULT '', unknown text[] NOT NULL DEFAULT '{}'
);
CREATE TABLE hunt_progress (
    hunt text NOT NULL REFERENCES scheduled_hunts ON DELETE CASCADE,
    sensor text NOT NULL REFERENCES sensors ON DELETE CASCADE, until timestamptz NOT NULL,
    PRIMARY KEY (hunt, sensor)
);
CREATE TABLE hunt_findings (
    hunt text NOT NULL REFERENCES scheduled_hunts ON DELETE CASCADE,
    sensor text NOT NULL REFERENCES sensors ON DELETE CASCADE, digest text NOT NULL, row text NOT NULL,
    first timestamptz NOT NULL, last timestamptz NOT NULL, count bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (hunt, sensor, digest)
);
CREATE INDEX hunt_findings_last ON hunt_findings (hunt, last DESC);
"""
