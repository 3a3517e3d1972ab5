"""Devices of all sensors: lists, and one device with the same device at other sensors."""

from __future__ import annotations

import ipaddress
from collections import Counter
from typing import Any, LiteralString

from psycopg import sql

from sensor.core.addresses import mac_text, parse_mac
from sensor.core.foreign import part
from sensor.hub.views.ids import joined, resolve, with_origin
from sensor.hub.views.operator_values import NONE, add_conditions, in_row, with_values
from sensor.hub.views.query import COUNTED, Conditions, Order, Reader, like, ns_of, time_at
from sensor.inventory.corrections import onto_body
from sensor.views.devices import STATES, DeviceFilter, DeviceRow, vendor_of
from sensor.views.errors import Malformed, Unknown, one_of
from sensor.views.known_values import check, check_vlans
from sensor.views.page import Facets, Page, after_of, cursor_of, limit_of, mark_of
from sensor.views.severity_levels import EXACTLY

SORTS = ("last", "first", "name")
# In the order of their times, devices are read from a narrow table, as updates of a device write no index.
_BY_TIME = sql.SQL("device_order o JOIN devices d ON d.number = o.number")
_DEVICES = sql.SQL("devices d")
_LAST: LiteralString = "o.last >= %(since)s AND o.last < %(until)s"
_COLUMNS = sql.SQL(
    "d.sensor, d.id, s.name, d.site, d.type, d.vendor, d.model, d.name, d.ips, d.macs, d.first, d.last, d.gone, "
    "d.confidence, d.record, d.number, d.hub_owner, d.hub_criticality, d.hub_tags, ARRAY(SELECT DISTINCT s.name "
    "FROM devices o JOIN sensors s ON s.number = o.sensor "
    "WHERE o.counted_as <> 0 AND o.counted_as = d.number AND o.merged = '' ORDER BY 1)"
)
_PAGE = sql.SQL(
    "SELECT {columns}, {places} FROM {rows} JOIN sensors s ON s.number = d.sensor "
    "WHERE d.merged = '' AND d.counted_as = 0 AND {test} ORDER BY {order} LIMIT {limit}"
)
_ONE = sql.SQL("SELECT {columns}, d.merged FROM devices d JOIN sensors s ON s.number = d.sensor WHERE {test}")
_COUNTS = sql.SQL(
    "SELECT d.type, d.vendor, d.gone, sum(d.n)::bigint FROM device_counts d WHERE {test} GROUP BY 1, 2, 3"
)
_CRITICAL = sql.SQL(
    "SELECT d.criticality, count(*) FROM devices d "
    "WHERE d.merged = '' AND d.counted_as = 0 AND d.criticality <> '' AND {test} GROUP BY 1"
)
_VLANS = sql.SQL("SELECT d.vlan, sum(d.n)::bigint FROM vlan_counts d WHERE {test} GROUP BY 1")
_FEW_VLANS = sql.SQL(
    "SELECT d.vlan, count(*) FROM devices d WHERE d.merged = '' AND d.counted_as = 0 AND {test} GROUP BY 1"
)
_COUNTED = sql.SQL("""
SELECT type, vendor, gone, criticality, vlan, count(*) FROM (
    SELECT d.type, d.vendor, d.gone, d.criticality, d.vlan FROM {rows}
    WHERE d.merged = '' AND d.counted_as = 0 AND {test} LIMIT {limit}
) d GROUP BY 1, 2, 3, 4, 5""")
_TYPES = sql.SQL("SELECT DISTINCT type FROM device_counts")
_VENDORS = sql.SQL("SELECT DISTINCT vendor FROM device_counts WHERE vendor ILIKE %(pattern)s")
_MEMBERS = sql.SQL("""
SELECT o.sensor, o.device, s.name, d.site, d.name, d.type, d.last,
    ARRAY(SELECT DISTINCT e.reason || ' ' || e.value FROM edges e
          WHERE (o.sensor, o.device) IN ((e.sensor, e.device), (e.other_sensor, e.other_device)) ORDER BY 1)
FROM entity_members m JOIN entity_members o ON o.entity = m.entity AND (o.sensor, o.device) <> (m.sensor, m.device)
JOIN devices d ON d.sensor = o.sensor AND d.id = o.device JOIN sensors s ON s.number = d.sensor
WHERE m.sensor = %(sensor)s AND m.device = %(id)s ORDER BY d.last DESC LIMIT 50""")


