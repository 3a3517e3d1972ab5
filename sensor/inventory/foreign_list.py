"""Device lists of other systems, including NetBox, as CSV or JSON: mapped to the sensor's columns, compared with the
inventory, and imported as operator values.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from sensor.core import addresses
from sensor.core.addresses import mac_text, parse_mac
from sensor.core.foreign import Record, address_of, part, tidy
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.spreadsheet import plain
from sensor.inventory.columns import row_of
from sensor.inventory.corrections import FIELDS, Correction, checked

FILE_LIMIT = 64 * 1024 * 1024
# Headings in lists of other systems, without case, spaces and punctuation → the sensor's columns.
_HEADINGS = {
    "id": "id", "mac": "macs", "macs": "macs", "macaddress": "macs", "ip": "ips", "ips": "ips", "ipaddress": "ips",
    "address": "ips", "primaryip": "ips",
    "primaryip4": "ips", "ipv4address": "ips", "name": "name", "hostname": "name", "device": "name", "type": "type",
    "role": "type", "devicerole": "type",
    "vendor": "vendor", "manufacturer": "vendor", "model": "model", "devicetype": "model", "firmware": "firmware",
    "serial": "serial",
    "serialnumber": "serial", "os": "os", "platform": "os", "owner": "owner", "tenant": "owner",
    "criticality": "criticality", "location": "location",
    "note": "note", "description": "note", "tags": "tags", "vlan": "vlan",
}  # fmt: skip
_COMPARED = ("type", "vendor", "model", "firmware", "serial", "os", "name", "owner", "criticality", "vlan", "ips")
# Device types of other systems → the sensor's device types.
_ROLES = {
    "ip_phone": "voip_phone", "phone": "voip_phone", "voip": "voip_phone", "ip_camera": "camera", "cctv": "camera",
    "access_switch": "switch",
    "core_switch": "switch", "ap": "access_point", "wireless_ap": "access_point", "wlc": "wireless_controller",
    "wlan_controller": "wireless_controller", "wireless_lan_controller": "wireless_controller", "pc": "workstation",
    "laptop": "workstation", "desktop": "workstation",
    "television": "tv", "display": "signage", "storage": "nas",
}  # fmt: skip
# Marks the sensor's device id in its own export for NetBox.
_EXPORTED = lazy_pattern(r"known to the sensor as (dev-[0-9a-z]+)")


class Expected(NamedTuple):
    """One row of an imported list, by the sensor's columns; ``place`` is its line or its number."""

    place: str
    row: dict[str, str]


class Unreadable(Exception):
    """The file cannot be used; the text is the reason."""


def rows_of(place: str, data: bytes) -> list[Expected]:
    """The rows of a CSV or JSON file by the sensor's columns. ``place``: its name, for errors. Raises Unreadable if it
    is neither.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"{place}: not UTF-8 at byte {error.start:,}") from None
    if len(data) > FILE_LIMIT:
        raise Unreadable(f"{place}: longer than {FILE_LIMIT >> 20} MiB")
    rows = _json_rows(place, text) if text.lstrip()[:1] in ("[", "{") else _csv_rows(place, text)
    if not rows:
        raise Unreadable(f"{place}: no rows")
    return rows


def _json_rows(place: str, text: str) -> list[Expected]:
    """A list of objects, or one object per line."""
    try:
        one = text.lstrip().startswith("[")
        objects = json.loads(text) if one else [json.loads(line) for line in text.splitlines() if line.strip()]
    except (json.JSONDecodeError, RecursionError) as error:
        raise Unreadable(f"{place}: invalid JSON: {error}") from None
    except ValueError:  # json.loads refuses to convert integers of more than 4300 digits
        raise Unreadable(f"{place}: invalid JSON: a number is too large") from None
    if not all(isinstance(item, dict) for item in objects):
        raise Unreadable(f"{place}: expected a list of objects")
    flat = [row_of(record) if (record := _record_of(item)) is not None else item for item in objects]
    return [
        Expected(f"{place}: row {number}", _ours({str(key): _text(value) for key, value in item.items()}))
        for number, item in enumerate(flat, 1)
    ]


def _record_of(item: dict[str, Any]) -> dict[str, Any] | None:
    """The output of ``sensor devices --json``, present or up to version 0.1.0, as a record; None for other objects."""
    if isinstance(item.get("device"), dict):
        return item
    return (
        {"device": item, "action": item.get("state")}
        if "key" in item and isinstance(item.get("ips", item.get("macs")), list)
        else None
    )


def _text(value: Any) -> str:
    """A value as text. NetBox's API has objects with a name where its CSV has the name."""
    if isinstance(value, dict):
        return _text(
            next((value[name] for name in ("name", "model", "address", "label", "value") if name in value), "")
        )
    return "; ".join(_text(one) for one in value) if isinstance(value, list) else tidy(value)


