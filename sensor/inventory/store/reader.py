"""The store as commands and the console read it: devices as records show them, operator values applied, and all details
of one device.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from sensor.core.device import Lease
from sensor.core.record_parts import Body, claim_body, time_text
from sensor.core.service_names import service_text
from sensor.inventory.corrections import FIELDS, Correction, evidence_of, onto_body
from sensor.inventory.facts import claims_of, states_of
from sensor.inventory.habits import Habits, StoredHabits
from sensor.inventory.rules import ANYBODY, Rule
from sensor.inventory.state import DeviceState
from sensor.inventory.store.database import FILE, StoreError, look_into, other_version
from sensor.inventory.store.operator_values import corrections_of, rules_of
from sensor.inventory.store.schema import VERSION
from sensor.inventory.store.store import WATCHED

HISTORY_SHOWN = 100

_STATE = msgspec.json.Decoder(DeviceState)
_BODY = msgspec.json.Decoder(dict[str, Any])
_HABITS = msgspec.json.Decoder(StoredHabits)


class Reader:
    """A store, which the sensor may be writing at the same time."""

    def __init__(self, folder: Path, base: sqlite3.Connection | None = None) -> None:
        """``base``: a connection that the caller has opened and checked, and closes. Raises StoreError if there is no
        readable store.
        """
        self.path = folder / FILE
        if base is not None:
            self._base, self._corrections = base, corrections_of(base)
            return
        if not self.path.is_file():
            raise StoreError(f"{self.path}: no inventory yet")
        try:
            self._base = look_into(self.path)
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}") from None
        try:
            self._corrections = self._checked()
        except BaseException:
            self._base.close()
            raise

    def _checked(self) -> dict[str, dict[str, Correction]]:
        """The values of operators, if the tables are those of this version."""
        try:
            (version,) = self._base.execute("PRAGMA user_version").fetchone()
            if version == VERSION:
                return corrections_of(self._base)
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}") from None
        raise StoreError(other_version(self.path, version))

    def close(self) -> None:
        self._base.close()

    def records(self) -> Iterator[Body]:
        """Every device as a record of its current state: time, action (``gone``, or ``known``), key and device. Raises
        StoreError if the store is damaged.
        """
        try:
            for row in self._base.execute("SELECT key, last, gone, body FROM devices ORDER BY last"):
                yield self._record(row)
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise StoreError(f"{self.path}: {error}") from None

    def _record(self, row: sqlite3.Row) -> Body:
        body = onto_body(_BODY.decode(row["body"]), self._corrections.get(row["key"], {}))
        return {
            "ts": time_text(row["last"]),
            "kind": "device",
            "action": "gone" if row["gone"] else "known",
            "key": row["key"],
            "device": body,
        }

    def key(self, device: str) -> str:
        """The key of a device by its id."""
        row = self._base.execute("SELECT key FROM devices WHERE id = ?", (device,)).fetchone()
        return str(row[0]) if row else ""

    def merged(self) -> dict[str, str]:
        """Id of a merged device → id of the device it was merged into."""
        gone = (
            "SELECT lost, kept FROM mergers WHERE NOT undone AND lost NOT IN (SELECT id FROM devices) ORDER BY number"
        )
        return dict(self._base.execute(gone).fetchall())

    def details(self, device: str) -> Body:
        """All details of one device: its record with ``evidence``, ``leases``, ``used``, ``neighbours``, ``history``
        and ``said``. Raises StoreError if they are damaged.
        """
        try:
            return self._details(device)
        except (sqlite3.Error, msgspec.DecodeError) as error:
            what = f"the data of {device} is damaged ({error}); restore a backup: `sensor restore`"
            raise StoreError(f"{self.path}: {what}") from None

    def _details(self, device: str) -> Body:
        row = self._base.execute("SELECT key, last, gone, body, state FROM devices WHERE id = ?", (device,)).fetchone()
        if row is None:
            return {}
        state = _STATE.decode(row["state"])
        return {
            **self._record(row),
            "evidence": [
                claim_body(evidence_of(correction)) for correction in self._corrections.get(row["key"], {}).values()
            ]
            + list(_claims(state)),
            "leases": [
                _lease(one)
                for one in self._base.execute("SELECT * FROM leases WHERE device = ? ORDER BY number", (device,))
            ],
            "used": [service_text(service) for service in sorted(state.used)],
            "neighbours": [one._asdict() | {"last": time_text(one.last)} for one in state.neighbours],
            "history": self.history(device),
            "said": [_word(correction) for correction in self._corrections.get(row["key"], {}).values()],
        }

    def leases(self, ips: Iterable[str]) -> dict[str, list[Lease]]:
        """The devices that have or had these addresses, the latest first. Raises StoreError if the store is damaged."""
        wanted = """SELECT address, device, first, last, held FROM leases
        WHERE address IN (SELECT value FROM json_each(?)) ORDER BY number DESC"""
        found: dict[str, list[Lease]] = {}
        try:
            for ip, device, first, last, held in self._base.execute(wanted, (msgspec.json.encode([*ips]).decode(),)):
                found.setdefault(ip, []).append(Lease(device, first, last, bool(held)))
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}") from None
        return found

    def habits(self) -> Iterator[tuple[str, Habits]]:
        """The learned data of each device by its id, except what is about to be forgotten. Raises StoreError if the
        store is damaged.
        """
        forgotten = {
            row[0]
            for row in self._base.execute(
                "SELECT key FROM words WHERE field = 'forget' AND value = '' AND state = 'pending'"
            )
        }
        if ANYBODY in forgotten:
            return
        try:
            for row in self._base.execute(
                "SELECT devices.key, device, habits FROM baseline JOIN devices ON devices.id = baseline.device"
            ):
                if row["key"] not in forgotten:
                    yield row["device"], Habits.of(_HABITS.decode(row["habits"]))
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise StoreError(f"{self.path}: {error}") from None

    def watched(self) -> tuple[int, int]:
        """Start of monitoring, moved later by all pauses, and its end (ns); 0 if nothing was learned."""
        row = self._base.execute("SELECT value FROM meta WHERE name = ?", (WATCHED,)).fetchone()
        since, _, last = str(row[0] if row else "0 0").partition(" ")
        return int(since), int(last)

    def rules(self) -> list[Rule]:
        """The operator's rules."""
        return rules_of(self._base)

    def history(self, device: str) -> list[Body]:
        """The records of a device and its operator changes, in order of time."""
        events = self._base.execute(
            "SELECT * FROM history WHERE device = ? ORDER BY number DESC LIMIT ?", (device, HISTORY_SHOWN)
        ).fetchall()
        entries = [
            {
                "ts": time_text(one["ts"]),
                "what": one["action"],
                "changes": _BODIES.decode(one["changes"]),
                "reason": one["reason"],
            }
            for one in events
        ]
        changes = self._base.execute(
            "SELECT * FROM words WHERE key = ? ORDER BY number DESC LIMIT ?", (self.key(device), HISTORY_SHOWN)
        ).fetchall()
        entries += [
            {"ts": time_text(one["ts"]), "number": str(one["number"]), "what": _what(one["field"], one["value"])}
            | {name: one[name] for name in ("author", "reason", "state")}
            for one in changes
        ]
        mergers = self._base.execute(
            "SELECT * FROM mergers WHERE kept = ? ORDER BY number DESC LIMIT ?", (device, HISTORY_SHOWN)
        ).fetchall()
        entries += [
            {
                "ts": time_text(one["ts"]),
                "number": f"m{one['number']}",
                "what": f"one with {one['lost']}",
                "reason": one["reason"],
            }
            | ({"state": "undone"} if one["undone"] else {})
            for one in mergers
        ]
        entries.reverse()
        return sorted(entries, key=lambda one: str(one["ts"]))