def devices(
    reader: Reader, wanted: DeviceFilter, sort: str, *, backwards: bool, limit: int, cursor: str
) -> Page[DeviceRow]:
    """As ``sensor.views.devices.devices``; ``sort``: one of SORTS."""
    one_of("sort", [sort], SORTS)
    mark, order = mark_of(reader.sites, wanted, sort, backwards), Order((sort,), backwards)
    after = after_of(cursor, mark)
    test = _test(reader, wanted)
    facets, total, exact = _facets(reader, wanted, test)
    in_order = sort == "last" and (total >= COUNTED or not _has_index(wanted))
    alias: LiteralString = "o" if in_order else "d"
    if in_order and reader.sites is not None:
        test.add_any("o", "site", "sites", reader.sites)
    if after is not None:
        test.add(order.behind(alias, after, test.values))
    statement = _PAGE.format(
        columns=_COLUMNS, places=sql.Identifier(alias, sort), rows=_BY_TIME if in_order else _rows_of(wanted),
        test=test.sql, order=order.clause(alias), limit=limit_of(limit) + 1,
    )  # fmt: skip
    rows = reader.rows(statement, test.values)
    more = cursor_of(order.place(mark, rows[limit - 1][20:], rows[limit - 1][15])) if len(rows) > limit else ""
    return Page([_row(row) for row in rows[:limit]], total, exact, facets, more)


def device(reader: Reader, name: str) -> dict[str, Any]:
    """The last record of a device with the values set at the hub and their history, and ``elsewhere``: the same device
    at other sensors, with the evidence.
    """
    key = resolve(reader, "devices", name)
    row = _one(reader, *key)
    if row[20]:  # it was merged into another device
        row = _one(reader, key[0], row[20])
    record = with_origin(row[14], row[0], row[2], row[3])
    record = with_values(reader, record, row[0], row[1], in_row(row[16:19]))
    members = reader.rows(_MEMBERS, {"sensor": row[0], "id": row[1]})
    return record | {
        "action": "gone" if row[12] else record.get("action"),
        "elsewhere": [_member(*one) for one in members],
    }


def _one(reader: Reader, sensor: int, name: str) -> tuple[Any, ...]:
    test = reader.conditions("d")
    test.add("d.sensor = %(sensor)s AND d.id = %(id)s", sensor=sensor, id=name)
    found = reader.rows(_ONE.format(columns=_COLUMNS, test=test.sql), test.values)
    if not found:
        raise Unknown("id", joined(sensor, name), [])
    return found[0]


def _member(*row: Any) -> dict[str, Any]:
    sensor, name, sensor_name, site, host, kind, last, reasons = row
    shown = {"device": joined(sensor, name), "sensor": sensor_name, "site": site, "name": host, "type": kind}
    return shown | {"last": ns_of(last), "reasons": reasons}


def _test(reader: Reader, wanted: DeviceFilter) -> Conditions:
    one_of("state", wanted.state, STATES)
    test = reader.conditions("d")
    check("type", wanted.type, lambda: (row[0] for row in reader.rows(_TYPES, {})))
    check("criticality", wanted.criticality)
    check_vlans(wanted.vlan)
    if wanted.type:
        test.add_any("d", "type", "type", wanted.type)
    if wanted.vlan:
        test.add_any("d", "vlan", "vlan", wanted.vlan)
    if len(wanted.state) == 1:
        test.add("d.gone = %(gone)s", gone=wanted.state[0] == "gone")
    if wanted.vendor:
        exact = wanted.vendor.startswith(EXACTLY)
        found = [] if exact else reader.rows(_VENDORS, {"pattern": like(wanted.vendor)})
        test.add_any("d", "vendor", "vendor", [vendor_of(wanted.vendor)] if exact else [row[0] for row in found])
    if wanted.since is not None or wanted.until is not None:
        until = wanted.until if wanted.until is not None else 1 << 62
        test.add(_LAST, since=time_at(wanted.since or 0), until=time_at(until))
    add_conditions(wanted, test)
    words = [like(word) for word in wanted.text.replace("\0", " ").lower().split()]
    _add_words(reader, test, [*words, *_addresses(wanted)])
    return test


def _rows_of(wanted: DeviceFilter) -> sql.SQL:
    """The tables that the conditions of a filter need."""
    return _DEVICES if wanted.since is wanted.until is None else _BY_TIME


def _has_index(wanted: DeviceFilter) -> bool:
    """Whether an index finds the rows of a filter: few are sorted. Otherwise, rows are read in the order of the list,
    and each is tested.
    """
    values = wanted.type, wanted.vendor, wanted.vlan, wanted.owner, wanted.criticality, wanted.tag
    words = wanted.text, wanted.address, wanted.mac
    return any((*values, *words)) or tuple(wanted.state) == ("gone",)


