"""Alerts grouped by detector, actor or target: numbers, the most severe open one, and the last time of each group."""

from __future__ import annotations

from typing import Any

import msgspec

from sensor.core.severities import SEVERITIES
from sensor.views.alert_filter import EVERY_ALERT, AlertFilter, groups_that_fit
from sensor.views.alert_groups import groups_of
from sensor.views.alert_numbers import conditions_of
from sensor.views.alerts import clauses_of
from sensor.views.clauses import SOURCE, TARGET
from sensor.views.dataset import Data
from sensor.views.errors import Malformed, one_of

# Groups that are listed; alerts that are grouped, in about two seconds.
SHOWN, MOST = 200, 100_000
BY = ("detector", "actor", "target")
_ROLES = {"actor": SOURCE, "target": TARGET}
# The first identifier of a party is the value by which alerts can be filtered; its members are the parties that the
# filter matches: all of a device, and of an address also those of the device that had it.
_KEY = "coalesce(nullif(p.device, ''), nullif(p.ip, ''), nullif(p.mac, ''), p.name)"
_MATCHING = "WITH one AS MATERIALIZED (SELECT a.* FROM alerts a WHERE {tests})"
_COLUMNS = """
count(DISTINCT one.number), count(DISTINCT iif(g.state != 'closed', one.number, NULL)),
max(iif(g.state != 'closed', one.severity, -1)), max(one.severity), max(one.last)
"""
_ORDER = "GROUP BY 1 ORDER BY 6 DESC, 5 DESC, 4 DESC, 8 DESC, 1 LIMIT ?"
_BY_DETECTOR = f"""{_MATCHING} SELECT g.detector, one.title, '', {_COLUMNS}
FROM one JOIN alert_groups g ON g.number = one.of_group {_ORDER}"""  # noqa: S608 - our own words, here and below
_MEMBERS = " UNION ".join(
    f"SELECT k.value, p.number, p.name, p.ip FROM keys k CROSS JOIN parties p ON p.{name} = k.value"  # noqa: S608
    for name in ("device", "ip", "mac", "name")
)
_BY_PARTY = f"""{_MATCHING}, keys (value) AS (
    SELECT DISTINCT {_KEY} FROM one JOIN alert_parties e ON e.alert = one.number AND e.role = {{role}}
    JOIN parties p ON p.number = e.party
), members (value, party, name, ip) AS MATERIALIZED ({_MEMBERS})
SELECT m.value, max(m.name), max(m.ip), {_COLUMNS}
FROM one JOIN alert_groups g ON g.number = one.of_group
JOIN alert_parties e ON e.alert = one.number AND e.role = {{role}}
JOIN members m ON m.party = e.party {_ORDER}"""  # noqa: S608
_ALONE = f"""{_MATCHING} SELECT count(*) FROM one
WHERE NOT EXISTS (SELECT 1 FROM alert_parties e WHERE e.alert = one.number AND e.role = {{role}})"""  # noqa: S608


class AlertsOf(msgspec.Struct, frozen=True):
    """A group. ``value``: for the filter of alerts: a detector, or a device id, an address, a MAC or a name; ``name``:
    title of the detector, or host name; ``address``: of a host; ``open``: number of alerts that are not closed;
    ``severity``: of the most severe open one, otherwise of the most severe one; ``last``: ns.
    """

    value: str
    name: str
    address: str
    alerts: int
    open: int
    severity: str
    last: int


class GroupedAlerts(msgspec.Struct, frozen=True):
    """Groups with the most severe open alerts first. ``more``: there are others; ``alone``: number of alerts without
    the actor or the target.
    """

    rows: list[AlertsOf]
    more: bool
    alone: int


def grouped(data: Data, by: str, wanted: AlertFilter = EVERY_ALERT) -> GroupedAlerts:
    """The matching alerts by one of BY. Raises Unknown or Malformed for invalid arguments, and for too many alerts."""
    one_of("by", [by], BY)
    groups = groups_of(data.base)
    tests, values = conditions_of(groups_that_fit(groups, wanted), clauses_of(wanted))
    _check_number(data, tests, values)
    if by == "detector":
        query, alone = _BY_DETECTOR.format(tests=tests), 0
    else:
        query = _BY_PARTY.format(tests=tests, role=_ROLES[by])
        alone = data.base.execute(_ALONE.format(tests=tests, role=_ROLES[by]), values).fetchone()[0]
    rows = [tuple(row) for row in data.base.execute(query, (*values, SHOWN + 1))]
    return GroupedAlerts([_row(row) for row in rows[:SHOWN]], len(rows) > SHOWN, int(alone))


def _check_number(data: Data, tests: str, values: list[object]) -> None:
    counted = f"SELECT count(*) FROM (SELECT 1 FROM alerts a WHERE {tests} LIMIT ?)"  # noqa: S608
    if data.base.execute(counted, (*values, MOST + 1)).fetchone()[0] > MOST:
        raise Malformed("by", f"more than {MOST:,} alerts", "a filter that selects fewer")


def _row(row: tuple[Any, ...]) -> AlertsOf:
    value, name, address, alerts, there, worst_open, worst, last = row
    return AlertsOf(value, name, address, alerts, there, SEVERITIES[worst_open if there else worst], last)
