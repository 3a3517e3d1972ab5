"""``sensor devices import, export, diff``: the inventory beside lists that people keep, as CSV or JSON, NetBox's columns included."""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE
from sensor.cli._devices_csv import COLUMNS, NETBOX, netbox_row, plain, row_of, write_csv
from sensor.cli._devices_words import inventory, spoken
from sensor.cli._known import Known, known
from sensor.cli._setup import complain
from sensor.cli._show import part, tidy
from sensor.cli._table import table
from sensor.cli._views import devices_data, stop_of
from sensor.inventory.words import FIELDS
from sensor.posture.lookup import mac_of
from sensor.views.device_list import every_device

if TYPE_CHECKING:
    from sensor.inventory.store.sayings import Sayings
    from sensor.inventory.words import Word

Record = dict[str, Any]

FILE_LIMIT = 64 * 1024 * 1024
FAULTS_TOLD = 20
# Headings of other people's lists, without case, blanks and signs → our columns.
_HEADINGS = {
    "id": "id", "mac": "macs", "macs": "macs", "macaddress": "macs", "ip": "ips", "ips": "ips", "ipaddress": "ips", "address": "ips", "primaryip": "ips",
    "primaryip4": "ips", "ipv4address": "ips", "name": "name", "hostname": "name", "device": "name", "type": "type", "role": "type", "devicerole": "type",
    "vendor": "vendor", "manufacturer": "vendor", "model": "model", "devicetype": "model", "firmware": "firmware", "serial": "serial",
    "serialnumber": "serial", "os": "os", "platform": "os", "owner": "owner", "tenant": "owner", "criticality": "criticality", "location": "location",
    "note": "note", "description": "note", "tags": "tags", "vlan": "vlan",
}  # fmt: skip
_COMPARED = ("type", "vendor", "model", "firmware", "serial", "os", "name", "owner", "criticality", "vlan", "ips")
# How others call our types.
_ROLES = {
    "ip_phone": "voip_phone", "phone": "voip_phone", "voip": "voip_phone", "ip_camera": "camera", "cctv": "camera", "access_switch": "switch",
    "core_switch": "switch", "ap": "access_point", "wireless_ap": "access_point", "pc": "workstation", "laptop": "workstation", "desktop": "workstation",
    "television": "tv", "display": "signage", "storage": "nas",
}  # fmt: skip
# How rows of our own export for NetBox say whose they are.
_EXPORTED = re.compile(r"known to the sensor as (dev-[0-9a-z]+)")


class Expected(NamedTuple):
    """One row of somebody's list, by our columns; ``place`` is its line or its number."""

    place: str
    row: dict[str, str]


class Unreadable(Exception):
    """The file cannot be used; the text says why."""


def export(args: argparse.Namespace) -> int:
    """``export [FILE]``: CSV, or what --format says."""
    target = args.words[0] if args.words else "-"
    args.for_programs = target == "-"
    try:
        records = list(every_device(devices_data(args), (), datetime.now(UTC)))
    except sqlite3.DatabaseError as error:
        raise stop_of(error) from None
    form = args.format or ("json" if target.endswith(".json") else "csv")
    text = io.StringIO()
    if form == "json":
        json.dump([_plain_row(record) for record in records], text, indent=1, ensure_ascii=False)
        text.write("\n")
    elif form == "netbox":
        write_csv(text, NETBOX, (netbox_row(record, args.site or "") for record in records))
    else:
        write_csv(text, COLUMNS, map(row_of, records))
    if target == "-":
        sys.stdout.write(text.getvalue())
        return 0
    try:
        Path(target).write_text(text.getvalue(), encoding="utf-8", newline="")
    except OSError as error:
        complain(f"cannot write {target}: {error.strerror}", error="file.not-written")
        return NOT_OPENED
    print(f"{len(records):,} devices in {target}")
    return 0


def _plain_row(record: Record) -> Record:
    return {name: value for name, value in row_of(record).items() if value}


