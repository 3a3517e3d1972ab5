"""Devices: lists with any filter and sort order, and a single device with all details."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sensor.core.addresses import mac_text, parse_mac, parse_network
from sensor.inventory.corrections import onto_body
from sensor.inventory.store.operator_values import corrections_of
from sensor.inventory.store.reader import Reader
from sensor.views.dataset import Data
from sensor.views.device_alerts import BY_ALERTS, OpenAlerts, open_alerts
from sensor.views.errors import Malformed, one_of
from sensor.views.known_values import check, check_vlans
from sensor.views.page import Facets, Page, PageStart, after_of, cursor_of, invalid_cursor, limit_of, mark_of
from sensor.views.severity_levels import EXACTLY

STATES = ("present", "gone")
SORTS = (
    "last", "first", "type", "vendor", "model", "name", "ip", "mac", "vlan", "confidence", "owner", "criticality", "alerts",
)  # fmt: skip
FACETS = ("type", "vendor", "vlan", "state", "criticality")
# Shorter texts are not in the trigram index.
INDEXED = 3
# With more matches, not all are listed to find the first: devices are tested in the order of an index, if the sort
# order has one.
MANY = 5_000
# Sort orders that are not columns.
_SORTED_BY = {"ip": "coalesce(d.address, x'')", "alerts": BY_ALERTS}
ORDERS = {"last": "device_rows_last", "name": "device_rows_name", "ip": "device_rows_address"}
# A text with more matches is searched in one pass, which is faster than listing their numbers.
FREQUENT = 30_000
# With more devices than LARGE, matches of a text are counted up to COUNTED, so that each keystroke is answered at once.
LARGE, COUNTED = 200_000, 2_000
# The number of devices from which the frequency of a text is estimated.
SAMPLE = 500
# How a text is searched: in its index; in one pass over all devices that lists the matches, or the other devices where
# those are fewer; or in each device that is tested.
LISTED, SCANNED, OTHERS, EACH = range(4)
_CONTAINS = "words LIKE ? ESCAPE '!'"
_NO = {"vendor": "unknown", "criticality": "none"}
# For a merged device: the one it was merged into.
_SUCCESSOR = (
    "SELECT kept FROM mergers WHERE lost = ? AND NOT undone AND lost NOT IN (SELECT id FROM "
    "devices) ORDER BY number DESC"
)


class DeviceFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Several values of one field are alternatives, several fields must all match. ``text``: words that must all occur
    in the values of a device; ``address``: an address or a network; times in ns, of when a device was last seen;
    ``vendor`` and ``owner`` contain the text, ignoring case; ``vendor`` with ``=`` in front is the whole name.
    """

    text: str = ""
    type: tuple[str, ...] = ()
    vendor: str = ""
    vlan: tuple[int, ...] = ()
    state: tuple[str, ...] = ()
    criticality: tuple[str, ...] = ()
    owner: str = ""
    tag: tuple[str, ...] = ()
    address: str = ""
    mac: str = ""
    since: int | None = None
    until: int | None = None


EVERY_DEVICE = DeviceFilter()


class DeviceRow(msgspec.Struct, frozen=True):
    """A device as lists show it. Times in ns; ``device``: the complete object, as records show it, with operator
    values; ``open_alerts``: number of open alerts with it as actor or target, None if unknown; ``alert_severity``: of
    the most severe one, empty if there is none.
    """

    id: str
    type: str
    vendor: str
    model: str
    name: str
    ip: str
    mac: str
    vlan: int
    first: int
    last: int
    gone: bool
    criticality: str
    owner: str
    tags: list[str]
    confidence: float
    device: dict[str, Any]
    open_alerts: int | None = None
    alert_severity: str = ""


_ROW = """ SELECT d.id, d.type, d.vendor, d.model, d.name, d.ip, d.mac, d.vlan, d.first, d.last, d.gone, d.criticality,
d.owner, d.tags, d.confidence, devices.body, devices.key FROM json_each(?) AS one JOIN device_rows d ON d.number =
one.value JOIN devices ON devices.id = d.id ORDER BY one.key
"""
# SELECT DISTINCT would read the whole index; this reads one entry for each type.
_TYPES = """
WITH RECURSIVE each(type) AS (SELECT min(type) FROM device_rows UNION ALL
    SELECT (SELECT min(type) FROM device_rows d WHERE d.type > each.type) FROM each WHERE each.type IS NOT NULL)
SELECT type FROM each WHERE type IS NOT NULL
"""


