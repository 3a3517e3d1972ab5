"""The schema step for values of devices that operators set at the hub, such as an owner: they override those of the
sensor.

Workers write ``sensor_owner`` and its like, a trigger on ``device_values`` writes ``hub_owner``; ``owner`` is the value
that applies. Rows of a worker of an earlier version have the values of the sensor with the next event of the device.
"""

from __future__ import annotations

from typing import LiteralString

VALUES: LiteralString = r"""
ALTER TABLE devices
    ADD COLUMN sensor_owner text NOT NULL DEFAULT '',
    ADD COLUMN sensor_criticality text NOT NULL DEFAULT '',
    ADD COLUMN sensor_tags text[] NOT NULL DEFAULT '{}',
    ADD COLUMN hub_owner text,
    ADD COLUMN hub_criticality text,
    ADD COLUMN hub_tags text[],
    ADD COLUMN owner text GENERATED ALWAYS AS (coalesce(hub_owner, sensor_owner)) STORED,
    ADD COLUMN criticality text GENERATED ALWAYS AS (coalesce(hub_criticality, sensor_criticality)) STORED,
    ADD COLUMN tags text[] GENERATED ALWAYS AS (coalesce(hub_tags, sensor_tags)) STORED;
CREATE TABLE device_values (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sensor bigint NOT NULL, device text NOT NULL,
    field text NOT NULL CHECK (field IN ('owner', 'criticality', 'tags')), value text NOT NULL,
    author text NOT NULL, reason text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(),
    undone boolean NOT NULL DEFAULT false,
    FOREIGN KEY (sensor, device) REFERENCES devices (sensor, id) ON DELETE CASCADE
);
CREATE INDEX device_values_device ON device_values (sensor, device, number);
CREATE FUNCTION hub_value(of_sensor bigint, of_device text, of_field text) RETURNS text LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
SELECT nullif(value, '') FROM device_values
WHERE sensor = of_sensor AND device = of_device AND field = of_field AND NOT undone ORDER BY number DESC LIMIT 1
$$;
CREATE FUNCTION apply_device_value() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE devices SET hub_owner = hub_value(sensor, id, 'owner'),
        hub_criticality = hub_value(sensor, id, 'criticality'),
        hub_tags = string_to_array(hub_value(sensor, id, 'tags'), ', ')
    WHERE (sensor, id) IN ((NEW.sensor, NEW.device), (OLD.sensor, OLD.device));
    RETURN NULL;
END $$;
CREATE TRIGGER apply_device_value AFTER INSERT OR UPDATE ON device_values
    FOR EACH ROW EXECUTE FUNCTION apply_device_value();
CREATE FUNCTION operator_words(owner text, tags text[]) RETURNS text LANGUAGE sql STABLE AS $$
SELECT CASE WHEN owner = '' AND tags = '{}' THEN ''
    ELSE lower(concat_ws(' ', owner, array_to_string(tags, ' '))) || ' ' END
$$;
CREATE OR REPLACE FUNCTION devices_added() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO device_counts SELECT site, type, vendor, gone, count(*) FROM added WHERE merged = ''
    GROUP BY 1, 2, 3, 4;
    INSERT INTO device_words
    SELECT number, words_of(id, name, type, vendor, model, serial, ips, macs) || operator_words(owner, tags) FROM added;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION devices_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO device_counts SELECT site, type, vendor, gone, sum(n) FROM (
        SELECT site, type, vendor, gone, 1 AS n FROM added WHERE merged = ''
        UNION ALL SELECT site, type, vendor, gone, -1 FROM removed WHERE merged = ''
    ) each GROUP BY 1, 2, 3, 4 HAVING sum(n) <> 0;
    UPDATE device_words w SET words = a.words
    FROM (
        SELECT number,
            words_of(id, name, type, vendor, model, serial, ips, macs) || operator_words(owner, tags) AS words
        FROM added
    ) a WHERE w.number = a.number AND w.words <> a.words;
    RETURN NULL;
END $$;
-- Values of rows that exist. Records are compact JSON, in which a quotation mark within a text has a backslash before
-- it: so the patterns find keys only. Not jsonb, whose parser refuses a record that is nested too deeply.
UPDATE devices SET
    sensor_owner = coalesce(substring(record from '"owner":"([^"\\]*)"'), ''),
    sensor_criticality = coalesce(substring(record from '"criticality":"([a-z]*)"'), ''),
    sensor_tags = coalesce(
        string_to_array(replace(substring(record from '"tags":\[("[^"\\]*"(?:,"[^"\\]*")*)\]'), '"', ''), ','), '{}')
WHERE record ~ '"(owner|criticality)":"|"tags":\[';
CREATE INDEX devices_owner ON devices (owner, last, number) WHERE merged = '' AND owner <> '';
CREATE INDEX devices_criticality ON devices (criticality, last, number) WHERE merged = '' AND criticality <> '';
CREATE INDEX devices_tagged ON devices (last, number) WHERE merged = '' AND tags <> '{}';
ALTER TABLE device_values ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_device ON device_values FOR SELECT
    USING (EXISTS (SELECT FROM devices d WHERE d.sensor = device_values.sensor AND d.id = device_values.device));
DO $$ DECLARE granted record; BEGIN
    FOR granted IN SELECT DISTINCT role FROM site_access JOIN pg_roles ON rolname = role LOOP
        EXECUTE format('GRANT SELECT ON device_values TO %I', granted.role);
    END LOOP;
END $$;
"""
