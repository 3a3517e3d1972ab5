"""Rows of devices for lists and search (``schema_rows.py``), made from the device as records show it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from sensor.core.addresses import parse
from sensor.core.record_parts import Body
from sensor.inventory.corrections import Correction, onto_body

WORDS_LIMIT = 4096
# IEEE 802.1Q, 9.6; a log may be foreign, and larger numbers do not fit into the column.
VLAN_MOST = 4095
# Texts that may wait for the index, which a search scans in a few ms; and number of texts indexed in one transaction.
PENDING, INDEXED_AT_ONCE = 10_000, 2_000
# Rows made at a time if many are missing.
FILLED_AT_ONCE = 2_000
# Fields without text to search: times and flags.
_SILENT = frozenset(("first_seen", "last_seen", "randomised_mac", "confidence", "confidences", "contested"))
_COLUMNS = (
    "id, type, vendor, model, name, ip, address, mac, vlan, first, last, gone, criticality, owner, "
    "tags, confidence, words"
)
_SET = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS.split(", ")[1:])
_SAVE = f"INSERT INTO device_rows ({_COLUMNS}) VALUES ({', '.join('?' * 17)}) ON CONFLICT (id) DO UPDATE SET {_SET}"  # noqa: S608 - our own words

_NO_ADDRESSES = "DELETE FROM device_addresses WHERE device = (SELECT number FROM device_rows WHERE id = ?)"
_WAITING = "SELECT number FROM device_rows WHERE NOT indexed ORDER BY number LIMIT ?"
_BODY = msgspec.json.Decoder(dict[str, Any])


class ListedDevice(NamedTuple):
    """A device and the time it was last seen (ns), as lists show it."""

    first: int
    last: int
    gone: bool
    body: Body


def save_rows(base: sqlite3.Connection, devices: Iterable[ListedDevice]) -> None:
    """Save rows, within a transaction."""
    several = list(devices)
    base.executemany(_SAVE, map(_row, several))
    base.executemany(_NO_ADDRESSES, [(_text(one.body.get("id")),) for one in several])
    held = [
        (address, _text(one.body.get("id")))
        for one in several
        for ip in _texts(one.body.get("ips"))
        if (address := _address(ip)) is not None
    ]
    base.executemany("INSERT OR IGNORE INTO device_addresses SELECT ?, number FROM device_rows WHERE id = ?", held)


def index_words(base: sqlite3.Connection) -> bool:
    """Within a transaction: index the oldest texts if more than PENDING wait; returns whether that was the case."""
    (waiting,) = base.execute("SELECT count(*) FROM device_rows WHERE NOT indexed").fetchone()
    if waiting <= PENDING:
        return False
    numbers = base.execute(_WAITING, (INDEXED_AT_ONCE,)).fetchall()
    base.executemany(
        "INSERT INTO device_text (rowid, words) SELECT number, words FROM device_rows WHERE number = ?", numbers
    )
    base.executemany("UPDATE device_rows SET indexed = 1 WHERE number = ?", numbers)
    return True


def remove_rows(base: sqlite3.Connection, ids: Iterable[str]) -> None:
    """Remove rows, within a transaction."""
    base.executemany("DELETE FROM device_rows WHERE id = ?", [(name,) for name in ids])


def unlisted(base: sqlite3.Connection) -> bool:
    """Whether there are devices without rows."""
    (found,) = base.execute("SELECT (SELECT count(*) FROM devices) > (SELECT count(*) FROM device_rows)").fetchone()
    return bool(found)


def fill_rows(base: sqlite3.Connection, corrections: dict[str, dict[str, Correction]]) -> None:
    """Make rows of devices without one, within a transaction: after a replay, an upgrade, a repair, or an operator
    change. ``corrections``: all operator values, by key.
    """
    wanted = "SELECT key, first, last, gone, body FROM devices WHERE id NOT IN (SELECT id FROM device_rows)"
    lacking = base.execute(wanted).fetchall()
    for start in range(0, len(lacking), FILLED_AT_ONCE):
        save_rows(
            base,
            [one for row in lacking[start : start + FILLED_AT_ONCE] if (one := _shown(row, corrections)) is not None],
        )
    while index_words(base):
        pass


def _shown(row: tuple[Any, ...], corrections: dict[str, dict[str, Correction]]) -> ListedDevice | None:
    """The row of a device; None for a damaged one: it is reported as broken, and discovered again."""
    key, first, last, gone, body = row
    try:
        return ListedDevice(first, last, bool(gone), onto_body(_BODY.decode(body), corrections.get(key, {})))
    except msgspec.DecodeError:
        return None


def renew_rows(base: sqlite3.Connection, keys: Iterable[str], corrections: dict[str, dict[str, Correction]]) -> None:
    """Make the rows of some devices again, within a transaction."""
    base.executemany(
        "DELETE FROM device_rows WHERE id IN (SELECT id FROM devices WHERE key = ?)", [(key,) for key in keys]
    )
    fill_rows(base, corrections)


def _row(device: ListedDevice) -> tuple[object, ...]:
    body = device.body
    ip, mac = _first(body.get("ips")), _first(body.get("macs"))
    names = [_text(body.get(name)) for name in ("id", "type", "vendor", "model", "hostname")]
    rest = [_text(body.get("criticality")), _text(body.get("owner")), ", ".join(_texts(body.get("tags")))]
    vlan, confidence = body.get("vlan"), body.get("confidence")
    return (
        *names, ip, _address(ip), mac, vlan if isinstance(vlan, int) and 0 <= vlan <= VLAN_MOST else 0, device.first,
        device.last, int(device.gone), *rest,
        float(confidence) if isinstance(confidence, int | float) and 0 <= confidence <= 1 else 0.0, _words(body),
    )  # fmt: skip


def _words(body: Body) -> str:
    """All values of a device as one text for search, case folded."""
    found = dict.fromkeys(one for name, value in body.items() if name not in _SILENT for one in _texts(value))
    return " ".join(found)[:WORDS_LIMIT].casefold()


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
