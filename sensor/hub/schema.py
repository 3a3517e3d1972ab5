"""Tables of the hub in PostgreSQL (14 or later), as steps from one version to the next.

``logs`` has the committed numbers of each log as ranges; all other tables are written in the same transaction and refer
to a sensor by ``sensors.number``. Rows of devices, alerts and incidents are the last state: that of the greatest number
of the latest log. Events are partitioned by month and sensor. Readers see rows of the sites that ``site_access`` grants
to their database role.
"""

from __future__ import annotations

from sensor.hub.schema_console import CONSOLE
from sensor.hub.schema_duplicates import DUPLICATES
from sensor.hub.schema_hunts import HUNTS
from sensor.hub.schema_incident_alerts import INCIDENT_ALERTS
from sensor.hub.schema_incident_duplicates import INCIDENT_DUPLICATES
from sensor.hub.schema_lists import LISTS
from sensor.hub.schema_orders import ORDERS
from sensor.hub.schema_reports import REPORTS
from sensor.hub.schema_sightings import SIGHTINGS
from sensor.hub.schema_upgrades import UPGRADES
from sensor.hub.schema_values import VALUES
from sensor.hub.schema_vlans import VLANS

MIGRATIONS = (
    """
CREATE TABLE sensors (
    key text PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    name text NOT NULL UNIQUE,
    site text NOT NULL,
    sensor_id text NOT NULL,
    sensor_site text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'approved', 'revoked')),
    joined timestamptz NOT NULL DEFAULT now(),
    expires timestamptz,
    seen timestamptz,
    version text NOT NULL DEFAULT '',
    clock_ms bigint NOT NULL DEFAULT 0,
    quarantined bigint NOT NULL DEFAULT 0
);
CREATE TABLE tokens (
    key text PRIMARY KEY,
    site text NOT NULL,
    expires timestamptz NOT NULL,
    used_by text
);
CREATE TABLE logs (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sensor text NOT NULL REFERENCES sensors,
    epoch text NOT NULL,
    begun timestamptz NOT NULL DEFAULT now(),
    committed int8multirange NOT NULL DEFAULT '{}',
    filtered boolean NOT NULL DEFAULT false,
    last_ts timestamptz,
    wanted bigint,
    UNIQUE (sensor, epoch)
);
CREATE TABLE events (
    ts timestamptz NOT NULL,
    sensor bigint NOT NULL,
    log bigint NOT NULL,
    seq bigint NOT NULL,
    id text NOT NULL,
    site text NOT NULL,
    kind text NOT NULL,
    action text NOT NULL,
    severity smallint NOT NULL,
    about text NOT NULL,
    record text NOT NULL,
    PRIMARY KEY (sensor, seq, id, ts)
) PARTITION BY RANGE (ts);
CREATE TABLE events_other PARTITION OF events DEFAULT;
CREATE INDEX events_about ON events (about, ts) WHERE about <> '';
CREATE TABLE devices (
    sensor bigint NOT NULL, id text NOT NULL, site text NOT NULL, log bigint NOT NULL, seq bigint NOT NULL,
    first timestamptz NOT NULL, last timestamptz NOT NULL, gone boolean NOT NULL, merged text NOT NULL,
    name text NOT NULL, type text NOT NULL, vendor text NOT NULL, model text NOT NULL,
    ips text[] NOT NULL, macs text[] NOT NULL, confidence real NOT NULL, record text NOT NULL,
    PRIMARY KEY (sensor, id)
);
CREATE INDEX devices_last ON devices (last DESC, sensor, id);
CREATE INDEX devices_macs ON devices USING gin (macs);
CREATE INDEX devices_ips ON devices USING gin (ips);
CREATE TABLE alerts (
    sensor bigint NOT NULL, id text NOT NULL, site text NOT NULL, log bigint NOT NULL, seq bigint NOT NULL,
    first timestamptz NOT NULL, last timestamptz NOT NULL, closed boolean NOT NULL, severity smallint NOT NULL,
    risk bigint NOT NULL, count bigint NOT NULL, detector text NOT NULL, title text NOT NULL, summary text NOT NULL,
    src text NOT NULL, dst text NOT NULL, record text NOT NULL,
    PRIMARY KEY (sensor, id)
);
CREATE INDEX alerts_last ON alerts (last DESC, sensor, id);
CREATE TABLE alert_notes (
    sensor bigint NOT NULL, alert text NOT NULL, at timestamptz NOT NULL DEFAULT now(), author text NOT NULL,
    state text NOT NULL DEFAULT '', verdict text NOT NULL DEFAULT '', assignee text NOT NULL DEFAULT '',
    comment text NOT NULL DEFAULT '',
    PRIMARY KEY (sensor, alert, at, author),
    FOREIGN KEY (sensor, alert) REFERENCES alerts (sensor, id) ON DELETE CASCADE
);
CREATE TABLE incidents (
    sensor bigint NOT NULL, id text NOT NULL, site text NOT NULL, log bigint NOT NULL, seq bigint NOT NULL,
    first timestamptz NOT NULL, last timestamptz NOT NULL, closed boolean NOT NULL, severity smallint NOT NULL,
    risk bigint NOT NULL, count bigint NOT NULL, summary text NOT NULL, record text NOT NULL,
    PRIMARY KEY (sensor, id)
);
CREATE INDEX incidents_last ON incidents (last DESC, sensor, id);
CREATE TABLE quarantine (
    id text NOT NULL,
    subject text NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    body bytea NOT NULL,
    PRIMARY KEY (subject, id)
);
CREATE TABLE site_access (
    role text NOT NULL,
    site text NOT NULL,
    PRIMARY KEY (role, site)
);
CREATE FUNCTION readable_sites() RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
    AS 'SELECT coalesce(array_agg(site), ARRAY[]::text[]) FROM site_access WHERE role = session_user';
ALTER TABLE sensors ENABLE ROW LEVEL SECURITY;
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
ALTER TABLE devices ENABLE ROW LEVEL SECURITY;
ALTER TABLE alerts ENABLE ROW LEVEL SECURITY;
ALTER TABLE incidents ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_site ON sensors FOR SELECT
    USING ((SELECT '*' = ANY (readable_sites())) OR site = ANY ((SELECT readable_sites())::text[]));
CREATE POLICY by_site ON events FOR SELECT
    USING ((SELECT '*' = ANY (readable_sites())) OR site = ANY ((SELECT readable_sites())::text[]));
CREATE POLICY by_site ON devices FOR SELECT
    USING ((SELECT '*' = ANY (readable_sites())) OR site = ANY ((SELECT readable_sites())::text[]));
CREATE POLICY by_site ON alerts FOR SELECT
    USING ((SELECT '*' = ANY (readable_sites())) OR site = ANY ((SELECT readable_sites())::text[]));
CREATE POLICY by_site ON incidents FOR SELECT
    USING ((SELECT '*' = ANY (readable_sites())) OR site = ANY ((SELECT readable_sites())::text[]));
ALTER TABLE logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_sensor ON logs FOR SELECT USING (sensor IN (SELECT key FROM sensors));
CREATE POLICY by_alert ON alert_notes FOR SELECT
    USING (EXISTS (SELECT FROM alerts WHERE alerts.sensor = alert_notes.sensor AND alerts.id = alert_notes.alert));
""",
    """
CREATE TABLE configuration_files (sha256 text PRIMARY KEY, body bytea NOT NULL);
CREATE TABLE configurations (
    scope text NOT NULL CHECK (scope IN ('fleet', 'site', 'sensor')),
    target text NOT NULL,
    version bigint NOT NULL,
    at timestamptz NOT NULL,
    author text NOT NULL,
    comment text NOT NULL,
    content text NOT NULL,
    signature text NOT NULL,
    PRIMARY KEY (scope, target, version)
);
ALTER TABLE sensors
    ADD COLUMN config_state text NOT NULL DEFAULT '',
    ADD COLUMN config_digest text NOT NULL DEFAULT '',
    ADD COLUMN config_reason text NOT NULL DEFAULT '',
    ADD COLUMN config_restart text[] NOT NULL DEFAULT '{}',
    ADD COLUMN config_at timestamptz;
""",
    """
ALTER TABLE devices ADD COLUMN serial text NOT NULL DEFAULT '';
CREATE TABLE edges (
    sensor bigint NOT NULL, device text NOT NULL, other_sensor bigint NOT NULL, other_device text NOT NULL,
    reason text NOT NULL, value text NOT NULL, at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sensor, device, other_sensor, other_device, reason)
);
CREATE TABLE separations (
    sensor bigint NOT NULL, device text NOT NULL, other_sensor bigint NOT NULL, other_device text NOT NULL,
    author text NOT NULL, comment text NOT NULL, at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sensor, device, other_sensor, other_device)
);
CREATE TABLE entity_members (
    sensor bigint NOT NULL, device text NOT NULL, entity text NOT NULL,
    PRIMARY KEY (sensor, device)
);
CREATE INDEX entity_members_entity ON entity_members (entity);
CREATE TABLE mac_conflicts (
    mac text NOT NULL, sensor bigint NOT NULL, device text NOT NULL, other_sensor bigint NOT NULL,
    other_device text NOT NULL, begins timestamptz NOT NULL, ends timestamptz NOT NULL,
    PRIMARY KEY (mac, sensor, device, other_sensor, other_device)
);
""",
    LISTS,
    """
CREATE TABLE campaigns (
    kind text NOT NULL, value text NOT NULL, first timestamptz NOT NULL, last timestamptz NOT NULL,
    severity smallint NOT NULL, sites text[] NOT NULL, alerts text[] NOT NULL, count bigint NOT NULL,
    PRIMARY KEY (kind, value, first)
);
ALTER TABLE campaigns ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_sites ON campaigns FOR SELECT
    USING ((SELECT '*' = ANY (readable_sites())) OR sites <@ (SELECT readable_sites())::text[]);
CREATE INDEX alerts_site_severity ON alerts (site, severity, last, number);
CREATE INDEX alerts_site_open ON alerts (site, severity, last, number) WHERE state <> 'closed';
CREATE INDEX incidents_open ON incidents (site, severity, last, number) WHERE NOT closed;
CREATE INDEX incidents_summary ON incidents USING gin (summary gin_trgm_ops);
""",
    # No query uses them: lists search in device_words.
    "DROP INDEX devices_macs, devices_ips;\n" + UPGRADES,
    HUNTS,
    VALUES,
    REPORTS,
    CONSOLE,
    VLANS,
    ORDERS,
    SIGHTINGS,
    DUPLICATES,
    INCIDENT_DUPLICATES,
    INCIDENT_ALERTS,
)
VERSION = len(MIGRATIONS)
