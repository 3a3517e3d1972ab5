"""What several consoles of a hub share, in its database: users and sessions, the audit log, undo, and passkey
challenges. So a load balancer may send each request to another console.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from psycopg.sql import SQL

from sensor.console.security.audit import Audit
from sensor.console.security.challenges import Challenges
from sensor.console.security.store import Base, Rows, Store
from sensor.console.settings import Shared
from sensor.console.undo import CompletedWrite, Undo
from sensor.hub.console.connections import Connections
from sensor.hub.database import Connection

# Seconds for which a write can be undone.
UNDONE_S = 24 * 3600.0


class HubStore:
    """``sensor.console.security.store.Store`` in the schema ``console`` of the hub's database."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def create(self, schema: str) -> None:
        """The tables are a part of the hub's schema."""

    @contextlib.contextmanager
    def connected(self) -> Iterator[Base]:
        """A transaction. Raises NotReadable."""
        with self._connections.transaction() as base:
            base.execute("SET LOCAL search_path TO console")
            yield _Portable(base)


class _Portable:
    """Statements of ``Base`` for PostgreSQL. Text can contain neither NUL nor surrogates there."""

    def __init__(self, base: Connection) -> None:
        self._base = base

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Rows:
        text = statement.replace("%", "%%").replace("?", "%s")
        return self._base.execute(text.encode(), [_storable(value) for value in values])


def _storable(value: Any) -> Any:
    return value.replace("\0", "").encode("utf-8", "replace").decode() if isinstance(value, str) else value


class HubAudit(Audit):
    """The audit log of all consoles."""

    place = "all consoles of this hub"

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(self, line: bytes) -> None:
        with self._store.connected() as base:
            base.execute("INSERT INTO audit (entry) VALUES (?)", (line.decode(),))

    def lines(self, most: int) -> list[bytes]:
        with self._store.connected() as base:
            rows = base.execute("SELECT entry FROM audit ORDER BY number DESC LIMIT ?", (most,)).fetchall()
        return [row[0].encode() for row in rows]


class SharedUndo(Undo):
    """The last writes, by name."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, name: str, done: CompletedWrite) -> None:
        now = time.time()
        with self._store.connected() as base:
            base.execute("DELETE FROM undo WHERE until < ?", (now,))
            body = msgspec.json.encode(done).decode()
            base.execute("INSERT INTO undo VALUES (?, ?, ?, ?)", (name, done.who, body, now + UNDONE_S))

    def look(self, name: str, who: str) -> CompletedWrite | None:
        return self._read("SELECT body FROM undo WHERE name = ? AND who = ? AND until >= ?", name, who)

    def take(self, name: str, who: str) -> CompletedWrite | None:
        return self._read("DELETE FROM undo WHERE name = ? AND who = ? AND until >= ? RETURNING body", name, who)

    def _read(self, statement: str, name: str, who: str) -> CompletedWrite | None:
        with self._store.connected() as base:
            row = base.execute(statement, (name, who, time.time())).fetchone()
        return msgspec.json.decode(row[0], type=CompletedWrite) if row is not None else None


class SharedChallenges(Challenges):
    """Challenges that any console of the hub issues and accepts, once among all of them."""

    def __init__(self, key: bytes, store: Store) -> None:
        super().__init__(key)
        self._store = store

    def spend(self, challenge: bytes, until: int, now: int) -> bool:
        with self._store.connected() as base:
            base.execute("DELETE FROM challenges WHERE until <= ?", (now,))
            inserted = "INSERT INTO challenges VALUES (?, ?) ON CONFLICT DO NOTHING"
            return base.execute(inserted, (challenge, until)).rowcount == 1


def shared_of(connections: Connections) -> Shared:
    """Raises NotReadable."""
    store = HubStore(connections)
    with connections.transaction() as base:
        base.execute(
            SQL("INSERT INTO console.secrets VALUES ('console', %s) ON CONFLICT DO NOTHING"), [secrets.token_bytes(32)]
        )
        [(key,)] = base.execute(SQL("SELECT value FROM console.secrets WHERE name = 'console'")).fetchall()
    secret = bytes(key)
    return Shared(store, HubAudit(store), SharedUndo(store), SharedChallenges(secret, store), secret)
