"""Values of devices that operators set at the hub. Rows are only added, or marked as undone; the newest that is not
undone applies, instead of the value of the sensor. They stay at the hub: a sensor accepts changes only with the
operator's signature, whose key a hub does not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, LiteralString

from psycopg import sql

from sensor.hub.database import Connection
from sensor.hub.views.ids import parsed
from sensor.hub.views.query import Reader, ns_of
from sensor.inventory.corrections import Correction
from sensor.views.errors import Malformed, NotReadable, Unknown

FIELDS = ("owner", "criticality", "tags")
TEXT_LIMIT = 500
# Changes of a device that are listed, and that may be made at once.
SHOWN, AT_ONCE = 200, 4_000
_ADD: LiteralString = """
INSERT INTO device_values (sensor, device, field, value, author, reason)
SELECT d.sensor, d.id, %(field)s, %(value)s, %(author)s, %(reason)s FROM devices d
WHERE d.sensor = %(sensor)s AND d.id = %(device)s AND (%(sites)s::text[] IS NULL OR d.site = ANY (%(sites)s))
RETURNING number"""
_UNDO: LiteralString = """
UPDATE device_values v SET undone = true FROM devices d
WHERE v.number = %(number)s AND NOT v.undone AND d.sensor = v.sensor AND d.id = v.device
    AND (%(sites)s::text[] IS NULL OR d.site = ANY (%(sites)s))
RETURNING v.field, v.value"""
_OF_DEVICE = sql.SQL("""
SELECT number, field, value, author, reason, at, undone FROM device_values
WHERE (sensor, device) IN (SELECT s.sensor, s.device FROM sightings_of(%(sensor)s, %(device)s) s)
ORDER BY number DESC LIMIT {limit}""")
_FOLLOW: LiteralString = """
UPDATE device_values v SET device = h.id FROM devices d JOIN devices h ON h.sensor = d.sensor AND h.id = d.merged
WHERE d.sensor = v.sensor AND d.id = v.device AND d.merged <> ''"""


class DeviceValues:
    """Changes by an author to devices of ``sites``; None: of all. Within a transaction that may write."""

    def __init__(self, base: Connection, author: str, sites: Sequence[str] | None = None) -> None:
        self.author = author
        self._base, self._sites = base, None if sites is None else list(sites)

    def correct(self, corrections: Iterable[Correction]) -> list[str]:
        """Add values by the devices' ids at the hub; returns the number of each. Raises Unknown for a device that is
        not there; Malformed for a field that only a sensor has.
        """
        return [self._add(one) for one in corrections]

    def order(self, action: str, key: str, other: str, reason: str) -> str:
        """Raises NotReadable."""
        raise NotReadable(f"only the sensor can {action} devices: open its own console")

    def undo(self, number: str) -> str:
        """Undo a value by its number; returns a description of it. Raises Unknown."""
        row = self._base.execute(_UNDO, {"number": _number(number), "sites": self._sites}).fetchone()
        if row is None:
            raise Unknown("number", number, ())
        return f"{row[0]}={row[1]}"

    def _add(self, one: Correction) -> str:
        if one.field not in FIELDS:
            raise Malformed("field", one.field, f"one of {', '.join(FIELDS)}: the others are set at the sensor")
        sensor, device = parsed(one.key)
        texts = {"value": one.value, "author": self.author, "reason": one.reason}
        values = {name: text[:TEXT_LIMIT].replace("\0", "") for name, text in texts.items()}
        place = {"sensor": sensor, "device": device, "field": one.field, "sites": self._sites}
        row = self._base.execute(_ADD, values | place).fetchone()
        if row is None:
            raise Unknown("id", one.key, ())
        return str(row[0])


def values_of(reader: Reader, sensor: int, device: str, key: str) -> list[tuple[Correction, bool]]:
    """The latest changes of a device, newest first, and whether each is undone. ``key``: its id at the hub."""
    rows = reader.rows(_OF_DEVICE.format(limit=SHOWN), {"sensor": sensor, "device": device})
    return [(_correction(key, *row[:6]), row[6]) for row in rows]


def follow_mergers(base: Connection) -> int:
    """Give the values of devices that were merged to the devices that remain; returns their number."""
    return base.execute(_FOLLOW).rowcount


def _correction(key: str, number: int, field: str, value: str, author: str, reason: str, at: Any) -> Correction:
    return Correction(key, field, value, author, ns_of(at), reason, number)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Malformed("number", text, "the number of a change, such as 12")
    return int(text)