def _what(field: str, value: str) -> str:
    """An operator change as text; orders and rules do not concern a field of a device."""
    return f"{field}={value}" if field in FIELDS else f"{field} {value}".rstrip()


_BODIES = msgspec.json.Decoder(list[dict[str, Any]])


def _claims(state: DeviceState) -> Iterator[Body]:
    """Each claim of each fact, as records show it."""
    for fact in states_of(state.facts):
        seen = {"count": fact.count, "first": time_text(fact.first), "last": time_text(fact.last)}
        for attribute, value, confidence, fingerprint, family in claims_of(bytes(fact.claims)):
            claim = {
                "attribute": attribute,
                "value": value,
                "observation": fact.kind,
                "seen": fact.value,
                "fingerprint": fingerprint,
                "family": family,
            }
            yield claim | {"confidence": round(confidence, 3)} | seen


def _lease(row: sqlite3.Row) -> Body:
    return {
        "address": row["address"],
        "from": time_text(row["first"]),
        "to": time_text(row["last"]),
        "held": bool(row["held"]),
    }


def _word(correction: Correction) -> Body:
    return {
        "number": correction.number,
        "field": correction.field,
        "value": correction.value,
        "author": correction.author,
        "ts": time_text(correction.ts),
        "reason": correction.reason,
    }
