"""The schema step for cheap updates of last states.

With each event of a device, its time changes, and no other column of an index in most cases. So the order by time is in
a separate narrow table, ``device_order``, and an update of a device writes no index (a heap-only tuple). Workers
write counts and words with the rows, in the same statement: triggers with transition tables would copy each row with
its record twice. The remaining triggers are for other writers: consoles, and workers of earlier versions.
"""

from __future__ import annotations

from typing import LiteralString

# Rows for devices that exist already.
DEVICE_ORDER: tuple[LiteralString, ...] = (
    "INSERT INTO device_order SELECT number, site, last FROM devices WHERE merged = ''",
    "INSERT INTO vlan_counts SELECT site, vlan, count(*) FROM devices WHERE merged = '' GROUP BY 1, 2",
)
_TABLES: LiteralString = """
CREATE TABLE device_order (number bigint NOT NULL, site text NOT NULL, last timestamptz NOT NULL);
CREATE TABLE vlan_counts (site text NOT NULL, vlan integer NOT NULL, n bigint NOT NULL);
"""
_INDICES: LiteralString = """
CREATE UNIQUE INDEX device_order_last ON device_order (last, number);
CREATE INDEX device_order_site_last ON device_order (site, last, number);
DROP INDEX devices_last, devices_site_last, devices_type_last, devices_vendor_last, devices_vlan, devices_owner,
    devices_criticality, devices_tagged;
CREATE INDEX devices_type ON devices (type, number) WHERE merged = '';
CREATE INDEX devices_vendor ON devices (vendor, number) WHERE merged = '';
CREATE INDEX devices_vlan ON devices (vlan, number) WHERE merged = '' AND vlan <> 0;
CREATE INDEX devices_owner ON devices (owner, number) WHERE merged = '' AND owner <> '';
CREATE INDEX devices_criticality ON devices (criticality, number) WHERE merged = '' AND criticality <> '';
CREATE INDEX devices_tagged ON devices (number) WHERE merged = '' AND tags <> '{}';
CREATE INDEX devices_gone ON devices (number) WHERE merged = '' AND gone;
ALTER TABLE devices SET (fillfactor = 70);
DROP INDEX events_about;
CREATE INDEX events_device ON events (sensor, about) WHERE kind = 'device';
"""
_TRIGGERS: LiteralString = """
DROP TRIGGER devices_added ON devices;
DROP TRIGGER devices_changed ON devices;
DROP TRIGGER alerts_added ON alerts;
DROP TRIGGER alerts_changed ON alerts;
DROP FUNCTION devices_added, devices_changed, alerts_added, alerts_changed;
CREATE FUNCTION device_text(d devices) RETURNS text LANGUAGE sql STABLE AS $$
SELECT words_of(d.id, d.name, d.type, d.vendor, d.model, d.serial, d.ips, d.macs) || operator_words(d.owner, d.tags)
$$;
CREATE FUNCTION alert_text(a alerts) RETURNS text LANGUAGE sql STABLE AS $$
SELECT concat_ws(' ', a.title, a.detector, a.summary, a.src, a.dst)
$$;
CREATE FUNCTION device_written() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.merged = '' THEN
        IF (NEW.site, NEW.type, NEW.vendor, NEW.gone, NEW.merged) <> (OLD.site, OLD.type, OLD.vendor, OLD.gone, '') THEN
            INSERT INTO device_counts VALUES (OLD.site, OLD.type, OLD.vendor, OLD.gone, -1);
        END IF;
        IF (NEW.site, NEW.vlan, NEW.merged) <> (OLD.site, OLD.vlan, '') THEN
            INSERT INTO vlan_counts VALUES (OLD.site, OLD.vlan, -1);
        END IF;
        IF (NEW.site, NEW.last, NEW.merged) <> (OLD.site, OLD.last, '') THEN
            DELETE FROM device_order o WHERE o.last = OLD.last AND o.number = OLD.number;
        END IF;
    END IF;
    IF NEW.merged = '' THEN
        IF TG_OP = 'INSERT'
            OR (NEW.site, NEW.type, NEW.vendor, NEW.gone, '') <> (OLD.site, OLD.type, OLD.vendor, OLD.gone, OLD.merged)
        THEN INSERT INTO device_counts VALUES (NEW.site, NEW.type, NEW.vendor, NEW.gone, 1);
        END IF;
        IF TG_OP = 'INSERT' OR (NEW.site, NEW.vlan, '') <> (OLD.site, OLD.vlan, OLD.merged) THEN
            INSERT INTO vlan_counts VALUES (NEW.site, NEW.vlan, 1);
        END IF;
        IF TG_OP = 'INSERT' OR (NEW.site, NEW.last, '') <> (OLD.site, OLD.last, OLD.merged) THEN
            INSERT INTO device_order VALUES (NEW.number, NEW.site, NEW.last);
        END IF;
    END IF;
    IF TG_OP = 'INSERT' THEN INSERT INTO device_words VALUES (NEW.number, device_text(NEW));
    ELSIF device_text(NEW) <> device_text(OLD) THEN
        UPDATE device_words SET words = device_text(NEW) WHERE number = NEW.number;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER device_written AFTER INSERT OR UPDATE ON devices FOR EACH ROW
    WHEN (current_setting('sensor.intake', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION device_written();
CREATE FUNCTION alert_written() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN INSERT INTO alert_words VALUES (NEW.number, alert_text(NEW), NEW.parties);
    ELSIF (alert_text(NEW), NEW.parties) <> (alert_text(OLD), OLD.parties) THEN
        UPDATE alert_words SET words = alert_text(NEW), parties = NEW.parties WHERE number = NEW.number;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.site, NEW.state, NEW.severity, NEW.detector, NEW.verdict, NEW.assignee)
            = (OLD.site, OLD.state, OLD.severity, OLD.detector, OLD.verdict, OLD.assignee) THEN RETURN NULL;
        END IF;
        INSERT INTO alert_counts
        VALUES (OLD.site, OLD.state, OLD.severity, OLD.detector, OLD.verdict, OLD.assignee, -1);
    END IF;
    INSERT INTO alert_counts VALUES (NEW.site, NEW.state, NEW.severity, NEW.detector, NEW.verdict, NEW.assignee, 1);
    RETURN NULL;
END $$;
CREATE TRIGGER alert_written AFTER INSERT OR UPDATE ON alerts FOR EACH ROW
    WHEN (current_setting('sensor.intake', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION alert_written();
CREATE OR REPLACE FUNCTION devices_removed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO device_counts SELECT site, type, vendor, gone, -count(*) FROM removed WHERE merged = ''
    GROUP BY 1, 2, 3, 4;
    INSERT INTO vlan_counts SELECT site, vlan, -count(*) FROM removed WHERE merged = '' GROUP BY 1, 2;
    DELETE FROM device_order o USING removed r WHERE o.last = r.last AND o.number = r.number;
    DELETE FROM device_words w USING removed r WHERE w.number = r.number;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION emptied() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_TABLE_NAME = 'alerts' THEN TRUNCATE alert_words, alert_counts;
    ELSE TRUNCATE device_words, device_counts, device_order, vlan_counts; END IF;
    RETURN NULL;
END $$;
"""
_ACCESS: LiteralString = """
ALTER TABLE device_order ENABLE ROW LEVEL SECURITY;
ALTER TABLE vlan_counts ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_site ON device_order FOR SELECT
    USING ((SELECT '*' = ANY (readable_sites())) OR site = ANY ((SELECT readable_sites())::text[]));
CREATE POLICY by_site ON vlan_counts FOR SELECT
    USING ((SELECT '*' = ANY (readable_sites())) OR site = ANY ((SELECT readable_sites())::text[]));
DO $$ DECLARE granted record; BEGIN
    FOR granted IN SELECT DISTINCT role FROM site_access JOIN pg_roles ON rolname = role LOOP
        EXECUTE format('GRANT SELECT ON device_order, vlan_counts TO %I', granted.role);
    END LOOP;
END $$;
"""
ORDERS: LiteralString = _TABLES + ";\n".join(DEVICE_ORDER) + ";" + _INDICES + _TRIGGERS + _ACCESS
