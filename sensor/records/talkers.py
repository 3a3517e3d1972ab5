"""Top talkers: bytes and connections by pair of hosts, by host or by service, the largest first.

A host is a device, or an address without one. A connection counts at the time it began.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sensor.records.file_selection import Values
from sensor.records.filters import Condition, SearchError, condition, parsed, resolved, values_of
from sensor.records.query import Query
from sensor.records.schema import CONN
from sensor.records.schema_state import DEVICE_HISTORY
from sensor.records.search import understood
from sensor.records.talker import Talker

PAIR, HOST, SERVICE = GROUPINGS = ("pair", "host", "service")
SORTS = ("bytes", "connections")
# Services that are listed for a pair or a host, those with most bytes first.
SERVICES = 5

# ICMP has types in place of ports, and other protocols have none.
_SERVICE = "coalesce(service, CASE WHEN proto IN ('tcp', 'udp') THEN proto || '/' || dst_port ELSE proto END)"
_CHOSEN = f"""
    SELECT coalesce(src_device, src_ip, src_mac) AS client, coalesce(dst_device, dst_ip, dst_mac) AS server,
        {_SERVICE} AS service, src_bytes, dst_bytes, sni, ts FROM {{source}} WHERE {{where}}"""
# Columns of the present devices by which connections from or to them can be selected.
_OF_DEVICES = {one.name: one for one in DEVICE_HISTORY.columns if one.name in ("name", "type", "vendor", "model", "os")}
_OF_CONNECTIONS = {one.name: one for one in CONN.columns}
_AN_END = "coalesce(list_has_any([src_device, dst_device], (SELECT list(device) FROM device WHERE {where})), false)"
# Columns by the kind of a search term.
_COLUMNS = {
    "device": "src_device, dst_device", "address": "src_ip, dst_ip", "block": "src_ip, dst_ip",
    "MAC": "src_mac, dst_mac",
}  # fmt: skip
_SENT = "sum(src_bytes) AS sent, sum(dst_bytes) AS received, count(*) AS connections"
_RECEIVED = "sum(dst_bytes) AS sent, sum(src_bytes) AS received, count(*) AS connections"
# Rows by host, peer and service: grouped first, so that memory follows the number of groups.
_PARTS = {
    PAIR: f"""SELECT client AS host, server AS peer, service, {_SENT}, arg_max(sni, src_bytes + dst_bytes) AS sni,
        max(src_bytes + dst_bytes) AS largest FROM chosen GROUP BY client, server, service""",
    HOST: f"""SELECT client AS host, '' AS peer, service, {_SENT}, '' AS sni, 0 AS largest FROM chosen
        GROUP BY client, service UNION ALL
        SELECT server, '', service, {_RECEIVED}, '', 0 FROM chosen WHERE server != client GROUP BY server, service""",
    SERVICE: f"""SELECT service AS host, '' AS peer, '' AS service, {_SENT}, '' AS sni, 0 AS largest FROM chosen
        GROUP BY chosen.service""",
}
_GROUPED = f"""
    WITH chosen AS NOT MATERIALIZED ({_CHOSEN}), parts AS ({{parts}}),
    sums AS (
        SELECT host, peer, sum(sent)::BIGINT AS sent, sum(received)::BIGINT AS received,
            sum(sent + received)::BIGINT AS bytes, sum(connections)::BIGINT AS connections,
            list(service ORDER BY sent + received DESC, service) AS services, arg_max(sni, largest) AS sni
        FROM (
            SELECT host, peer, service, sum(sent) AS sent, sum(received) AS received, sum(connections) AS connections,
                arg_max(sni, largest) AS sni, max(largest) AS largest FROM parts GROUP BY host, peer, service)
        GROUP BY host, peer ORDER BY {{order}} DESC, host, peer LIMIT {{limit}})
    SELECT host, coalesce(nullif(a.name, ''), a.ips[1]), a.type, peer, coalesce(nullif(b.name, ''), b.ips[1], sni),
        b.type, services[:{SERVICES + 1}], sent, received, bytes, connections
    FROM sums LEFT JOIN device a ON a.device = host LEFT JOIN device b ON b.device = peer
    ORDER BY {{order}} DESC, host, peer"""
_TOTAL = f"""
    WITH chosen AS ({_CHOSEN}) SELECT coalesce(sum(src_bytes + dst_bytes), 0)::BIGINT, count(*), min(ts), max(ts)
    FROM chosen"""


class Wanted(NamedTuple):
    """A condition on connections. ``values``: of which each of them has one, to select files; None if any may match."""

    condition: Condition
    values: Values = None


class Talkers(NamedTuple):
    """``bytes`` and ``connections``: in total; ``first`` and ``last``: begin of the first and of the last connection,
    empty without connections; ``more``: whether there are more groups than rows.
    """

    rows: list[Talker]
    bytes: int
    connections: int
    first: str
    last: str
    more: bool


def of_host(query: Query, text: str) -> Wanted:
    """Connections from or to a device (by id or name), an address, a block or a MAC. Raises SearchError, QueryError."""
    term = understood(text, query)
    if term.what == "block" and not term.addresses:
        return Wanted(Condition("in_cidr(src_ip, ?) OR in_cidr(dst_ip, ?)", (term.text, term.text)), term.values)
    columns = _COLUMNS.get(term.what)
    if columns is None:
        raise SearchError(f"found {text!r}, expected a device, an address, a block such as 10.0.0.0/24, or a MAC")
    some = [*term.devices] or [*term.addresses] or [term.text]
    return Wanted(Condition(f"list_has_any([{columns}], ?)", (some,)), term.values)


def of_service(service: str) -> Wanted:
    """Connections of a service, as the rows name it."""
    return Wanted(Condition(f"{_SERVICE} = ?", (service,)))


def of_filter(query: Query, text: str) -> Wanted:
    """Connections that match a filter of the command line, or whose client or server is a device that matches it; with
    ``!=``, neither is. Raises SearchError, QueryError.
    """
    one = parsed(text, (*_OF_CONNECTIONS, *_OF_DEVICES))
    of_device = _OF_DEVICES.get(one.column)
    if of_device is None:
        one = resolved(one, query)
        return Wanted(condition(_OF_CONNECTIONS[one.column], one), values_of(one))
    found = condition(of_device, one._replace(sign="=") if one.sign == "!=" else one)
    negation = "NOT " if one.sign == "!=" else ""
    return Wanted(Condition(negation + _AN_END.format(where=found.sql), found.values))


def talkers(query: Query, by: str, sort: str, wanted: Sequence[Wanted] = (), *, limit: int) -> Talkers:
    """The first groups of one of GROUPINGS in one of SORTS. Raises QueryError."""
    parts = {
        "source": query.rows_with(CONN, *(one.values for one in wanted)),
        "where": " AND ".join(f"({one.condition.sql})" for one in wanted) or "true",
        "order": SORTS[SORTS.index(sort)],
        "parts": _PARTS[by],
        "limit": limit + 1,
    }
    values = [value for one in wanted for value in one.condition.values]
    total, connections, first, last = query.run(_TOTAL.format(**parts), values).rows[0]
    rows = query.run(_GROUPED.format(**parts), values, most=limit + 1).rows if connections else []
    return Talkers(
        [_talker(row, total) for row in rows[:limit]], total, connections, first or "", last or "", len(rows) > limit
    )


def _talker(row: Sequence[Any], total: int) -> Talker:
    host, name, kind, peer, peer_name, peer_type, services, sent, received, size, connections = row
    return Talker(
        host or "unknown",
        name or "",
        kind or "",
        peer or "",
        peer_name or "",
        peer_type or "",
        [one for one in services if one],
        sent,
        received,
        size,
        connections,
        size / total if total else 0.0,
    )
