"""The tables of the store, as numbered migrations: number N brings a store from version N - 1 to N. ``PRAGMA
user_version`` holds the version.

A migration that was released is never changed; a new one is added.
"""

from __future__ import annotations

from sensor.inventory.store.schema_log import ENTITY_INDICES, LIST_INDICES, LOG_TABLES, SEVERITY
from sensor.inventory.store.schema_mutes import MUTE_TABLES
from sensor.inventory.store.schema_parties import PARTIES
from sensor.inventory.store.schema_rows import DEVICE_ORDERS, DEVICE_ROWS

_INDICES_5 = "".join(f"{statement};\n" for statement in (*ENTITY_INDICES, *LIST_INDICES))

MIGRATIONS: tuple[str, ...] = (
    # 1: devices with their facts, their addresses over time, their history, operator changes.
    """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE devices (
        id TEXT PRIMARY KEY, key TEXT NOT NULL, type TEXT NOT NULL, vendor TEXT NOT NULL, model TEXT NOT NULL, name TEXT NOT NULL,
        vlan INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, gone INTEGER NOT NULL,
        body TEXT NOT NULL, -- the device as records show it, JSON
        state TEXT NOT NULL -- the record with its facts and their claims, JSON
    );
    CREATE UNIQUE INDEX devices_key ON devices (key);
    CREATE INDEX devices_last ON devices (last);
    CREATE TABLE leases (
        number INTEGER PRIMARY KEY, device TEXT NOT NULL, address TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, held INTEGER NOT NULL
    );
    CREATE INDEX leases_device ON leases (device, address) WHERE held;
    CREATE INDEX leases_address ON leases (address);
    CREATE TABLE history (
        number INTEGER PRIMARY KEY, ts INTEGER NOT NULL, device TEXT NOT NULL, action TEXT NOT NULL, changes TEXT NOT NULL, reason TEXT NOT NULL
    );
    CREATE INDEX history_device ON history (device);
    CREATE TABLE words (
        number INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER NOT NULL, author TEXT NOT NULL, key TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL,
        reason TEXT NOT NULL,
        state TEXT NOT NULL -- said, undone; of orders (merge, split, undo): pending, done, failed, undone
    );
    CREATE INDEX words_key ON words (key);
    CREATE TABLE mergers (
        number INTEGER PRIMARY KEY, ts INTEGER NOT NULL, kept TEXT NOT NULL, lost TEXT NOT NULL, kept_key TEXT NOT NULL, lost_key TEXT NOT NULL,
        reason TEXT NOT NULL, kept_before TEXT NOT NULL, lost_before TEXT NOT NULL, undone INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX mergers_lost ON mergers (lost);
    CREATE TABLE apart (one TEXT NOT NULL, other TEXT NOT NULL, PRIMARY KEY (one, other)) WITHOUT ROWID;
    """,
    # 2: services that devices offer and use, their switch ports, and the evidence as rows for users of SQL.
    """
    CREATE TABLE services (
        device TEXT NOT NULL, service INTEGER NOT NULL, offered INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (device, offered, service)
    ) WITHOUT ROWID;
    CREATE TABLE neighbours (
        device TEXT NOT NULL, protocol TEXT NOT NULL, chassis TEXT NOT NULL, port TEXT NOT NULL, name TEXT NOT NULL, last INTEGER NOT NULL,
        PRIMARY KEY (device, protocol)
    ) WITHOUT ROWID;
    CREATE VIEW attributes AS
        SELECT devices.id AS device, one.key AS name,
            coalesce(json_extract(body, '$.' || one.key), json_extract(body, '$.attributes.' || one.key)) AS value, one.value AS confidence
        FROM devices, json_each(devices.body, '$.confidences') AS one;
    CREATE VIEW evidence AS
        SELECT devices.id AS device, claim.value ->> 0 AS attribute, claim.value ->> 1 AS value, claim.value ->> 2 AS confidence,
            claim.value ->> 3 AS fingerprint, claim.value ->> 4 AS family, fact.value ->> 0 AS observation, fact.value ->> 1 AS seen,
            fact.value ->> 3 AS first, fact.value ->> 4 AS last, fact.value ->> 5 AS count
        FROM devices, json_each(devices.state, '$.facts') AS fact, json_each(fact.value, '$[6]') AS claim;
    """,
    # 3: learned data of devices.
    """
    CREATE TABLE baseline (
        device TEXT PRIMARY KEY,
        habits TEXT NOT NULL -- what it serves and uses, JSON
    ) WITHOUT ROWID;
    """,
    # 4: open recommendations.
    """
    CREATE TABLE advice (
        device TEXT NOT NULL, -- its id, or the address of one that is none of the inventory's
        setting TEXT NOT NULL,
        body TEXT NOT NULL, -- what shows it, since when, and when it was told last, JSON
        PRIMARY KEY (device, setting)
    ) WITHOUT ROWID;
    """,
    # 5: the event log as tables, and rows of devices for lists and search.
    LOG_TABLES + _INDICES_5 + DEVICE_ROWS,
    # 6: mutes, and the alerts that they suppressed.
    MUTE_TABLES,
    # 7: indexes with all columns that lists of alerts compare.
    "DROP INDEX IF EXISTS alerts_risk;\nDROP INDEX IF EXISTS alerts_group_risk;\n" + _INDICES_5,
    # 8: parties of alerts, one row per party; the last times of the alerts in a block.
    PARTIES,
    # 9: the severity of alerts beside their time.
    SEVERITY + DEVICE_ORDERS,
    # 10: open alerts and incidents, which the next run continues.
    """
    CREATE TABLE open_state (
        kind TEXT NOT NULL, -- alert, incident, suppressed
        key TEXT NOT NULL,
        ts INTEGER NOT NULL, -- of its last occurrence, ns
        devices TEXT NOT NULL, -- ids of the devices in it, JSON
        body TEXT NOT NULL, -- JSON
        PRIMARY KEY (kind, key)
    ) WITHOUT ROWID;
    """,
)
VERSION = len(MIGRATIONS)
# Tables with original data, in the order in which they are salvaged from a damaged store: operator changes first.
TABLES = (
    "words",
    "apart",
    "meta",
    "devices",
    "mergers",
    "leases",
    "history",
    "services",
    "neighbours",
    "baseline",
    "advice",
    "open_state",
)
# Tables that are not derived from a log or a file: a store keeps them when its other tables are rebuilt.
KEPT = (*TABLES, "device_rows", "device_addresses", "device_records")
