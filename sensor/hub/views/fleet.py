"""Sensors of the hub with their health, and sites with their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from psycopg import sql

from sensor.core.foreign import part
from sensor.core.severities import SEVERITIES
from sensor.hub.incident_duplicates import LISTED
from sensor.hub.incident_states import CLOSED
from sensor.hub.views.ids import record_of
from sensor.hub.views.query import Reader, ns_of

# Age from which figures of a sensor are not shown.
FIGURES_DAYS = 7
# Time after which a sensor without a batch is treated as silent.
SILENT = timedelta(hours=1)
CLOCK_MS = 5000
# Smaller losses are shown, but are no fault.
LOSS_PERCENT = 0.1
LIMIT = 2000
# Numbers of VLANs are below this one (IEEE 802.1Q).
VLANS = 4096
# Figures of a sensor that limit its coverage, in addition to packet loss.
LIMITS = {
    "one_way": "one-way connections", "truncated": "truncated frames", "shed": "messages not parsed",
    "flows_evicted": "connections not tracked",
}  # fmt: skip
_SENSORS = sql.SQL("""
SELECT s.name, s.site, s.state, s.version, s.seen, s.expires, s.clock_ms, coalesce(s.config_state, ''), s.config_reason,
    l.last_ts, l.filtered, l.gaps, h.record,
    ARRAY(SELECT q.reason || ' ' || count(*) FROM quarantine q WHERE q.subject = s.key GROUP BY q.reason ORDER BY 1)