def _csv_rows(place: str, text: str) -> list[Expected]:
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, restkey="", strict=True)
    try:
        return [
            Expected(
                f"{place}:{reader.line_num}",
                _ours({key: value for key, value in row.items() if key and isinstance(value, str)}),
            )
            for row in reader
        ]
    except csv.Error as error:
        raise Unreadable(f"{place}:{reader.line_num}: invalid CSV: {error}") from None


def _ours(row: dict[str, str]) -> dict[str, str]:
    """A row by the sensor's columns. If there is also a role, ``type`` is the product, as in NetBox."""
    keys = {re.sub(r"[^a-z0-9]", "", key.casefold()): plain(value.strip()) for key, value in row.items()}
    netbox = "role" in keys or "devicerole" in keys
    found: dict[str, str] = {}
    for key, value in keys.items():
        column = "model" if netbox and key == "type" else _HEADINGS.get(key)
        if column and value:
            found.setdefault(column, value)
    if exported := _EXPORTED.search(keys.get("comments", "")):
        _undo_export(found, exported[1])
    if "type" in found:
        role = re.sub(r"[^a-z0-9]+", "_", found["type"].casefold()).strip("_")
        found["type"] = _ROLES.get(role, role)
    if "ips" in found:
        found["ips"] = "; ".join(_ip_of(one.split("/")[0]) for one in _several(found["ips"]))
    if "macs" in found:
        found["macs"] = "; ".join(filter(None, map(_mac_of, _several(found["macs"]))))
    return found


def _undo_export(row: dict[str, str], device: str) -> None:
    """Remove the placeholders that the sensor's export for NetBox has for unknown values, since NetBox requires a
    value.
    """
    row["id"] = device
    for column, placeholder in (("vendor", "Unknown"), ("model", "Unknown"), ("name", device)):
        if row.get(column) == placeholder:
            del row[column]


def _several(text: str) -> list[str]:
    return [one for one in re.split(r"[;,\s]+", text) if one]


class Index:
    """Devices by every identifier that a row may have."""

    def __init__(self, devices: Iterable[Record]) -> None:
        self._by: dict[tuple[str, str], Record] = {}
        for record in devices:
            device = part(record, "device")
            for column, values in (
                ("id", [device.get("id")]),
                ("macs", device.get("macs")),
                ("serial", [device.get("serial")]),
                ("ips", device.get("ips")),
            ):
                for value in values or ():
                    self._by.setdefault((column, tidy(value).casefold()), record)
            for name in (device.get("hostname"), *(device.get("names") or ())):
                self._by.setdefault(("name", tidy(name).casefold()), record)

    def find(self, row: dict[str, str]) -> Record | None:
        """The device of a row: by id, MAC, serial number, address or name, the most reliable first."""
        for column in ("id", "macs", "serial", "ips", "name"):
            for value in _several(row.get(column, "")) if column in ("macs", "ips") else [row.get(column, "")]:
                record = self._by.get((column, value.casefold())) if value else None
                if record is not None:
                    return record
        return None


