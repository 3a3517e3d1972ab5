"""Makes queries for connections with a Community ID fast: where a query compares the column with a text, it reads only
the connections that have the prefix of this text, which is stored.

Only conditions that each row of a result must meet are used, of tables for which fewer rows give fewer results. All
other queries remain as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from sensor.records.community_sql import prefix_of
from sensor.records.schema import CONN
from sensor.records.views import shown

COLUMN = "community_id"
Node = dict[str, Any]


def narrowed(connection: Any, sql: str, *, alerts: bool = False) -> str | None:
    """The same query with fewer rows to read; None if there is nothing to gain, or the query is invalid. ``alerts``:
    with the alerts of connections.
    """
    if COLUMN not in sql.lower() or "'1:" not in sql:
        return None
    tree = _tree(connection, sql)
    if tree is None or not _narrow(connection, tree, alerts=alerts):
        return None
    text = msgspec.json.encode(tree).decode()
    made: str = connection.execute("SELECT json_deserialize_sql(?::JSON)", [text]).fetchone()[0]
    return made


def _tree(connection: Any, sql: str) -> Node | None:
    """The syntax tree of a SELECT."""
    (text,) = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()
    tree: Node = msgspec.json.decode(text)
    return None if tree["error"] else tree


def _narrow(connection: Any, tree: Node, *, alerts: bool) -> bool:
    """Replace tables in the tree; whether there was one."""
    nodes = list(_selects(tree))
    if any(entry["key"].lower() == CONN.name for node in nodes for entry in node["cte_map"]["map"]):
        return False  # a name of the query, not the table
    done = False
    for node in nodes:
        # A sample is taken before the condition is applied.
        for table in _tables(node["from_table"]) if node["sample"] is None else ():
            texts = _texts(node["where_clause"], table["alias"] or table["table_name"])
            if texts is not None:
                source = _source(table["alias"] or table["table_name"], texts, alerts=alerts)
                for part in _selects(_tree(connection, f"SELECT * FROM {source}")):
                    table.update(part["from_table"])
                    done = True
                    break
    return done


def _selects(part: Any) -> Iterator[Node]:
    """All SELECTs in a tree."""
    if isinstance(part, dict):
        if part.get("type") == "SELECT_NODE":
            yield part
        for one in part.values():
            yield from _selects(one)
    elif isinstance(part, list):
        for one in part:
            yield from _selects(one)


def _tables(source: Node) -> Iterator[Node]:
    """The table ``conn`` in a FROM clause, where each row that is left out leaves out rows of the result."""
    if source["type"] == "BASE_TABLE" and source["table_name"].lower() == CONN.name:
        if not (source["schema_name"] or source["catalog_name"] or source["sample"] or source["column_name_alias"]):
            yield source
    elif source["type"] == "JOIN" and source["join_type"] == "INNER" and source["ref_type"] in {"REGULAR", "CROSS"}:
        yield from _tables(source["left"])
        yield from _tables(source["right"])


def _texts(condition: Node | None, name: str) -> list[str] | None:
    """The texts of which the Community ID of a table must be one; None if the condition does not limit them."""
    if condition is None:
        return None
    if condition["type"] == "CONJUNCTION_AND":
        some = [texts for one in condition["children"] if (texts := _texts(one, name)) is not None]
        return some[0] if some else None
    if condition["type"] == "COMPARE_EQUAL":
        one, other = condition["left"], condition["right"]
        column, values = (one, [other]) if one["type"] == "COLUMN_REF" else (other, [one])
    elif condition["type"] == "COMPARE_IN":
        column, *values = condition["children"]
    else:
        return None
    if column["type"] != "COLUMN_REF" or not _is(column["column_names"], name):
        return None
    constants = [one["value"].get("value") for one in values if one["type"] == "VALUE_CONSTANT"]
    texts = [one for one in constants if isinstance(one, str)]
    return texts if len(texts) == len(values) else None


def _is(names: list[str], table: str) -> bool:
    """Whether a reference is to the Community ID of a table."""
    *of, column = (name.lower() for name in names)
    return column == COLUMN and of in ([], [table.lower()])


def _source(alias: str, texts: list[str], *, alerts: bool) -> str:
    """SQL of the connections whose Community ID may be one of the texts: those with its prefix, and those of earlier
    versions, which have none.
    """
    prefixes = [prefix for text in texts if (prefix := prefix_of(text)) is not None]
    where = f"community_hash IN ({', '.join(map(str, prefixes))}) OR community_hash IS NULL" if prefixes else "false"
    name = alias.replace('"', '""')
    return f'({shown(CONN, where, alerts=alerts)}) AS "{name}"'
