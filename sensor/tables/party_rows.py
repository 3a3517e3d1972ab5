"""The parties of alerts as rows: one row per party, and the alerts that it took part in."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from sensor.core.bounded import Bounded
from sensor.tables.lines import Party, address_bytes

# Number of parties whose row numbers are cached between batches, and the same for bulk loads.
KEPT, KEPT_MUCH = 16_384, 262_144

_STORED = """
SELECT parties.number, ip, mac, device, name, vlan FROM json_each(?) AS one CROSS JOIN parties
ON ip = one.value ->> 0 AND mac = one.value ->> 1 AND device = one.value ->> 2 AND name = one.value ->> 3
AND vlan = one.value ->> 4
"""
_PARTY = "INSERT INTO parties (number, ip, mac, device, name, vlan, address) VALUES (?, ?, ?, ?, ?, ?, ?)"


class PartyRows:
    """Writes parties. Data cached between batches is only a copy of the tables."""

    def __init__(self, base: sqlite3.Connection, *, much: bool) -> None:
        self._base = base
        (self._last,) = base.execute("SELECT coalesce(max(number), 0) FROM parties").fetchone()
        self._numbers: Bounded[Party, int] = Bounded(KEPT_MUCH if much else KEPT)
        # Whether all stored parties are cached.
        self._all = not self._last

    def save(self, parties: Sequence[Party], roles: Sequence[tuple[int, int, int]]) -> None:
        """``roles``: number of an alert, role, and index of the party in ``parties``, which are all distinct."""
        remembered = self._numbers.get
        numbers = [remembered(party) for party in parties]
        missing = [party for party, number in zip(parties, numbers, strict=True) if number is None]
        found = self._numbered(missing) if missing else {}
        known = [number or found[party] for party, number in zip(parties, numbers, strict=True)]
        rows = [(alert, role, known[place]) for alert, role, place in roles]
        self._base.executemany("INSERT OR IGNORE INTO alert_parties VALUES (?, ?, ?)", rows)

    def _numbered(self, parties: list[Party]) -> dict[Party, int]:
        """Row numbers of parties that are not cached; new parties get the next numbers."""
        stored = {} if self._all else self._stored(parties)
        # In the order of their index, which speeds up the insert.
        unknown = sorted(party for party in parties if party not in stored)
        new = {party: number for number, party in enumerate(unknown, self._last + 1)}
        self._base.executemany(_PARTY, [(number, *party, address_bytes(party[0])) for party, number in new.items()])
        self._last += len(new)
        for party, number in (stored | new).items():
            self._all = self._numbers.put(party, number) is None and self._all
        return stored | new

    def _stored(self, parties: list[Party]) -> dict[Party, int]:
        wanted = msgspec.json.encode(parties).decode()
        return {tuple(rest): number for number, *rest in map(tuple, self._base.execute(_STORED, (wanted,)))}