class ImportedList(NamedTuple):
    """The imported values of a list. ``waiting``: rows of devices not seen yet; ``faults``: invalid rows and cells."""

    corrections: list[Correction]
    waiting: int
    faults: list[str]


def words_of_rows(rows: Iterable[Expected], devices: Iterable[Record]) -> ImportedList:
    """Each row as operator values. For a MAC not seen yet they are stored under its key."""
    index, faults, corrections, waiting = Index(devices), list[str](), list[Correction](), 0
    for place, row in rows:
        record = index.find(row)
        key = tidy(record.get("key")) if record is not None else _mac_key(row)
        if not key:
            faults.append(f"{place}: no device with this name, address or id, and no MAC to identify it")
            continue
        waiting += record is None
        corrections += _corrections(place, key, _news(row, record), faults)
    return ImportedList(corrections, waiting, faults)


def _mac_key(row: dict[str, str]) -> str:
    return f"mac:{row['macs'].split('; ')[0]}" if row.get("macs") else ""


def _ip_of(text: str) -> str:
    """An address in the notation of records; other texts as they are."""
    return addresses.text(number) if (number := address_of(text)) else text


def _mac_of(text: str) -> str:
    """A MAC in the notation of records; empty if the text is not a MAC."""
    try:
        return mac_text(parse_mac(text))
    except ValueError:
        return ""


def _news(row: dict[str, str], record: Record | None) -> dict[str, str]:
    """The changed values of a row. A row with an id comes from the sensor's own export: values equal to the inventory
    are not set by the operator.
    """
    if record is None or "id" not in row:
        return row
    mine = row_of(record)
    return {column: value for column, value in row.items() if value != mine.get(column)}


def _corrections(place: str, key: str, row: dict[str, str], faults: list[str]) -> list[Correction]:
    """The values of a row. Invalid cells are added to ``faults`` and skipped."""
    fields = []
    for field in FIELDS:
        value = row.get(field, "")
        if not value or (field == "type" and value == "unknown"):
            continue
        try:
            fields.append(
                Correction(
                    key,
                    field,
                    checked(field, value.replace("; ", ",") if field == "tags" else value),
                    reason=f"imported from {place}",
                )
            )
        except ValueError as error:
            faults.append(f"{place}: {error}")
    return fields


def compare(rows: Iterable[Expected], devices: Iterable[Record]) -> list[dict[str, str]]:
    """All differences, row by row, then the devices that are in no row."""
    devices = list(devices)
    index, seen, differences = Index(devices), set[str](), list[dict[str, str]]()
    for _, row in rows:
        record = index.find(row)
        name = next((row[column] for column in ("name", "id", "macs", "ips", "serial") if row.get(column)), "?")
        if record is None:
            differences.append({"difference": "missing", "device": name})
            continue
        mine = row_of(record)
        seen.add(mine["id"])
        if mine["state"] == "gone":
            differences.append(
                {
                    "difference": "gone",
                    "device": f"{mine['id']} {name}",
                    "field": "last_seen",
                    "found": mine["last_seen"],
                }
            )
        differences += [
            {
                "difference": "different",
                "device": f"{mine['id']} {name}",
                "field": field,
                "expected": row[field],
                "found": mine[field],
            }
            for field in _COMPARED
            if row.get(field) and not _same(field, row[field], mine[field])
        ]
    for record in devices:
        mine = row_of(record)
        if mine["id"] not in seen and mine["state"] != "gone":
            what = " ".join(
                filter(None, (mine["type"], mine["vendor"], mine["model"], mine["name"], mine["ips"], mine["macs"]))
            )
            differences.append({"difference": "unexpected", "device": mine["id"], "found": what})
    return differences


def _same(field: str, expected: str, found: str) -> bool:
    """Whether two values agree. Addresses: the device has all of them; other values are compared without case."""
    if field == "ips":
        return set(_several(expected)) <= set(_several(found))
    return expected.casefold() == found.casefold()
