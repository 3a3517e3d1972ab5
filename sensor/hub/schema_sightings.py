"""The schema step for devices that several sensors of a site see: one of their rows is listed and counted.

``counted_as`` is the number of that row, 0 for itself; ``hub/sightings.py`` writes it. A search finds a device by the
words of each of its rows, and the values that operators set at one of them apply to all.
"""

from __future__ import annotations

from typing import LiteralString

SIGHTINGS: LiteralString = """
ALTER TABLE devices ADD COLUMN counted_as bigint NOT NULL DEFAULT 0;
ALTER TABLE device_words ADD COLUMN counted_as bigint;
CREATE INDEX devices_counted_as ON devices (counted_as) WHERE counted_as <> 0;
CREATE INDEX device_words_listed ON device_words (coalesce(counted_as, number));
CREATE OR REPLACE FUNCTION device_written() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT AS $$
DECLARE
    before boolean := TG_OP = 'UPDATE' AND OLD.merged = '' AND OLD.counted_as = 0;
    after boolean := NEW.merged = '' AND NEW.counted_as = 0;
    stays boolean := before AND after;
BEGIN
    IF NOT stays OR (NEW.site, NEW.type, NEW.vendor, NEW.gone) <> (OLD.site, OLD.type, OLD.vendor, OLD.gone) THEN
        IF before THEN INSERT INTO device_counts VALUES (OLD.site, OLD.type, OLD.vendor, OLD.gone, -1); END IF;
        IF after THEN INSERT INTO device_counts VALUES (NEW.site, NEW.type, NEW.vendor, NEW.gone, 1); END IF;
    END IF;
    IF NOT stays OR (NEW.site, NEW.vlan) <> (OLD.site, OLD.vlan) THEN
        IF before THEN INSERT INTO vlan_counts VALUES (OLD.site, OLD.vlan, -1); END IF;
        IF after THEN INSERT INTO vlan_counts VALUES (NEW.site, NEW.vlan, 1); END IF;
    END IF;
    IF NOT stays OR (NEW.site, NEW.last) <> (OLD.site, OLD.last) THEN
        IF before THEN DELETE FROM device_order o WHERE o.last = OLD.last AND o.number = OLD.number; END IF;
        IF after THEN INSERT INTO device_order VALUES (NEW.number, NEW.site, NEW.last); END IF;
    END IF;
    IF TG_OP = 'INSERT' THEN INSERT INTO device_words VALUES (NEW.number, device_text(NEW));
    ELSIF (device_text(NEW), NEW.counted_as) <> (device_text(OLD), OLD.counted_as) THEN
        UPDATE device_words SET words = device_text(NEW), counted_as = nullif(NEW.counted_as, 0)
        WHERE number = NEW.number;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION devices_removed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO device_counts SELECT site, type, vendor, gone, -count(*) FROM removed
    WHERE merged = '' AND counted_as = 0 GROUP BY 1, 2, 3, 4;
    INSERT INTO vlan_counts SELECT site, vlan, -count(*) FROM removed
    WHERE merged = '' AND counted_as = 0 GROUP BY 1, 2;
    DELETE FROM device_order o USING removed r WHERE o.last = r.last AND o.number = r.number;
    DELETE FROM device_words w USING removed r WHERE w.number = r.number;
    RETURN NULL;
END $$;
CREATE FUNCTION sightings_of(of_sensor bigint, of_device text, OUT sensor bigint, OUT device text) RETURNS SETOF record
    LANGUAGE sql STABLE AS $$
SELECT s.sensor, s.id FROM devices d JOIN devices s
    ON s.number = coalesce(nullif(d.counted_as, 0), d.number)
    OR s.counted_as <> 0 AND s.counted_as = coalesce(nullif(d.counted_as, 0), d.number)
WHERE d.sensor = of_sensor AND d.id = of_device
$$;
CREATE OR REPLACE FUNCTION hub_value(of_sensor bigint, of_device text, of_field text) RETURNS text LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
SELECT nullif(value, '') FROM device_values
WHERE (sensor, device) IN (SELECT s.sensor, s.device FROM sightings_of(of_sensor, of_device) s)
    AND field = of_field AND NOT undone ORDER BY number DESC LIMIT 1
$$;
CREATE OR REPLACE FUNCTION apply_device_value() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE devices d SET hub_owner = hub_value(d.sensor, d.id, 'owner'),
        hub_criticality = hub_value(d.sensor, d.id, 'criticality'),
        hub_tags = string_to_array(hub_value(d.sensor, d.id, 'tags'), ', ')
    WHERE (d.sensor, d.id) IN (
        SELECT s.sensor, s.device FROM sightings_of(NEW.sensor, NEW.device) s
        UNION SELECT s.sensor, s.device FROM sightings_of(OLD.sensor, OLD.device) s);
    RETURN NULL;
END $$;
"""