FROM sensors s LEFT JOIN LATERAL (
    SELECT last_ts, filtered, (SELECT count(*) FROM unnest(committed)) - 1
        + CASE WHEN committed @> 1::bigint OR isempty(committed) THEN 0 ELSE 1 END AS gaps
    FROM logs WHERE sensor = s.key ORDER BY number DESC LIMIT 1
) l ON true LEFT JOIN LATERAL (
    SELECT record FROM events WHERE sensor = s.number AND kind = 'sensor' AND action = 'summary'
        AND ts > now() - make_interval(days => %(days)s) AND ts < now() + interval '31 days'
    ORDER BY ts DESC LIMIT 1
) h ON true WHERE {test} ORDER BY s.site, s.name LIMIT {limit}""")
_SENSOR_COUNTS = sql.SQL("""
SELECT s.site, count(*), count(*) FILTER (WHERE s.seen IS NULL OR s.seen < now() - %(silent)s)
FROM sensors s WHERE s.state = 'approved' AND {test} GROUP BY 1""")
_DEVICE_COUNTS = sql.SQL("SELECT s.site, sum(s.n)::bigint FROM device_counts s WHERE {test} GROUP BY 1")
_ALERT_COUNTS = sql.SQL("""
SELECT s.site, s.severity, sum(s.n)::bigint FROM alert_counts s WHERE s.state <> 'closed' AND {test} GROUP BY 1, 2""")
_INCIDENT_COUNTS = sql.SQL("SELECT i.site, count(*) FROM incidents i WHERE {test} GROUP BY 1")
_CAMPAIGNS = sql.SQL("""
SELECT kind, value, first, last, severity, sites, alerts, count FROM campaigns
WHERE %(sites)s::text[] IS NULL OR sites && %(sites)s
ORDER BY severity DESC, cardinality(sites) DESC, last DESC LIMIT {limit}""")


class SensorStatus(msgspec.Struct, frozen=True):
    """``gaps``: ranges of numbers that the hub lacks, None before the first batch; ``filtered``: the sensor selects
    what it sends; ``loss``: percentage of dropped packets, None if unknown; ``limits``: what it could not see or parse,
    in words, None if unknown; ``vlans``: VLANs whose frames it saw, None if unknown; ``quarantine``: reason and number
    of rejected batches; ``config``: state of its configuration and the reason.
    """

    name: str
    site: str
    state: str
    version: str
    seen: datetime | None
    expires: datetime | None
    clock_ms: int
    config: str
    last_event: datetime | None
    filtered: bool
    gaps: int | None
    loss: float | None
    limits: list[str] | None
    vlans: list[int] | None
    quarantine: list[str]

    @property
    def vlan_ranges(self) -> str:
        """Its VLANs as text, such as ``1, 10-14``; empty for frames without a tag only."""
        return ranges_of(self.vlans or [])

    def faults(self, now: datetime) -> list[str]:
        """What needs attention, in words; empty if nothing is known to be wrong."""
        if self.state != "approved":
            return [] if self.state == "revoked" else ["waits for approval"]
        found = [f"rejected batches: {one}" for one in self.quarantine]
        if self.seen is None:
            return [*found, "has sent nothing yet"]
        if now - self.seen > SILENT:
            found.append("has sent nothing for an hour")
        if self.gaps and not self.filtered:
            found.append("events are missing")
        if abs(self.clock_ms) >= CLOCK_MS:
            found.append(f"its clock is off by {self.clock_ms / 1000:+.0f} s")
        if self.loss is not None and self.loss >= LOSS_PERCENT:
            found.append(f"{self.loss:.2g} % of packets dropped")
        if self.expires is not None and self.expires < now:
            found.append("its credentials are expired")
        return found


class SiteNumbers(msgspec.Struct):
    """Numbers of one site. ``silent``: sensors without a batch for an hour; ``alerts``: open ones by severity."""

    site: str
    sensors: int = 0
    silent: int = 0
    devices: int = 0
    alerts: dict[str, int] = msgspec.field(default_factory=dict)
    incidents: int = 0


class CampaignRow(NamedTuple):
    """Alerts of several sites with the same actor, list entry or technique, or findings of a scheduled hunt. Times in
    ns.
    """

    kind: str
    value: str
    first: int
    last: int
    severity: str
    sites: list[str]
    alerts: list[str]
    total: int


def campaigns(reader: Reader, limit: int = 20) -> list[CampaignRow]:
    """Campaigns of the last days, the most severe first; of chosen sites those with one of them."""
    statement = _CAMPAIGNS.format(limit=limit)
    sites = list(reader.sites) if reader.sites is not None else None
    return [
        CampaignRow(row[0], row[1], ns_of(row[2]), ns_of(row[3]), SEVERITIES[row[4]], *row[5:])
        for row in reader.rows(statement, {"sites": sites})
    ]


def sensors(reader: Reader) -> list[SensorStatus]:
    """At most LIMIT sensors, by site and name."""
    test = reader.conditions("s")
    rows = reader.rows(_SENSORS.format(test=test.sql, limit=LIMIT), test.values | {"days": FIGURES_DAYS})
    return [_status(row) for row in rows]


def sites(reader: Reader) -> list[SiteNumbers]:
    """The numbers of each site: those with the most severe alerts first."""
    test = reader.conditions("s")
    found: dict[str, SiteNumbers] = {}

    def of(site: str) -> SiteNumbers:
        return found.setdefault(site, SiteNumbers(site))

    for site, total, silent in reader.rows(_SENSOR_COUNTS.format(test=test.sql), test.values | {"silent": SILENT}):
        of(site).sensors, of(site).silent = total, silent
    for site, count in reader.rows(_DEVICE_COUNTS.format(test=test.sql), test.values):
        of(site).devices = count
    for site, severity, count in reader.rows(_ALERT_COUNTS.format(test=test.sql), test.values):
        if count:
            of(site).alerts[SEVERITIES[severity]] = count
    test = reader.conditions("i")
    test.add(f"NOT {CLOSED}")
    test.add(LISTED)
    for site, count in reader.rows(_INCIDENT_COUNTS.format(test=test.sql), test.values):
        of(site).incidents = count
    return sorted(found.values(), key=_severest, reverse=True)


def _severest(one: SiteNumbers) -> tuple[int, ...]:
    return *(one.alerts.get(severity, 0) for severity in SEVERITIES[::-1]), one.incidents, one.devices


def _status(row: tuple[Any, ...]) -> SensorStatus:
    name, site, state, version, seen, expires, clock_ms, config, reason, last, filtered, gaps, record, quarantine = row
    figures = part(record_of(record), "capture") if record is not None else {}
    return SensorStatus(
        name, site, state, version, seen, expires, clock_ms, f"{config}: {reason}" if reason else config, last,
        bool(filtered), gaps, _loss(figures), _limits(figures), _vlans(figures), quarantine,
    )  # fmt: skip


def _vlans(figures: dict[str, Any]) -> list[int] | None:
    """VLANs in the figures of a sensor; None from one of an earlier version."""
    found = figures.get("vlans")
    if not isinstance(found, list):
        return None
    return sorted({one for one in found if isinstance(one, int) and 0 < one < VLANS})


def ranges_of(numbers: Sequence[int]) -> str:
    """Ascending numbers with runs as ranges."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _limits(figures: dict[str, Any]) -> list[str] | None:
    """What a sensor could not see or parse since its start, from its figures; None if it reported none."""
    if not isinstance(figures.get("packets"), int):
        return None
    counts = [(figures.get(name), words) for name, words in LIMITS.items()]
    return [f"{count:,} {words}" for count, words in counts if isinstance(count, int) and count > 0]


def _loss(figures: dict[str, Any]) -> float | None:
    """Percentage of packets that the sensor dropped, from its figures; None if it reported none."""
    packets, dropped = figures.get("packets"), figures.get("dropped")
    if not isinstance(packets, int) or not isinstance(dropped, int):
        return None
    return 100.0 * dropped / (packets + dropped) if packets + dropped else 0.0
