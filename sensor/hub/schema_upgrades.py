"""The schema step for upgrades: signed releases with their packages in parts, rollouts, and the upgrade state of each
sensor.
"""

from __future__ import annotations

UPGRADES = """
CREATE TABLE releases (
    version text NOT NULL, architecture text NOT NULL, sha256 text NOT NULL, size bigint NOT NULL,
    signed bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now(), author text NOT NULL, content text NOT NULL, signature text NOT NULL,
    PRIMARY KEY (version, architecture)
);
CREATE TABLE release_parts (
    sha256 text NOT NULL, start bigint NOT NULL, body bytea NOT NULL, PRIMARY KEY (sha256, start)
);
ALTER TABLE release_parts ALTER body SET STORAGE EXTERNAL;
CREATE TABLE rollouts (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version text NOT NULL,
    ring smallint NOT NULL DEFAULT 1 CHECK (ring BETWEEN 1 AND 3),
    wait interval,
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'stopped', 'finished')),
    reason text NOT NULL DEFAULT '',
    author text NOT NULL,
    at timestamptz NOT NULL
);
CREATE UNIQUE INDEX rollouts_running ON rollouts (state) WHERE state = 'running';
CREATE TABLE upgrades (
    sensor text PRIMARY KEY REFERENCES sensors ON DELETE CASCADE,
    chosen smallint CHECK (chosen BETWEEN 1 AND 3),
    ring smallint,
    installed text NOT NULL DEFAULT '',
    architecture text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT '',
    version text NOT NULL DEFAULT '',
    signed bigint NOT NULL DEFAULT 0,
    health text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '',
    at timestamptz,
    healthy timestamptz
);
ALTER TABLE upgrades ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_sensor ON upgrades FOR SELECT USING (sensor IN (SELECT key FROM sensors));
DO $$ DECLARE granted record; BEGIN
    FOR granted IN SELECT role, bool_or(site = '*') AS whole FROM site_access JOIN pg_roles ON rolname = role GROUP BY 1
    LOOP
        EXECUTE format('GRANT SELECT ON upgrades TO %I', granted.role);
        IF granted.whole THEN -- these have no site
            EXECUTE format('GRANT SELECT ON releases, rollouts TO %I', granted.role);
        END IF;
    END LOOP;
END $$;
"""