def _add_words(reader: Reader, test: Conditions, patterns: list[str]) -> None:
    if patterns:
        each = sql.SQL(" AND ").join(
            sql.SQL("w.words LIKE {}").format(sql.Placeholder(f"word{place}")) for place in range(len(patterns))
        )
        values = {f"word{place}": pattern for place, pattern in enumerate(patterns)}
        test.add_words(reader, "d", "device_words", each, **values)


def _addresses(wanted: DeviceFilter) -> list[str]:
    """Patterns for address and MAC: words of a device have a space at both ends."""
    found = []
    if wanted.mac:
        try:
            found.append(like(f" {mac_text(parse_mac(wanted.mac))} "))
        except ValueError:
            raise Malformed("mac", wanted.mac, "a MAC address such as 00:17:c8:1a:2b:3c") from None
    if wanted.address:
        found.append(like(_beginning(wanted.address)))
    return found


def _beginning(text: str) -> str:
    """An address, or the beginning that the addresses of a network share. Raises Malformed."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Malformed("address", text, "an address or a network such as 10.20.30.0/24") from None
    if network.prefixlen == network.max_prefixlen:
        return f" {network.network_address} "
    if network.version == 6 or network.prefixlen % 8 or not network.prefixlen:
        raise Malformed("address", text, "an address, or an IPv4 network with a prefix length of 8, 16 or 24")
    return f" {'.'.join(str(network.network_address).split('.')[: network.prefixlen // 8])}."


def _facets(reader: Reader, wanted: DeviceFilter, test: Conditions) -> tuple[Facets, int, bool]:
    """Counts by value of each facet, the total, and whether it is exact. VLANs of a type, vendor or state are counted
    up to COUNTED devices: the table of their counts has sites only.
    """
    times, operators = (wanted.since, wanted.until) != (None, None), wanted.owner or wanted.criticality or wanted.tag
    grouped = not (wanted.text or wanted.address or wanted.mac or wanted.vlan or times or operators)
    facets: dict[str, Counter[str]] = {name: Counter() for name in ("type", "vendor", "state", "criticality", "vlan")}
    total = 0
    for kind, vendor, gone, criticality, vlan, count in _counted(reader, wanted, test, grouped=grouped):
        total += count
        shown = kind, vendor or "unknown", STATES[gone], criticality or NONE, str(vlan)
        for name, value in zip(facets, shown, strict=True):
            facets[name][value] += count
    if grouped:
        some = Counter(dict(reader.rows(_CRITICAL.format(test=test.sql), test.values)))
        facets["criticality"] = some + Counter({NONE: total - some.total()})
        facets["vlan"] = Counter({str(vlan): count for vlan, count in _vlans(reader, wanted, test, total)})
    counts = {name: {value: n for value, n in several.most_common() if n > 0} for name, several in facets.items()}
    return counts, total, grouped or total < test.counted


def _counted(reader: Reader, wanted: DeviceFilter, test: Conditions, *, grouped: bool) -> list[tuple[Any, ...]]:
    """Counts by type, vendor, gone, criticality and VLAN. ``grouped``: from the table of counts, which has neither of
    the last two.
    """
    if grouped:
        return [(*row[:3], "", 0, row[3]) for row in reader.rows(_COUNTS.format(test=test.sql), test.values)]
    statement = _COUNTED.format(rows=_rows_of(wanted), test=test.sql, limit=test.counted)
    return reader.rows(statement, test.values)


def _vlans(reader: Reader, wanted: DeviceFilter, test: Conditions, total: int) -> list[tuple[Any, ...]]:
    """The number of devices in each VLAN, if the filter has no conditions but on site, type, vendor and state."""
    if not (wanted.type or wanted.vendor or len(wanted.state) == 1):
        return reader.rows(_VLANS.format(test=test.sql), test.values)
    return reader.rows(_FEW_VLANS.format(test=test.sql), test.values) if total <= COUNTED else []


def _row(row: tuple[Any, ...]) -> DeviceRow:
    sensor, name, sensor_name, site, kind, vendor, model, host, ips, macs, first, last, gone, confidence, text = row[
        :15
    ]
    record = with_origin(text, sensor, sensor_name, site)
    origin = record["sensor"] | ({"others": row[19]} if row[19] else {})
    body = onto_body(part(record, "device"), in_row(row[16:19])) | {"sensor": origin}
    vlan, tags = body.get("vlan"), body.get("tags")
    return DeviceRow(
        joined(sensor, name), kind, vendor, model, host, next(iter(ips), ""), next(iter(macs), ""),
        vlan if isinstance(vlan, int) else 0, ns_of(first), ns_of(last), gone, str(body.get("criticality") or ""),
        str(body.get("owner") or ""), [str(tag) for tag in tags] if isinstance(tags, list) else [], confidence, body,
    )  # fmt: skip
