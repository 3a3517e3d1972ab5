"""Credentials of the console: one-time links, sessions and tokens. Only hashes of secrets are
stored.

A secret has 256 random bits, so that its unsalted hash can be neither guessed nor reversed.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import time
from typing import NamedTuple

from sensor.console.security.store import Store
from sensor.views.errors import NotReadable

READ, WRITE, ADMIN = "read", "write", "admin"
SCOPES = (READ, WRITE, ADMIN)
PREFIX = "sensor_"
# Lifetimes in seconds: of an unused link, of an idle session, of any session.
LINK_S, IDLE_S, SESSION_S = 15 * 60, 12 * 3600, 7 * 24 * 3600
_SCHEMA = """
CREATE TABLE IF NOT EXISTS links (hash TEXT PRIMARY KEY, name TEXT, scope TEXT, until REAL) STRICT;
CREATE TABLE IF NOT EXISTS sessions (
    hash TEXT PRIMARY KEY, name TEXT, scope TEXT, csrf TEXT, until REAL, seen REAL
) STRICT;
CREATE TABLE IF NOT EXISTS tokens (
    id TEXT PRIMARY KEY, hash TEXT UNIQUE, name TEXT, scope TEXT, made REAL, until REAL, used REAL
) STRICT;
"""


class RequestUser(NamedTuple):
    """The user of a request. ``scope``: permissions; ``csrf``: token in the forms of its session, empty for an API
    token.
    """

    name: str
    scope: str
    csrf: str = ""

    @property
    def may_write(self) -> bool:
        return self.scope in (WRITE, ADMIN)

    @property
    def may_manage(self) -> bool:
        """Whether it may manage users and their permissions."""
        return self.scope == ADMIN


class Token(NamedTuple):
    """Times in seconds since the epoch; ``used``: 0 if never used."""

    id: str
    name: str
    scope: str
    made: float
    until: float
    used: float


class Keys:
    """Thread-safe."""

    def __init__(self, store: Store) -> None:
        """Raises sqlite3.Error or NotReadable if the database cannot be written."""
        self._store = store
        store.create(_SCHEMA)

    def link(self, name: str, scope: str) -> str:
        """Create a one-time link; returns its secret."""
        secret, now = secrets.token_urlsafe(32), time.time()
        with self._store.connected() as base:
            base.execute("DELETE FROM links WHERE until < ?", (now,))
            base.execute("INSERT INTO links VALUES (?, ?, ?, ?)", (hashed(secret), name, scope, now + LINK_S))
        return secret

    def peek(self, secret: str) -> str:
        """The user name of a link; empty if it is used, expired or unknown."""
        with self._store.connected() as base:
            row = base.execute(
                "SELECT name FROM links WHERE hash = ? AND until >= ?", (hashed(secret), time.time())
            ).fetchone()
        return str(row[0]) if row else ""

    def begin(self, secret: str) -> str:
        """Use a link; returns the secret of the new session, empty if the link is not valid."""
        with self._store.connected() as base:
            row = base.execute(
                "DELETE FROM links WHERE hash = ? RETURNING name, scope, until", (hashed(secret),)
            ).fetchone()
        return self.open(row[0], row[1]) if row is not None and row[2] >= time.time() else ""

    def open(self, name: str, scope: str, lasts: float = SESSION_S) -> str:
        """Start a session; returns its secret. ``lasts``: lifetime in seconds."""
        now, session = time.time(), secrets.token_urlsafe(32)
        with self._store.connected() as base:
            base.execute("DELETE FROM sessions WHERE until < ? OR seen < ?", (now, now - IDLE_S))
            values = (hashed(session), name, scope, secrets.token_urlsafe(32), now + lasts, now)
            base.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)", values)
        return session

    def session(self, secret: str) -> RequestUser | None:
        """The user of a session; None if it has ended."""
        now, key = time.time(), hashed(secret)
        with self._store.connected() as base:
            row = base.execute("SELECT name, scope, csrf, until, seen FROM sessions WHERE hash = ?", (key,)).fetchone()
        if row is None or row[3] < now or row[4] < now - IDLE_S:
            return None
        if row[4] < now - 60:
            self._note_use("UPDATE sessions SET seen = ? WHERE hash = ?", now, key)
        return RequestUser(*row[:3])

    def end(self, secret: str) -> None:
        """Log out."""
        with self._store.connected() as base:
            base.execute("DELETE FROM sessions WHERE hash = ?", (hashed(secret),))

    def end_all(self, name: str, but: str = "") -> None:
        """End the sessions and links of a user. ``but``: secret of a session that continues."""
        with self._store.connected() as base:
            base.execute("DELETE FROM sessions WHERE name = ? AND hash != ?", (name, hashed(but)))
            base.execute("DELETE FROM links WHERE name = ?", (name,))

    def rescope(self, name: str, scope: str) -> None:
        """Change the permissions of a user's open sessions."""
        with self._store.connected() as base:
            base.execute("UPDATE sessions SET scope = ? WHERE name = ?", (scope, name))
            base.execute("DELETE FROM links WHERE name = ?", (name,))

    def add_token(self, name: str, scope: str, days: float) -> tuple[str, str]:
        """Create an API token; returns its id and its secret, which is shown once."""
        number, secret, now = f"token-{secrets.token_hex(4)}", PREFIX + secrets.token_urlsafe(32), time.time()
        with self._store.connected() as base:
            base.execute(
                "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, 0.0)",
                (number, hashed(secret), name, scope, now, now + days * 86400),
            )
        return number, secret

    def tokens(self) -> list[Token]:
        """All tokens, including expired ones."""
        with self._store.connected() as base:
            return [
                Token(*row)
                for row in base.execute("SELECT id, name, scope, made, until, used FROM tokens ORDER BY made")
            ]

    def revoke(self, number: str) -> bool:
        """Revoke a token; False if the id does not exist."""
        with self._store.connected() as base:
            return base.execute("DELETE FROM tokens WHERE id = ?", (number,)).rowcount == 1

    def token(self, secret: str) -> RequestUser | None:
        """The user of a token; None if it is unknown or expired."""
        now, key = time.time(), hashed(secret)
        with self._store.connected() as base:
            row = base.execute("SELECT name, scope, until, used FROM tokens WHERE hash = ?", (key,)).fetchone()
        if row is None or row[2] < now:
            return None
        if row[3] < now - 60:
            self._note_use("UPDATE tokens SET used = ? WHERE hash = ?", now, key)
        return RequestUser(*row[:2])

    def _note_use(self, update: str, now: float, key: str) -> None:
        """On a full disk, pages and requests that only read must go on."""
        with contextlib.suppress(NotReadable), self._store.connected() as base:
            base.execute(update, (now, key))


def hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
