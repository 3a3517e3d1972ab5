"""The parties of alerts, and the last times of the alerts in a block: the tables of version 8.

A party is one endpoint of an alert with all its identifiers. Most alerts of a host have the same party, so an alert
needs two rows here instead of one for each address, MAC, device, name and VLAN.
"""

from __future__ import annotations

from sensor.inventory.store.schema_log import LIST_INDICES, SEVERITY_INDEX

# Size of a block of alerts: those whose numbers give the same quotient.
BLOCK = 1000

PARTY_INDICES = (
    "CREATE INDEX IF NOT EXISTS alert_parties_party ON alert_parties (party, role, alert)",
    "CREATE INDEX IF NOT EXISTS parties_address ON parties (address) WHERE address IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS parties_mac ON parties (mac)",
    "CREATE INDEX IF NOT EXISTS parties_device ON parties (device)",
    "CREATE INDEX IF NOT EXISTS parties_name ON parties (name)",
    "CREATE INDEX IF NOT EXISTS parties_vlan ON parties (vlan)",
)
# Created separately, because bulk inserts are faster without them.
LOG_INDICES = (*LIST_INDICES, *PARTY_INDICES, SEVERITY_INDEX)

SPANS_OF_ALL = f"INSERT INTO alert_spans SELECT number / {BLOCK}, min(last), max(last) FROM alerts GROUP BY 1"  # noqa: S608 - our own number

PARTIES = f"""
CREATE TABLE parties (
    number INTEGER PRIMARY KEY, ip TEXT NOT NULL, mac TEXT NOT NULL, device TEXT NOT NULL, -- its id
    name TEXT NOT NULL, vlan INTEGER NOT NULL, -- 0 for none
    address BLOB, -- of the IP address: 16 bytes, IPv4 as mapped, so that networks are ranges
    UNIQUE (ip, mac, device, name, vlan)
);
CREATE TABLE alert_parties (
    alert INTEGER NOT NULL, role INTEGER NOT NULL, -- 0: source, 1: destination or target
    party INTEGER NOT NULL, PRIMARY KEY (alert, role, party)
) WITHOUT ROWID;
CREATE TABLE alert_spans (
    block INTEGER PRIMARY KEY, -- of alerts, by number
    low INTEGER NOT NULL, high INTEGER NOT NULL -- all of them were seen last within this time
);
INSERT INTO parties SELECT
    number, iif(kind = 'ip', value, ''), iif(kind = 'mac', value, ''), iif(kind = 'device', value, ''),
    iif(kind = 'name', value, ''), iif(kind = 'vlan', CAST(value AS INTEGER), 0), address FROM entities;
INSERT INTO alert_parties SELECT alert, role, entity FROM alert_entities;
{SPANS_OF_ALL};
DROP TABLE alert_entities;
DROP TABLE entities;
{"; ".join(PARTY_INDICES)};
"""  # noqa: S608 - our own words

# Emptied before they are rebuilt.
MADE_FROM_LOG = (
    "log_position", "alert_groups", "alerts", "alert_records", "parties", "alert_parties", "alert_spans", "alert_words",
    "incidents", "incident_alerts", "recommendations", "findings", "timeline",
)  # fmt: skip
