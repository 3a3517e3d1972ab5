"""The schema step for scheduled reports: schedules, and the reports that they made, of a site or of all (NULL)."""

from __future__ import annotations

from typing import LiteralString

REPORTS: LiteralString = """
CREATE TABLE report_schedules (
    name text PRIMARY KEY, site text, every text NOT NULL CHECK (every IN ('day', 'week')), format text NOT NULL,
    author text NOT NULL, at timestamptz NOT NULL DEFAULT now(), next timestamptz NOT NULL
);
CREATE TABLE reports (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schedule text NOT NULL REFERENCES report_schedules ON DELETE CASCADE, site text,
    since timestamptz NOT NULL, until timestamptz NOT NULL, made timestamptz NOT NULL DEFAULT now(),
    format text NOT NULL, size bigint NOT NULL, fault text NOT NULL, body bytea NOT NULL
);
CREATE INDEX reports_schedule ON reports (schedule, number);
CREATE INDEX events_recommendation ON events (sensor, ts) WHERE kind = 'recommendation';
ALTER TABLE report_schedules ENABLE ROW LEVEL SECURITY;
ALTER TABLE reports ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_site ON report_schedules FOR SELECT
    USING ((SELECT '*' = ANY (readable_sites())) OR site = ANY ((SELECT readable_sites())::text[]));
CREATE POLICY by_site ON reports FOR SELECT
    USING ((SELECT '*' = ANY (readable_sites())) OR site = ANY ((SELECT readable_sites())::text[]));
DO $$ DECLARE granted record; BEGIN
    FOR granted IN SELECT DISTINCT role FROM site_access JOIN pg_roles ON rolname = role LOOP
        EXECUTE format('GRANT SELECT ON report_schedules, reports TO %I', granted.role);
    END LOOP;
END $$;
"""
