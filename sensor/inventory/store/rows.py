"""Rows of devices as lists show and search them (``schema_rows.py``), made of the device as records show it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from sensor.core.addresses import parse
from sensor.core.record_parts import Body
from sensor.inventory.words import Word, onto_body

WORDS_LIMIT = 4096
# Of these, times and flags say nothing that anybody searches for.
_SILENT = frozenset(("first_seen", "last_seen", "randomised_mac", "confidence", "confidences", "contested"))
_COLUMNS = "id, type, vendor, model, name, ip, address, mac, vlan, first, last, gone, criticality, owner, tags, confidence, words"
_SET = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS.split(", ")[1:])
_SAVE = f"INSERT INTO device_rows ({_COLUMNS}) VALUES ({', '.join('?' * 17)}) ON CONFLICT (id) DO UPDATE SET {_SET}"  # noqa: S608 - our own words

_NO_ADDRESSES = "DELETE FROM device_addresses WHERE device = (SELECT number FROM device_rows WHERE id = ?)"
_BODY = msgspec.json.Decoder(dict[str, Any])


class Shown(NamedTuple):
    """A device and when it was seen (ns), as lists show it."""

    first: int
    last: int
    gone: bool
    body: Body


def save_rows(base: sqlite3.Connection, devices: Iterable[Shown]) -> None:
    """Within a transaction."""
    several = list(devices)
    base.executemany(_SAVE, map(_row, several))
    base.executemany(_NO_ADDRESSES, [(_text(one.body.get("id")),) for one in several])
    held = [(address, _text(one.body.get("id"))) for one in several for ip in _texts(one.body.get("ips")) if (address := _address(ip)) is not None]
    base.executemany("INSERT OR IGNORE INTO device_addresses SELECT ?, number FROM device_rows WHERE id = ?", held)


def remove_rows(base: sqlite3.Connection, ids: Iterable[str]) -> None:
    """Within a transaction."""
    base.executemany("DELETE FROM device_rows WHERE id = ?", [(name,) for name in ids])


def fill_rows(base: sqlite3.Connection, said: dict[str, dict[str, Word]]) -> None:
    """Rows of the devices that have none, within a transaction: after an upgrade, a repair, or a word of the operator. ``said``: all words, by key."""
    wanted = "SELECT key, first, last, gone, body FROM devices WHERE id NOT IN (SELECT id FROM device_rows)"
    for key, first, last, gone, body in base.execute(wanted).fetchall():
        try:
            save_rows(base, [Shown(first, last, bool(gone), onto_body(_BODY.decode(body), said.get(key, {})))])
        except msgspec.DecodeError:
            continue  # a damaged row: the device is read as broken, and found anew


def renew_rows(base: sqlite3.Connection, keys: Iterable[str], said: dict[str, dict[str, Word]]) -> None:
    """Rows of some devices once more, within a transaction."""
    base.executemany("DELETE FROM device_rows WHERE id IN (SELECT id FROM devices WHERE key = ?)", [(key,) for key in keys])
    fill_rows(base, said)


def _row(device: Shown) -> tuple[object, ...]:
    body = device.body
    ip, mac = _first(body.get("ips")), _first(body.get("macs"))
    names = [_text(body.get(name)) for name in ("id", "type", "vendor", "model", "hostname")]
    rest = [_text(body.get("criticality")), _text(body.get("owner")), ", ".join(_texts(body.get("tags")))]
    vlan, confidence = body.get("vlan"), body.get("confidence")
    return (
        *names, ip, _address(ip), mac, vlan if isinstance(vlan, int) else 0, device.first, device.last, int(device.gone), *rest,
        confidence if isinstance(confidence, int | float) else 0.0, _words(body),
    )  # fmt: skip


def _words(body: Body) -> str:
    """All that a device has, as one text to search in."""
    found = dict.fromkeys(one for name, value in body.items() if name not in _SILENT for one in _texts(value))
    return " ".join(found)[:WORDS_LIMIT]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (one for inner in value.values() for one in _texts(inner))
    elif isinstance(value, list):
        yield from (one for inner in value for one in _texts(inner))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _first(values: Any) -> str:
    return next(_texts(values), "")


def _address(text: str) -> bytes | None:
    try:
        return parse(text).to_bytes(16, "big") if text else None
    except ValueError:
        return None
