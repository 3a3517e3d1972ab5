"""Rows of devices for lists and search: a small row for each, separate from the large ones with their facts.

Indexing a text at each change costs ten times as much as the row itself. New and changed texts are therefore indexed
later, many at once (``rows.index_words``), and a search scans those that are not indexed yet.
"""

from __future__ import annotations

DEVICE_ROWS = """
CREATE TABLE device_rows (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, vendor TEXT NOT NULL, model TEXT NOT NULL, name TEXT NOT NULL,
    ip TEXT NOT NULL, address BLOB, -- the address shown first; 16 bytes as in entities
    mac TEXT NOT NULL, vlan INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, gone INTEGER NOT NULL,
    criticality TEXT NOT NULL, owner TEXT NOT NULL, tags TEXT NOT NULL, confidence REAL NOT NULL,
    words TEXT NOT NULL, -- all that a search by text finds, case folded
    indexed INTEGER NOT NULL DEFAULT 0 -- whether the words are in device_text
);
CREATE TABLE device_addresses (
    address BLOB NOT NULL, device INTEGER NOT NULL, -- number of its row
    PRIMARY KEY (address, device)
) WITHOUT ROWID;
CREATE INDEX device_addresses_device ON device_addresses (device);
CREATE INDEX device_rows_last ON device_rows (last);
CREATE INDEX device_rows_pending ON device_rows (number) WHERE NOT indexed;
CREATE INDEX device_rows_facets ON device_rows (type, vendor, vlan, gone, criticality);
CREATE VIRTUAL TABLE device_text USING fts5 (words, content = 'device_rows', content_rowid = 'number', tokenize = 'trigram');
CREATE TRIGGER device_rows_old AFTER DELETE ON device_rows BEGIN
    DELETE FROM device_addresses WHERE device = old.number;
END;
CREATE TRIGGER device_rows_unindexed AFTER DELETE ON device_rows WHEN old.indexed BEGIN
    INSERT INTO device_text (device_text, rowid, words) VALUES ('delete', old.number, old.words);
END;
CREATE TRIGGER device_rows_changed AFTER UPDATE OF words ON device_rows WHEN old.indexed AND old.words IS NOT new.words BEGIN
    INSERT INTO device_text (device_text, rowid, words) VALUES ('delete', old.number, old.words);
    UPDATE device_rows SET indexed = 0 WHERE number = old.number;
END;
CREATE TABLE device_records (id TEXT PRIMARY KEY, record TEXT NOT NULL); -- of a log that is read without an inventory: the last record of each device
"""

# Of version 9: lists by name and by address begin without a sort of all devices.
DEVICE_ORDERS = """
CREATE INDEX device_rows_name ON device_rows (name);
CREATE INDEX device_rows_address ON device_rows (coalesce(address, x''));
"""