def read_rows(path: Path) -> list[Expected]:
    """The rows of a CSV or JSON file by our columns. Unreadable where it is neither."""
    try:
        data = sys.stdin.buffer.read(FILE_LIMIT + 1) if str(path) == "-" else path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path}: not UTF-8 at byte {error.start:,}") from None
    if len(data) > FILE_LIMIT:
        raise Unreadable(f"{path}: longer than {FILE_LIMIT >> 20} MiB")
    rows = _json_rows(path, text) if text.lstrip()[:1] in ("[", "{") else _csv_rows(path, text)
    if not rows:
        raise Unreadable(f"{path}: no rows in it")
    return rows


def _json_rows(path: Path, text: str) -> list[Expected]:
    """A list of objects, or one object a line."""
    try:
        one = text.lstrip().startswith("[")
        objects = json.loads(text) if one else [json.loads(line) for line in text.splitlines() if line.strip()]
    except (json.JSONDecodeError, RecursionError) as error:
        raise Unreadable(f"{path}: no JSON: {error}") from None
    if not all(isinstance(item, dict) for item in objects):
        raise Unreadable(f"{path}: found something else, expected a list of objects")
    flat = [row_of(record) if (record := _record_of(item)) is not None else item for item in objects]
    return [
        Expected(f"{path}: row {number}", _ours({str(key): _text(value) for key, value in item.items()}))
        for number, item in enumerate(flat, 1)
    ]


def _record_of(item: dict[str, Any]) -> dict[str, Any] | None:
    """What `sensor devices --json` prints, or printed until version 0.1.0, as a record; None for all else."""
    if isinstance(item.get("device"), dict):
        return item
    return (
        {"device": item, "action": item.get("state")}
        if "key" in item and isinstance(item.get("ips", item.get("macs")), list)
        else None
    )


def _text(value: Any) -> str:
    """NetBox's API gives objects with a name where its CSV gives the name."""
    if isinstance(value, dict):
        return _text(
            next((value[name] for name in ("name", "model", "address", "label", "value") if name in value), "")
        )
    return "; ".join(_text(one) for one in value) if isinstance(value, list) else tidy(value)


def _csv_rows(path: Path, text: str) -> list[Expected]:
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, restkey="", strict=True)
    try:
        return [
            Expected(
                f"{path}:{reader.line_num}",
                _ours({key: value for key, value in row.items() if key and isinstance(value, str)}),
            )
            for row in reader
        ]
    except csv.Error as error:
        raise Unreadable(f"{path}:{reader.line_num}: no CSV: {error}") from None


def _ours(row: dict[str, str]) -> dict[str, str]:
    """A row by our columns. Where there is a role as well, ``type`` is the product, as in NetBox."""
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
        word = re.sub(r"[^a-z0-9]+", "_", found["type"].casefold()).strip("_")
        found["type"] = _ROLES.get(word, word)
    if "ips" in found:
        found["ips"] = "; ".join(one.split("/")[0] for one in _several(found["ips"]))
    if "macs" in found:
        found["macs"] = "; ".join(filter(None, map(mac_of, _several(found["macs"]))))
    return found


def _undo_export(row: dict[str, str], device: str) -> None:
    """What our own export for NetBox wrote where nothing was known, for NetBox wants a word there."""
    row["id"] = device
    for column, word in (("vendor", "Unknown"), ("model", "Unknown"), ("name", device)):
        if row.get(column) == word:
            del row[column]


def _several(text: str) -> list[str]:
    return [one for one in re.split(r"[;,\s]+", text) if one]


class Index:
    """Devices by all that a row may name them by."""

    def __init__(self, found: Known) -> None:
        self._by: dict[tuple[str, str], Record] = {}
        for record in found.fold.devices.values():
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
        """By id, MAC, serial number, address and name, the surest first."""
        for column in ("id", "macs", "serial", "ips", "name"):
            for value in _several(row.get(column, "")) if column in ("macs", "ips") else [row.get(column, "")]:
                record = self._by.get((column, value.casefold())) if value else None
                if record is not None:
                    return record
        return None


