"""Tables of traffic records with the sensor's results and coverage: devices, alerts, recommendations, vulnerabilities,
coverage.
"""

from __future__ import annotations

from sensor.records.schema_types import INT, LIST, NUMBER, SENSOR, TEXT, TIME, Column, Table

DEVICE_HISTORY = Table(
    "device_history",
    "One row for each version of a device: its state in the inventory from `ts` until `valid_to`.",
    (
        Column("ts", TIME, "start of this version", "@timestamp", "ts"),
        Column("valid_to", TIME, "end of this version; null for the current one", derived=True),
        *SENSOR,
        Column("device", TEXT, "id of the device", "device.id"),
        Column("action", TEXT, "change: new, identified, changed, gone, ...", "event.action"),
        Column("name", TEXT, "host name", "host.hostname", "host_name"),
        Column("type", TEXT, "device type; unknown if it is not identified", "host.type"),
        Column("vendor", TEXT, "vendor", "device.manufacturer"),
        Column("model", TEXT, "model", "device.model.name"),
        Column("os", TEXT, "operating system", "host.os.name"),
        Column("vlan", INT, "VLAN", "network.vlan.id"),
        Column("ips", LIST, "addresses", "host.ip"),
        Column("macs", LIST, "MACs", "host.mac"),
    ),
)
ALERT = Table(
    "alert",
    (
        "One row for each state of an alert: it opened, changed or closed. The row with the last `ts` "
        "of an `alert` is its current state."
    ),
    (
        Column("ts", TIME, "time", "@timestamp", "ts"),
        *SENSOR,
        Column("alert", TEXT, "id of the alert", "event.id"),
        Column("action", TEXT, "open, update, close, ...", "event.action"),
        Column("detector", TEXT, "id of the detector", "rule.id", "note"),
        Column("title", TEXT, "title of the detection", "rule.name"),
        Column("severity", TEXT, "info, low, medium, high or critical", "event.severity_name"),
        Column("techniques", LIST, "MITRE ATT&CK techniques", "threat.technique.id"),
        Column("message", TEXT, "summary", "message", "msg"),
        Column("src_ip", TEXT, "address of the actor", "source.ip", "src"),
        Column("src_device", TEXT, "its device", "source.device.id"),
        Column("dst_ip", TEXT, "address of the target", "destination.ip", "dst"),
        Column("dst_device", TEXT, "its device", "destination.device.id"),
    ),
    eve="alert",
)
ALERT_ENTITY = Table(
    "alert_entity",
    "One row for each device or address in a state of an alert.",
    (
        Column("ts", TIME, "time", "@timestamp", "ts"),
        *SENSOR,
        Column("alert", TEXT, "id of the alert", "event.id"),
        Column("action", TEXT, "open, update, close, ...", "event.action"),
        Column("role", TEXT, "actor or target"),
        Column("ip", TEXT, "its address", "host.ip"),
        Column("port", INT, "its port; null if there is none"),
        Column("mac", TEXT, "its MAC", "host.mac"),
        Column("device", TEXT, "id of the device", "device.id"),
        Column("hostname", TEXT, "its host name", "host.hostname"),
        Column("type", TEXT, "its device type", "host.type"),
    ),
)
ALERT_FLOW = Table(
    "alert_flow",
    "One row for each connection in the evidence of a state of an alert; `conn.alert_ids` is derived from it.",
    (
        Column("ts", TIME, "time", "@timestamp", "ts"),
        Column("uid", INT, "id of the connection", "network.session_id", "uid"),
        *SENSOR,
        Column("alert", TEXT, "id of the alert", "event.id"),
    ),
)
RECOMMENDATION = Table(
    "recommendation",
    (
        "One row for each state of a recommendation: it opened, changed or closed. The row with the "
        "last `ts` is its current state."
    ),
    (
        Column("ts", TIME, "time", "@timestamp", "ts"),
        *SENSOR,
        Column("recommendation", TEXT, "its id", "event.id"),
        Column("action", TEXT, "open, update or close", "event.action"),
        Column("setting", TEXT, "id of the setting", "rule.id"),
        Column("title", TEXT, "title of the setting", "rule.name"),
        Column("severity", TEXT, "info, low, medium, high or critical", "event.severity_name"),
        Column("message", TEXT, "observation", "message"),
        Column("fix", TEXT, "recommended action"),
        Column("device", TEXT, "id of the device with this setting", "device.id"),
        Column("ip", TEXT, "its address", "host.ip"),
        Column("port", INT, "port of the service; null if it concerns none"),
    ),
)
VULNERABILITY = Table(
    "vulnerability",
    "One row for each device and CVE as `sensor vulns list --all` computes them, when a query uses this table.",
    (
        Column("ts", TIME, "when the device was last seen", "@timestamp", "ts"),
        Column("device", TEXT, "id of the device", "device.id"),
        Column("name", TEXT, "its host name", "host.hostname"),
        Column("ip", TEXT, "its address", "host.ip"),
        Column("type", TEXT, "its device type", "host.type"),
        Column("vendor", TEXT, "its vendor", "device.manufacturer"),
        Column("model", TEXT, "its model", "device.model.name"),
        Column("firmware", TEXT, "its firmware version", "device.firmware"),
        Column("cve", TEXT, "the CVE", "vulnerability.id"),
        Column("title", TEXT, "its title", "vulnerability.description"),
        Column("verdict", TEXT, "affected, not_affected or unknown"),
        Column("reason", TEXT, "reason of the verdict"),
        Column("severity", TEXT, "by CVSS", "vulnerability.severity"),
        Column("cvss", NUMBER, "CVSS base score; null if there is none", "vulnerability.score.base"),
        Column("epss", NUMBER, "EPSS probability of exploitation, 0 to 1; null if there is none"),
        Column("exploited", TEXT, "date since when exploitation is known, or `known`; null if it is not known"),
        Column("priority", NUMBER, "0 to 100"),
        Column("fixed", TEXT, "version that fixes it"),
        Column("first_detected", TIME, "when it was detected first; null if unknown"),
    ),
    stored=False,
)
COVERAGE = Table(
    "coverage",
    (
        "Coverage of each interface and VLAN: packets seen and missed, one row for each span in which "
        "packets were counted."
    ),
    (
        Column("ts", TIME, "start of the span", "@timestamp", "ts"),
        Column("until", TIME, "end of the span", "event.end"),
        *SENSOR,
        Column("interface", TEXT, "interface or capture file", "observer.ingress.interface.name"),
        Column("vlan", INT, "VLAN, null if untagged", "network.vlan.id"),
        Column("packets", INT, "packets seen", "network.packets"),
        Column("bytes", INT, "bytes of their frames", "network.bytes"),
        Column("lost", INT, "packets that the kernel or a full queue dropped, all VLANs of the sensor together"),
        Column("shed", INT, "messages that were not parsed under load, of all VLANs"),
        Column("connections", INT, "TCP connections with content that were written with the span, of all interfaces"),
        Column("one_way", INT, "those of which packets of one side only were seen"),
        Column("hellos", INT, "ClientHellos that were written with the span, of all interfaces"),
        Column("encrypted_hellos", INT, "those with ECH, which may hide the name of the server"),
        Column("dropped_records", INT, "records that were dropped because the disk was too slow, of all VLANs"),
    ),
)
