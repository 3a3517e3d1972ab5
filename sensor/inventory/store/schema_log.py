"""The tables that are derived from the event log (``sensor/tables/``): alerts, incidents, recommendations, findings and
the timeline.

The log is the durable source: these tables contain no other data, and are rebuilt from it if they are damaged. Times
are ns since the epoch. An alert belongs to a group: all alerts with the same state, severity, detector, verdict,
assignee and site. Groups are few, so totals and facets of a million alerts are sums over some hundred rows, and the
newest alerts of any group are found by an index.
"""

from __future__ import annotations

LOG_TABLES = """
CREATE TABLE log_position (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL, -- of the last record that is in the tables
    record TEXT NOT NULL, -- the id of that record: another id at the same place is another log
    words INTEGER NOT NULL, -- bytes of the operator's notes that are in the tables
    unusable INTEGER NOT NULL, -- lines of the log that are no usable records
    whole INTEGER NOT NULL -- 0 while versions 5 to 7 put much in at once, without indices
);
CREATE TABLE alert_groups (
    number INTEGER PRIMARY KEY, state TEXT NOT NULL, severity INTEGER NOT NULL, detector TEXT NOT NULL, verdict TEXT NOT NULL, assignee TEXT NOT NULL,
    site TEXT NOT NULL, alerts INTEGER NOT NULL,
    UNIQUE (state, severity, detector, verdict, assignee, site)
);
CREATE TABLE alerts (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, key TEXT NOT NULL, of_group INTEGER NOT NULL, title TEXT NOT NULL, risk INTEGER NOT NULL,
    count INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    ended INTEGER NOT NULL, -- the sensor told its end
    seq INTEGER NOT NULL, -- of its last record
    summary TEXT NOT NULL,
    words TEXT NOT NULL -- what a search by text finds beside the summary
);
CREATE UNIQUE INDEX alerts_id ON alerts (id);
CREATE TABLE alert_records (number INTEGER PRIMARY KEY, record TEXT NOT NULL); -- as it stands in the log, apart so that lists read little
CREATE VIRTUAL TABLE alert_text USING fts5 (summary, words, content = 'alerts', content_rowid = 'number', tokenize = 'unicode61');
CREATE TABLE entities (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, -- ip, mac, device, name or vlan
    value TEXT NOT NULL, address BLOB, -- of an IP address: 16 bytes, IPv4 as mapped, so that networks are ranges
    UNIQUE (value, kind)
);
CREATE TABLE alert_entities (
    entity INTEGER NOT NULL, role INTEGER NOT NULL, -- 0: source, 1: destination or target
    alert INTEGER NOT NULL, PRIMARY KEY (alert, role, entity)
) WITHOUT ROWID;
CREATE TABLE alert_words (
    number INTEGER PRIMARY KEY, ts INTEGER NOT NULL, author TEXT NOT NULL, alert TEXT NOT NULL, -- its id
    action TEXT NOT NULL, value TEXT NOT NULL, text TEXT NOT NULL
);
CREATE TABLE incidents (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, severity INTEGER NOT NULL, risk INTEGER NOT NULL, count INTEGER NOT NULL, first INTEGER NOT NULL,
    last INTEGER NOT NULL, seq INTEGER NOT NULL, summary TEXT NOT NULL, record TEXT NOT NULL
);
CREATE TABLE incident_alerts (alert TEXT NOT NULL, incident TEXT NOT NULL, PRIMARY KEY (alert, incident)) WITHOUT ROWID;
CREATE TABLE recommendations (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, severity INTEGER NOT NULL, setting TEXT NOT NULL, device TEXT NOT NULL, first INTEGER NOT NULL,
    last INTEGER NOT NULL, seq INTEGER NOT NULL, summary TEXT NOT NULL, record TEXT NOT NULL
);
CREATE TABLE findings (
    seq INTEGER PRIMARY KEY, ts INTEGER NOT NULL, action TEXT NOT NULL, name TEXT NOT NULL, -- of health: which check
    severity INTEGER NOT NULL, summary TEXT NOT NULL, record TEXT NOT NULL
);
CREATE TABLE timeline (
    seq INTEGER PRIMARY KEY, ts INTEGER NOT NULL, kind TEXT NOT NULL, action TEXT NOT NULL, severity INTEGER NOT NULL,
    about TEXT NOT NULL, -- the id of the device, alert, incident or recommendation
    summary TEXT NOT NULL
);
"""

# Indexes of versions 5 to 7, and of every later version.
ENTITY_INDICES = (
    "CREATE INDEX IF NOT EXISTS alert_entities_entity ON alert_entities (entity, role, alert)",
    "CREATE INDEX IF NOT EXISTS entities_address ON entities (address) WHERE address IS NOT NULL",
)
LIST_INDICES = (
    "CREATE INDEX IF NOT EXISTS alerts_group ON alerts (of_group)",  # by number within a group
    "CREATE INDEX IF NOT EXISTS alerts_group_last ON alerts (of_group, last)",
    "CREATE INDEX IF NOT EXISTS alerts_group_risk_last ON alerts (of_group, risk, last)",
    "CREATE INDEX IF NOT EXISTS alerts_last ON alerts (last, of_group)",
    "CREATE INDEX IF NOT EXISTS alerts_risk_last ON alerts (risk, last, of_group)",
    # By number, with all columns that the sort orders compare: a tenth of the table's size.
    "CREATE INDEX IF NOT EXISTS alerts_number ON alerts (number, of_group, last, risk)",
    "CREATE INDEX IF NOT EXISTS alert_words_alert ON alert_words (alert)",
    "CREATE INDEX IF NOT EXISTS incidents_list ON incidents (state, severity, last)",
    "CREATE INDEX IF NOT EXISTS incidents_last ON incidents (last)",
    "CREATE INDEX IF NOT EXISTS recommendations_list ON recommendations (state, severity, last)",
    "CREATE INDEX IF NOT EXISTS findings_list ON findings (action, ts)",
    "CREATE INDEX IF NOT EXISTS timeline_ts ON timeline (ts)",
    "CREATE INDEX IF NOT EXISTS timeline_about ON timeline (about, ts) WHERE about != ''",
)

# Of version 9: lists by severity read only alerts of that severity.
SEVERITY_INDEX = "CREATE INDEX IF NOT EXISTS alerts_severity_last ON alerts (severity, last, of_group)"
SEVERITY = f"""
ALTER TABLE alerts ADD COLUMN severity INTEGER NOT NULL DEFAULT 0; -- 0 to 4, that of its group
UPDATE alerts SET severity = (SELECT alert_groups.severity FROM alert_groups WHERE alert_groups.number = of_group);
{SEVERITY_INDEX};
"""  # noqa: S608 - our own words
