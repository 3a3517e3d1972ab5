"""Views with the names of Microsoft Defender's advanced hunting tables, and with the published columns and values, as
far as packets provide them. Source: Microsoft Learn, advanced hunting schema reference.
"""

from __future__ import annotations

_DEVICE_INFO = """
CREATE VIEW "DeviceInfo" AS SELECT ts AS "Timestamp", device AS "DeviceId", name AS "DeviceName", type AS "DeviceType",
    vendor AS "Vendor", model AS "Model", os AS "OSPlatform", site AS "MachineGroup" FROM device_history;
CREATE VIEW "DeviceNetworkInfo" AS SELECT ts AS "Timestamp", device AS "DeviceId", name AS "DeviceName",
    macs[1] AS "MacAddress", ips AS "IPAddresses" FROM device_history;
"""

# A connection is an event of its client and, if it was accepted, one of its server.
_NETWORK = """
CREATE MACRO ip_type(ip) AS CASE WHEN ip IS NULL THEN NULL WHEN ip LIKE '127.%' OR ip = '::1' THEN 'Loopback'
    WHEN ip IN ('255.255.255.255') THEN 'Broadcast' WHEN is_private(ip) THEN 'Private'
    WHEN regexp_matches(ip, '^(22[4-9]|2[3-5][0-9])[.][0-9.]+$|^ff[0-9a-f][0-9a-f]:') THEN 'Reserved' ELSE 'Public' END;
CREATE VIEW "DeviceNetworkEvents" AS
WITH ways AS (
    SELECT ts, src_device AS device, CASE WHEN state IN ('S0', 'REJ', 'RSTOS0', 'SH') THEN 'ConnectionFailed'
    ELSE 'ConnectionSuccess' END AS action,
        src_ip AS own, src_port AS own_port, dst_ip AS other, dst_port AS other_port, sni, proto FROM conn
    UNION ALL
    SELECT ts, dst_device, 'InboundConnectionAccepted', dst_ip, dst_port, src_ip, src_port, NULL, proto FROM conn
    WHERE dst_device IS NOT NULL AND state NOT IN ('S0', 'REJ', 'RSTOS0', 'SH'))
SELECT w.ts AS "Timestamp", w.device AS "DeviceId", d.name AS "DeviceName", w.action AS "ActionType",
other AS "RemoteIP",
    other_port AS "RemotePort", sni AS "RemoteUrl", own AS "LocalIP", own_port AS "LocalPort",
    upper(w.proto[1]) || w.proto[2:] AS "Protocol", ip_type(own) AS "LocalIPType", ip_type(other) AS "RemoteIPType"
FROM ways w LEFT JOIN device d ON d.device = w.device;
"""

# One row per alert, in its current state, with its start time.
_ALERTS = """
CREATE MACRO defender_severity(name) AS CASE name WHEN 'info' THEN 'Informational' WHEN 'low' THEN 'Low'
WHEN 'medium' THEN 'Medium'
    WHEN 'high' THEN 'High' WHEN 'critical' THEN 'High' END;
CREATE MACRO category_of(detector) AS
    array_to_string(list_transform(string_split(split_part(detector, '.', 1), '_'), lambda word: upper(word[1]) || word[2:]), '');
CREATE VIEW "AlertInfo" AS SELECT min(ts) AS "Timestamp", alert AS "AlertId", arg_max(title, ts) AS "Title",
    category_of(arg_max(detector, ts)) AS "Category", defender_severity(arg_max(severity, ts)) AS "Severity",
    arg_max(sensor, ts) AS "ServiceSource", arg_max(detector, ts) AS "DetectionSource",
    arg_max(techniques, ts) AS "AttackTechniques" FROM alert GROUP BY alert;
CREATE VIEW "AlertEvidence" AS SELECT min(e.ts) AS "Timestamp", e.alert AS "AlertId", any_value(i."Title") AS "Title",
    any_value(i."Category") AS "Categories", any_value(i."AttackTechniques") AS "AttackTechniques",
    any_value(i."ServiceSource") AS "ServiceSource", any_value(i."DetectionSource") AS "DetectionSource",
    any_value(i."Severity") AS "Severity", CASE WHEN e.device IS NULL THEN 'Ip' ELSE 'Machine' END AS "EntityType",
    CASE e.role WHEN 'target' THEN 'Impacted' ELSE 'Related' END AS "EvidenceRole",
    CASE e.role WHEN 'target' THEN 'Destination' ELSE 'Source' END AS "EvidenceDirection", e.device AS "DeviceId",
    any_value(e.hostname) AS "DeviceName", CASE WHEN e.device IS NOT NULL THEN e.ip END AS "LocalIP",
    CASE WHEN e.device IS NULL THEN e.ip END AS "RemoteIP"
FROM alert_entity e LEFT JOIN "AlertInfo" i ON i."AlertId" = e.alert GROUP BY e.alert, e.role, e.device, e.ip;
"""

DEFENDER = _DEVICE_INFO + _NETWORK + _ALERTS
