"""Summary of the traffic records about one search term: which hosts communicated, and the names of an address."""

from __future__ import annotations

from typing import NamedTuple

from sensor.records.filters import Condition
from sensor.records.query import Query
from sensor.records.schema import TABLES
from sensor.records.search import SearchTerm, condition

CONVERSATIONS_SHOWN, NAMES_SHOWN = 20, 20


class Conversation(NamedTuple):
    """Connections of one client with one service of one server. ``client``, ``server``: device ids, else addresses;
    times in SQL notation.
    """

    client: str
    server: str
    service: str
    connections: int
    bytes: int
    first: str
    last: str


class Name(NamedTuple):
    """A name of an address: queried by DNS, or sent by a TLS client."""

    name: str
    source: str
    first: str
    last: str


class Seen(NamedTuple):
    """``conversations``: the most recent ones; ``more``: there are more; ``names``: of an address; ``tables``: number
    of matching rows, by table.
    """

    conversations: list[Conversation]
    more: bool
    names: list[Name]
    tables: dict[str, int]


def seen(query: Query, term: SearchTerm) -> Seen:
    """Raises QueryError if the query exceeds a limit."""
    where = condition(term, TABLES["conn"])
    conversations, more = list[Conversation](), False
    if where is not None:
        conversations, more = _conversations(query, query.rows_with(TABLES["conn"], term.values), where)
    counts = {}
    for table in TABLES.values():
        fits = condition(term, table) if table.name != "coverage" and table.stored else None
        if fits is None:
            continue
        source = query.rows_with(table, term.values)
        if count := query.run(f"SELECT count(*) FROM {source} WHERE {fits.sql}", fits.values).rows[0][0]:
            counts[table.name] = int(count)
    return Seen(conversations, more, _names(query, term) if term.what == "address" else [], counts)


def _conversations(query: Query, source: str, where: Condition) -> tuple[list[Conversation], bool]:
    answer = query.run(
        "SELECT coalesce(src_device, src_ip, src_mac), coalesce(dst_device, dst_ip, dst_mac), "
        "coalesce(service, proto) || '/' || coalesce(dst_port, 0),"
        " count(*), sum(coalesce(src_bytes, 0) + coalesce(dst_bytes, 0))::BIGINT, min(ts)::VARCHAR, "
        "max(ts)::VARCHAR AS last"
        f" FROM {source} WHERE {where.sql} GROUP BY 1, 2, 3 ORDER BY last DESC",
        where.values,
        CONVERSATIONS_SHOWN,
    )
    return [Conversation(*row) for row in answer.rows], answer.more


def _names(query: Query, term: SearchTerm) -> list[Name]:
    dns, conn = (query.rows_with(TABLES[name], term.values) for name in ("dns", "conn"))
    answer = query.run(
        "SELECT name, source, min(ts)::VARCHAR, max(ts)::VARCHAR FROM (SELECT query AS name, 'DNS' AS "
        f"source, ts FROM {dns} WHERE list_contains(answers, ?)"
        f" UNION ALL SELECT sni, 'TLS', ts FROM {conn} WHERE dst_ip = ?) WHERE name IS NOT NULL GROUP BY "
        "name, source ORDER BY max(ts) DESC",
        (term.text, term.text),
        NAMES_SHOWN,
    )
    return [Name(*row) for row in answer.rows]