def import_words(args: argparse.Namespace) -> int:
    """``import FILE``: each row is the operator's word. A MAC that was not seen yet is known by it when it comes."""
    if len(args.words) != 1:
        complain("usage: sensor devices import FILE", error="usage.missing-argument")
        return USAGE
    found = inventory(args)
    try:
        rows = read_rows(Path(args.words[0]))
    except Unreadable as error:
        complain(str(error), error="file.not-read")
        return NOT_OPENED
    index, faults, words, waiting = Index(found), list[str](), list["Word"](), 0
    for place, row in rows:
        record = index.find(row)
        key = (
            tidy(record.get("key"))
            if record is not None
            else f"mac:{row['macs'].split('; ')[0]}"
            if row.get("macs")
            else ""
        )
        if not key:
            faults.append(f"{place}: no device of that name, address or id, and no MAC to identify it")
            continue
        waiting += record is None
        words += _words(place, key, _news(row, record), faults)
    for fault in faults[:FAULTS_TOLD]:
        complain(fault, error="file.invalid")
    if len(faults) > FAULTS_TOLD:
        complain(f"… and {len(faults) - FAULTS_TOLD:,} more", error="file.invalid")

    def speak(sayings: Sayings) -> str:
        sayings.say(words)
        later = f", {waiting:,} of devices not seen yet" if waiting else ""
        return f"rows read: {len(rows):,}{later}; attributes set: {len(words):,}; faults: {len(faults):,}"

    return spoken(args, found, speak) or (USAGE if faults and not words else 0)


def _news(row: dict[str, str], record: Record | None) -> dict[str, str]:
    """A row with an id comes from our own export: what it tells as it is known anyway is nobody's word."""
    if record is None or "id" not in row:
        return row
    mine = row_of(record)
    return {column: value for column, value in row.items() if value != mine.get(column)}


def _words(place: str, key: str, row: dict[str, str], faults: list[str]) -> list[Word]:
    """What a row says. Cells that are wrong are told, the others count."""
    from sensor.inventory.words import Word, checked

    said = []
    for field in FIELDS:
        value = row.get(field, "")
        if not value or (field == "type" and value == "unknown"):
            continue
        try:
            said.append(
                Word(
                    key,
                    field,
                    checked(field, value.replace("; ", ",") if field == "tags" else value),
                    reason=f"imported from {place}",
                )
            )
        except ValueError as error:
            faults.append(f"{place}: {error}")
    return said


def diff(args: argparse.Namespace) -> int:
    """What is missing, what nobody expected, and what is not as expected. 1 where there is any difference, as ``diff`` of POSIX."""
    if len(args.words) != 1:
        complain("usage: sensor devices diff EXPECTED.csv", error="usage.missing-argument")
        return USAGE
    found = known(args)
    try:
        rows = read_rows(Path(args.words[0]))
    except Unreadable as error:
        complain(str(error), error="file.not-read")
        return NOT_OPENED
    differences = compare(rows, found)
    if args.json:
        for one in differences:
            print(json.dumps(one, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))
    elif args.csv:
        write_csv(sys.stdout, ("difference", "device", "field", "expected", "found"), differences)
    elif differences:
        columns = ("difference", "device", "field", "expected", "found")
        print(table(columns, [[one.get(name, "") for name in columns] for one in differences], sys.stdout))
    else:
        print(f"all {len(rows):,} devices are as expected, with no unexpected ones")
    return NOT_FOUND if differences else 0


def compare(rows: list[Expected], found: Known) -> list[dict[str, str]]:
    """All differences, row by row, then the devices that no row names."""
    index, seen, told = Index(found), set[str](), list[dict[str, str]]()
    for _, row in rows:
        record = index.find(row)
        name = next((row[column] for column in ("name", "id", "macs", "ips", "serial") if row.get(column)), "?")
        if record is None:
            told.append({"difference": "missing", "device": name})
            continue
        mine = row_of(record)
        seen.add(mine["id"])
        if mine["state"] == "gone":
            told.append(
                {
                    "difference": "gone",
                    "device": f"{mine['id']} {name}",
                    "field": "last_seen",
                    "found": mine["last_seen"],
                }
            )
        told += [
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
    for record in found.fold.devices.values():
        mine = row_of(record)
        if mine["id"] not in seen and mine["state"] != "gone":
            what = " ".join(
                filter(None, (mine["type"], mine["vendor"], mine["model"], mine["name"], mine["ips"], mine["macs"]))
            )
            told.append({"difference": "unexpected", "device": mine["id"], "found": what})
    return told


def _same(field: str, expected: str, found: str) -> bool:
    """Addresses: whether it has all of them. All else without regard to case."""
    if field == "ips":
        return set(_several(expected)) <= set(_several(found))
    return expected.casefold() == found.casefold()