def new_devices(data: Data, since: int) -> int:
    """Number of devices first seen since a time in ns."""
    return int(data.base.execute("SELECT count(*) FROM device_rows WHERE first >= ?", (since,)).fetchone()[0])


def devices(
    data: Data,
    wanted: DeviceFilter = EVERY_DEVICE,
    sort: str = "last",
    *,
    backwards: bool = True,
    limit: int = 100,
    cursor: str = "",
) -> Page[DeviceRow]:
    """A page of devices. ``sort``: one of SORTS; devices with equal values are in order of discovery. With a text and
    more than LARGE devices, total and facets count at most COUNTED matches. Raises Unknown or Malformed for invalid
    arguments.
    """
    one_of("sort", [sort], SORTS)
    mark = mark_of(wanted, sort, backwards)
    after = after_of(cursor, mark)
    how = _search_of(data.base, _words_of(wanted.text))
    bounded = bool(wanted.text) and is_large(data)
    test, parameters = _test(data.base, wanted, EACH if bounded and how != LISTED else how)
    if bounded:
        facets, total = _first_facets(data.base, test, parameters)
    else:
        facets, total = _facets(data.base, test, parameters, in_order=how != LISTED and not _reads_rows(wanted))
    follows = total > MANY
    if follows:
        # Follow the order and test each device until enough are found: faster than listing all matches.
        test, parameters = _test(data.base, wanted, EACH)
    index = ORDERS.get(sort, "") if follows else ""
    found = _first(data.base, test, parameters, sort, backwards, after, limit_of(limit) + 1, index)
    more = cursor_of(PageStart(mark, *found[limit - 1])) if len(found) > limit else ""
    shown, exact = min(total, COUNTED) if bounded else total, not bounded or total <= COUNTED
    return Page(_rows(data, [number for _, number in found[:limit]]), shown, exact, facets, more)


def without_alerts(row: DeviceRow) -> DeviceRow:
    """A row whose open alerts are unknown."""
    return msgspec.structs.replace(row, open_alerts=None, alert_severity="")


def is_large(data: Data) -> bool:
    """Whether there are more than LARGE devices."""
    return int(data.base.execute("SELECT coalesce(max(number), 0) FROM device_rows").fetchone()[0]) > LARGE


def device(data: Data, name: str) -> dict[str, Any]:
    """All details of a device, by its id or a prefix of it: ``device``, and if an inventory has them ``evidence``,
    ``leases``, ``used``, ``neighbours``, ``history`` and ``said``. Raises Unknown, Ambiguous.
    """
    successor = data.base.execute(_SUCCESSOR, (name,)).fetchone()
    found = data.resolve("device_rows", str(successor[0]) if successor is not None else name)
    record = data.base.execute("SELECT record FROM device_records WHERE id = ?", (found,)).fetchone()
    body: dict[str, Any] = (
        msgspec.json.decode(record[0]) if record is not None else Reader(Path(), data.base).details(found)
    )
    return body


