"""The schema step for lists of a console: row numbers for pages, words for searches, counts for facets, indices.

Triggers keep counts and words. Counts are rows that are added, so that workers never wait for each other; housekeeping
merges them. Words are in separate tables, because a search there is not subject to row-level security, under which
PostgreSQL uses no text index; results are joined with the rows that the reader may see.
"""

from __future__ import annotations

from typing import LiteralString

# Words and counts of rows that exist already.
WORDS_AND_COUNTS: tuple[LiteralString, ...] = (
    "INSERT INTO alert_words SELECT number, concat_ws(' ', title, detector, summary, src, dst), parties FROM alerts",
    """INSERT INTO alert_counts SELECT site, state, severity, detector, verdict, assignee, count(*) FROM alerts
    GROUP BY 1, 2, 3, 4, 5, 6""",
    """INSERT INTO device_words SELECT number, words_of(id, name, type, vendor, model, serial, ips, macs)
    FROM devices""",
    """INSERT INTO device_counts SELECT site, type, vendor, gone, count(*) FROM devices WHERE merged = ''
    GROUP BY 1, 2, 3, 4""",
)
_TABLES: LiteralString = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE OR REPLACE FUNCTION readable_sites() RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path FROM CURRENT AS $$
WITH granted AS (
    SELECT CASE WHEN session_user = current_user THEN ARRAY['*'] ELSE coalesce(array_agg(site), '{}') END AS sites
    FROM site_access WHERE role = session_user
), wanted AS (SELECT nullif(current_setting('sensor.sites', true), '')::text[] AS sites)
SELECT CASE WHEN wanted.sites IS NULL THEN granted.sites WHEN '*' = ANY (granted.sites) THEN wanted.sites
    ELSE ARRAY(SELECT unnest(granted.sites) INTERSECT SELECT unnest(wanted.sites)) END FROM granted, wanted
$$;
ALTER TABLE devices ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY UNIQUE;
ALTER TABLE incidents ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY UNIQUE;
ALTER TABLE alerts
    ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    ADD COLUMN parties text[] NOT NULL DEFAULT '{}',
    ADD COLUMN noted text NOT NULL DEFAULT '',
    ADD COLUMN verdict text NOT NULL DEFAULT '',
    ADD COLUMN assignee text NOT NULL DEFAULT '',
    ADD COLUMN state text GENERATED ALWAYS AS
        (CASE WHEN noted <> '' THEN noted WHEN closed THEN 'closed' ELSE 'open' END) STORED;
UPDATE alerts a SET noted = n.state, verdict = n.verdict, assignee = n.assignee FROM (
    SELECT DISTINCT ON (sensor, alert) sensor, alert, state, verdict, assignee FROM alert_notes
    ORDER BY sensor, alert, at DESC
) n WHERE a.sensor = n.sensor AND a.id = n.alert;
UPDATE alerts SET parties = ARRAY(
    SELECT DISTINCT side.role || lower(word.value)
    FROM (VALUES ('s:', record::jsonb -> 'src'), ('t:', record::jsonb -> 'dst')) side (role, body),
        jsonb_each_text(CASE jsonb_typeof(side.body) WHEN 'object' THEN side.body ELSE '{}' END) word
    WHERE word.key IN ('ip', 'mac', 'device', 'hostname') AND word.value <> '')
WHERE strpos(record, '\\u0000') = 0; -- which jsonb cannot contain
CREATE TABLE alert_words (number bigint PRIMARY KEY, words text NOT NULL, parties text[] NOT NULL);
CREATE TABLE alert_counts (
    site text NOT NULL, state text NOT NULL, severity smallint NOT NULL, detector text NOT NULL, verdict text NOT NULL,
    assignee text NOT NULL, n bigint NOT NULL
);
CREATE TABLE device_words (number bigint PRIMARY KEY, words text NOT NULL);
CREATE TABLE device_counts (
    site text NOT NULL, type text NOT NULL, vendor text NOT NULL, gone boolean NOT NULL, n bigint NOT NULL
);
CREATE FUNCTION note_alert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE alerts SET noted = NEW.state, verdict = NEW.verdict, assignee = NEW.assignee
    WHERE sensor = NEW.sensor AND id = NEW.alert;
    RETURN NULL;
END $$;
CREATE TRIGGER note_alert AFTER INSERT ON alert_notes FOR EACH ROW EXECUTE FUNCTION note_alert();
CREATE FUNCTION alerts_added() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO alert_counts SELECT site, state, severity, detector, verdict, assignee, count(*) FROM added
    GROUP BY 1, 2, 3, 4, 5, 6;
    INSERT INTO alert_words SELECT number, concat_ws(' ', title, detector, summary, src, dst), parties FROM added;
    RETURN NULL;
END $$;
CREATE FUNCTION alerts_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO alert_counts SELECT site, state, severity, detector, verdict, assignee, sum(n) FROM (
        SELECT site, state, severity, detector, verdict, assignee, 1 AS n FROM added
        UNION ALL SELECT site, state, severity, detector, verdict, assignee, -1 FROM removed
    ) each GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(n) <> 0;
    UPDATE alert_words w SET words = concat_ws(' ', a.title, a.detector, a.summary, a.src, a.dst), parties = a.parties
    FROM added a WHERE w.number = a.number
        AND (w.words, w.parties) <> (concat_ws(' ', a.title, a.detector, a.summary, a.src, a.dst), a.parties);
    RETURN NULL;
END $$;
CREATE FUNCTION alerts_removed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO alert_counts SELECT site, state, severity, detector, verdict, assignee, -count(*) FROM removed
    GROUP BY 1, 2, 3, 4, 5, 6;
    DELETE FROM alert_words w USING removed r WHERE w.number = r.number;
    RETURN NULL;