def _search_of(base: sqlite3.Connection, terms: Sequence[str]) -> int:
    """How to search words: LISTED, SCANNED or OTHERS."""
    if not terms:
        return LISTED
    (last,) = base.execute("SELECT coalesce(max(number), 0) FROM device_rows").fetchone()
    numbers = json.dumps(list(range(1, last + 1, last // SAMPLE + 1)))
    each = " AND ".join([_CONTAINS] * len(terms))
    wanted = f"SELECT avg({each}) FROM device_rows WHERE number IN (SELECT value FROM json_each(?))"  # noqa: S608 - our own words
    (share,) = base.execute(wanted, (*map(_part, terms), numbers)).fetchone()
    if not share or share * last <= FREQUENT:
        return LISTED if any(len(term) >= INDEXED for term in terms) else SCANNED
    return SCANNED if share < 1 / 2 else OTHERS


def _reads_rows(wanted: DeviceFilter) -> bool:
    """Whether a filter tests columns that the facet index does not have."""
    return bool(wanted.owner or wanted.tag) or wanted.since is not None or wanted.until is not None


def _check(base: sqlite3.Connection, wanted: DeviceFilter) -> None:
    """Raises Unknown or Malformed for values that no device can have."""
    one_of("state", wanted.state, STATES)
    check("type", wanted.type, lambda: (row[0] for row in base.execute(_TYPES)))
    check("criticality", wanted.criticality)
    check_vlans(wanted.vlan)


def _test(base: sqlite3.Connection, wanted: DeviceFilter, how: int) -> tuple[str, list[object]]:
    """A condition on ``device_rows d``, with its parameters. ``how``: LISTED, SCANNED, OTHERS or EACH."""
    tests: list[str] = []
    parameters: list[object] = []

    def add(test: str, *values: object) -> None:
        tests.append(test)
        parameters.extend(values)

    _check(base, wanted)
    if wanted.type:
        add("d.type IN (SELECT value FROM json_each(?))", json.dumps(wanted.type))
    if wanted.vlan:
        add("d.vlan IN (SELECT value FROM json_each(?))", json.dumps(wanted.vlan))
    if len(wanted.state) == 1:
        add("d.gone = ?", int(wanted.state[0] == "gone"))
    if wanted.criticality:
        add(
            "d.criticality IN (SELECT value FROM json_each(?))",
            json.dumps(["" if one == _NO["criticality"] else one for one in wanted.criticality]),
        )
    if wanted.vendor.startswith(EXACTLY):
        add("d.vendor = ?", vendor_of(wanted.vendor))
    elif wanted.vendor:
        add("d.vendor LIKE ? ESCAPE '!'", _part(wanted.vendor))
    if wanted.owner:
        add("d.owner LIKE ? ESCAPE '!'", _part(wanted.owner))
    for tag in wanted.tag:
        add("', ' || d.tags || ',' LIKE ? ESCAPE '!'", f"%, {_like(tag)},%")
    if wanted.since is not None or wanted.until is not None:
        add(
            "d.last >= ? AND d.last < ?",
            wanted.since if wanted.since is not None else -(1 << 63),
            wanted.until if wanted.until is not None else 1 << 62,
        )
    _add_names(wanted, add)
    _add_text(_words_of(wanted.text), add, how)
    return " AND ".join(tests) or "1", parameters


def vendor_of(wanted: str) -> str:
    """The vendor that ``=NAME`` selects; empty for devices of an unknown vendor."""
    name = wanted.removeprefix(EXACTLY)
    return "" if name == _NO["vendor"] else name


def _add_names(wanted: DeviceFilter, add: Any) -> None:
    """Add conditions for text, address and MAC."""
    if wanted.address:
        try:
            first, last = parse_network(wanted.address)
        except ValueError:
            raise Malformed("address", wanted.address, "an address or a network such as 10.20.30.0/24") from None
        add(
            "d.number IN (SELECT device FROM device_addresses WHERE address BETWEEN ? AND ?)",
            first.to_bytes(16, "big"),
            last.to_bytes(16, "big"),
        )
    if wanted.mac:
        try:
            mac = mac_text(parse_mac(wanted.mac))
        except ValueError:
            raise Malformed("mac", wanted.mac, "a MAC address such as 00:17:c8:1a:2b:3c") from None
        add(*_having([mac]))


def _words_of(text: str) -> list[str]:
    return text.replace("\0", " ").casefold().split()


def _add_text(terms: Sequence[str], add: Any, how: int) -> None:
    """Words that must all be there; those of fewer characters than INDEXED are in no index."""
    if how in {SCANNED, OTHERS} and terms:
        each = " AND ".join([_CONTAINS] * len(terms))
        chosen = f"IN (SELECT number FROM device_rows NOT INDEXED WHERE {each})"  # noqa: S608 - our own words, here and below
        others = f"NOT IN (SELECT number FROM device_rows NOT INDEXED WHERE NOT ({each}))"  # noqa: S608
        add(f"d.number {chosen if how == SCANNED else others}", *map(_part, terms))
        return
    listed = [term for term in terms if how == LISTED and len(term) >= INDEXED]
    if listed:
        add(*_having(listed))
    for term in terms:
        if term not in listed:
            add(f"d.{_CONTAINS}", _part(term))


def _having(terms: Sequence[str]) -> tuple[str, ...]:
    """A condition, with its parameters: the text of a device contains all words, using the index if it is already
    indexed.
    """
    each = " AND ".join([_CONTAINS] * len(terms))
    pending = f"SELECT number FROM device_rows WHERE NOT indexed AND {each}"  # noqa: S608 - our own words, here and below
    test = f"d.number IN (SELECT rowid FROM device_text WHERE device_text MATCH ? UNION ALL {pending})"  # noqa: S608
    return test, _phrases(terms), *map(_part, terms)


def _phrases(terms: Sequence[str]) -> str:
    """Words for FTS5, with special characters quoted."""
    quoted = [term.replace('"', '""') for term in terms]
    return " ".join(f'"{term}"' for term in quoted)


def _part(term: str) -> str:
    """The LIKE pattern of a text that contains a word."""
    return f"%{_like(term)}%"


def _like(text: str) -> str:
    return re.sub(r"([!%_])", r"!\1", text)


def _facets(base: sqlite3.Connection, test: str, parameters: list[object], *, in_order: bool) -> tuple[Facets, int]:
    """Number of devices by value of each of FACETS, the most frequent first, and the total. ``in_order``: follow the
    facet index, which for many devices is faster than sorting.
    """
    table = "device_rows d INDEXED BY device_rows_facets" if in_order else "device_rows d"
    wanted = f"SELECT d.type, d.vendor, d.vlan, d.gone, d.criticality, count(*) FROM {table} WHERE {test} GROUP BY 1, 2, 3, 4, 5"  # noqa: S608 - our own words
    return _counted(base.execute(wanted, parameters))


def _first_facets(base: sqlite3.Connection, test: str, parameters: list[object]) -> tuple[Facets, int]:
    """The same of the first COUNTED matches, and one more in the total if there are more."""
    wanted = f"SELECT d.type, d.vendor, d.vlan, d.gone, d.criticality, 1 FROM device_rows d WHERE {test} LIMIT ?"  # noqa: S608 - our own words
    return _counted(base.execute(wanted, (*parameters, COUNTED + 1)))


def _counted(rows: Iterable[Any]) -> tuple[Facets, int]:
    """Counts by value of each of FACETS, and their total."""
    facets: dict[str, Counter[str]] = {name: Counter() for name in FACETS}
    total = 0
    for *values, count in map(tuple, rows):
        values[3] = STATES[values[3]]
        total += count
        for name, value in zip(FACETS, values, strict=True):
            facets[name][str(value) or _NO.get(name, "")] += count
    return {name: dict(counts.most_common()) for name, counts in facets.items()}, total


def _first(
    base: sqlite3.Connection,
    test: str,
    parameters: list[object],
    sort: str,
    backwards: bool,
    after: PageStart | None,
    limit: int,
    index: str,
) -> list[tuple[Any, int]]:
    """(value, number) of the first devices. Addresses sort numerically; devices without one come last in either
    direction. ``index``: the index to follow; empty: SQLite chooses.
    """
    column = _SORTED_BY.get(sort, f"d.{sort}")
    value = f"hex({column})" if sort == "ip" else column
    way, sign = ("DESC", "<") if backwards else ("ASC", ">")
    behind = f"({value}, d.number) {sign} (?, ?)" if after is not None else "1"
    table = f"device_rows d INDEXED BY {index}" if index else "device_rows d"
    order = f"ORDER BY {column} {way}, d.number {way} LIMIT ?"
    wanted = f"SELECT {value}, d.number FROM {table} WHERE {test} AND {behind} {order}"  # noqa: S608 - our own words
    place = (after.value, after.number) if after is not None else ()
    if after is not None and isinstance(after.value, list):
        raise invalid_cursor(after.value)
    return [(row[0], row[1]) for row in base.execute(wanted, (*parameters, *place, limit))]


def _rows(data: Data, numbers: list[int]) -> list[DeviceRow]:
    corrections = corrections_of(data.base)
    rows = [tuple(row) for row in data.base.execute(_ROW, (json.dumps(numbers),))]
    alerts = open_alerts(data, [row[0] for row in rows])
    return [_row(row, corrections, alerts[row[0]]) for row in rows]


def _row(row: tuple[Any, ...], corrections: dict[str, Any], alerts: OpenAlerts) -> DeviceRow:
    body = onto_body(msgspec.json.decode(row[15]), corrections.get(row[16], {}))
    tags = [tag for tag in row[13].split(", ") if tag]
    values: tuple[Any, ...] = (*row[:10], bool(row[10]), *row[11:13], tags, row[14], body, *alerts)
    return DeviceRow(*values)