END $$;
CREATE TRIGGER alerts_added AFTER INSERT ON alerts REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION alerts_added();
CREATE TRIGGER alerts_changed AFTER UPDATE ON alerts REFERENCING NEW TABLE AS added OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION alerts_changed();
CREATE TRIGGER alerts_removed AFTER DELETE ON alerts REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION alerts_removed();
CREATE FUNCTION words_of(id text, name text, type text, vendor text, model text, serial text, ips text[], macs text[])
    RETURNS text LANGUAGE sql STABLE AS $$
SELECT ' ' || lower(concat_ws(' ', id, name, type, vendor, model, serial, array_to_string(ips, ' '),
    array_to_string(macs, ' '))) || ' '
$$;
CREATE FUNCTION devices_added() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO device_counts SELECT site, type, vendor, gone, count(*) FROM added WHERE merged = ''
    GROUP BY 1, 2, 3, 4;
    INSERT INTO device_words
    SELECT number, words_of(id, name, type, vendor, model, serial, ips, macs) FROM added;
    RETURN NULL;
END $$;
CREATE FUNCTION devices_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO device_counts SELECT site, type, vendor, gone, sum(n) FROM (
        SELECT site, type, vendor, gone, 1 AS n FROM added WHERE merged = ''
        UNION ALL SELECT site, type, vendor, gone, -1 FROM removed WHERE merged = ''
    ) each GROUP BY 1, 2, 3, 4 HAVING sum(n) <> 0;
    UPDATE device_words w SET words = a.words
    FROM (SELECT number, words_of(id, name, type, vendor, model, serial, ips, macs) AS words FROM added) a
    WHERE w.number = a.number AND w.words <> a.words;
    RETURN NULL;
END $$;
CREATE FUNCTION devices_removed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO device_counts SELECT site, type, vendor, gone, -count(*) FROM removed WHERE merged = ''
    GROUP BY 1, 2, 3, 4;
    DELETE FROM device_words w USING removed r WHERE w.number = r.number;
    RETURN NULL;
END $$;
CREATE TRIGGER devices_added AFTER INSERT ON devices REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION devices_added();
CREATE TRIGGER devices_changed AFTER UPDATE ON devices REFERENCING NEW TABLE AS added OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION devices_changed();
CREATE TRIGGER devices_removed AFTER DELETE ON devices REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION devices_removed();
CREATE FUNCTION emptied() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_TABLE_NAME = 'alerts' THEN TRUNCATE alert_words, alert_counts;
    ELSE TRUNCATE device_words, device_counts; END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER emptied AFTER TRUNCATE ON alerts FOR EACH STATEMENT EXECUTE FUNCTION emptied();
CREATE TRIGGER emptied AFTER TRUNCATE ON devices FOR EACH STATEMENT EXECUTE FUNCTION emptied();
"""
_INDICES: LiteralString = """
CREATE INDEX alert_words_words ON alert_words USING gin (to_tsvector('simple', words));
CREATE INDEX alert_words_parties ON alert_words USING gin (parties);
CREATE INDEX device_words_words ON device_words USING gin (words gin_trgm_ops);
DROP INDEX devices_last, alerts_last, incidents_last;
CREATE INDEX devices_last ON devices (last, number) WHERE merged = '';
CREATE INDEX devices_first ON devices (first, number) WHERE merged = '';
CREATE INDEX devices_name ON devices (name, number) WHERE merged = '';
CREATE INDEX devices_site_last ON devices (site, last, number) WHERE merged = '';
CREATE INDEX devices_type_last ON devices (type, last, number) WHERE merged = '';
CREATE INDEX devices_vendor_last ON devices (vendor, last, number) WHERE merged = '';
CREATE INDEX devices_id ON devices (id COLLATE "C");
CREATE INDEX alerts_last ON alerts (last, number);
CREATE INDEX alerts_risk ON alerts (risk, last, number);
CREATE INDEX alerts_severity ON alerts (severity, last, number);
CREATE INDEX alerts_site_last ON alerts (site, last, number);
CREATE INDEX alerts_detector_last ON alerts (detector, last, number);
CREATE INDEX alerts_open ON alerts (severity, last, number) WHERE state <> 'closed';
CREATE INDEX alerts_open_last ON alerts (last, number) WHERE state <> 'closed';
CREATE INDEX alerts_verdict ON alerts (verdict, last, number) WHERE verdict <> '';
CREATE INDEX alerts_assignee ON alerts (assignee, last, number) WHERE assignee <> '';
CREATE INDEX alerts_id ON alerts (id COLLATE "C");
CREATE INDEX incidents_last ON incidents (last, number);
CREATE INDEX incidents_severity ON incidents (severity, last, number);
CREATE INDEX incidents_site_last ON incidents (site, last, number);
CREATE INDEX incidents_id ON incidents (id COLLATE "C");
CREATE INDEX events_sensor ON events (sensor, ts) WHERE kind = 'sensor';
ALTER TABLE alert_counts ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_counts ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_site ON alert_counts FOR SELECT
    USING ((SELECT '*' = ANY (readable_sites())) OR site = ANY ((SELECT readable_sites())::text[]));
CREATE POLICY by_site ON device_counts FOR SELECT
    USING ((SELECT '*' = ANY (readable_sites())) OR site = ANY ((SELECT readable_sites())::text[]));"""
LISTS: LiteralString = _TABLES + ";\n".join(WORDS_AND_COUNTS) + ";" + _INDICES
