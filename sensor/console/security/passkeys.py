"""Passkeys of users: the public keys, in the database of the console. They are no secrets."""

from __future__ import annotations

import base64
import secrets
import time
from typing import Any, NamedTuple

from sensor.console.security.relying_party import Registered
from sensor.console.security.store import Store
from sensor.core.reader import clean
from sensor.views.errors import Malformed, Unknown

# Limits: of passkeys of a user, and of the characters of a name.
MOST, NAME_LIMIT = 20, 60
# Bytes of a user handle (Web Authentication Level 3, 14.6.1: random, without personal data).
HANDLE = 32
_SCHEMA = """
CREATE TABLE IF NOT EXISTS passkey_users ("user" TEXT PRIMARY KEY, handle BLOB) STRICT;
CREATE TABLE IF NOT EXISTS passkeys (
    id TEXT PRIMARY KEY, "user" TEXT, party TEXT, name TEXT, key BLOB, counter INTEGER, made REAL, seen REAL
) STRICT;
"""
_SELECT = (
    'SELECT id, "user", handle, party, name, key, counter, made, seen FROM passkeys '
    'LEFT JOIN passkey_users USING ("user") '
)


class Passkey(NamedTuple):
    """``id``: of the credential, base64url; ``party``: RP ID that it was registered for; ``seen``: last login; times in
    seconds since the epoch, 0 for never.
    """

    id: str
    user: str
    handle: bytes
    party: str
    name: str
    key: bytes
    counter: int
    made: float
    seen: float


class Passkeys:
    """Thread-safe."""

    def __init__(self, store: Store) -> None:
        """Raises sqlite3.Error or NotReadable if the database cannot be written."""
        self._store = store
        store.create(_SCHEMA)

    def of(self, user: str) -> list[Passkey]:
        """The passkeys of a user, oldest first."""
        with self._store.connected() as base:
            rows = base.execute(_SELECT + 'WHERE "user" = ? ORDER BY made', (user,)).fetchall()
        return [_passkey(row) for row in rows]

    def counts(self) -> dict[str, int]:
        """The number of passkeys by user."""
        with self._store.connected() as base:
            return dict(base.execute('SELECT "user", count(*) FROM passkeys GROUP BY 1'))

    def any(self, party: str) -> bool:
        """Whether any user has a passkey for a relying party."""
        with self._store.connected() as base:
            return base.execute("SELECT 1 FROM passkeys WHERE party = ? LIMIT 1", (party,)).fetchone() is not None

    def get(self, credential: bytes) -> Passkey | None:
        with self._store.connected() as base:
            row = base.execute(_SELECT + "WHERE id = ?", (text_of(credential),)).fetchone()
        return _passkey(row) if row is not None else None

    def handle(self, user: str) -> bytes:
        """The handle by which authenticators know a user."""
        with self._store.connected() as base:
            base.execute(
                "INSERT INTO passkey_users VALUES (?, ?) ON CONFLICT DO NOTHING", (user, secrets.token_bytes(HANDLE))
            )
            row = base.execute('SELECT handle FROM passkey_users WHERE "user" = ?', (user,)).fetchone()
        return bytes(row[0])

    def add(self, user: str, party: str, name: str, made: Registered) -> None:
        """Add a passkey. Raises Malformed if it exists, or if the user has too many."""
        if len(self.of(user)) >= MOST:
            raise Malformed("passkeys", f"{MOST} of them", "fewer: remove one first")
        if self.get(made.id) is not None:
            raise Malformed("passkey", "one that is registered", "another authenticator")
        row = (text_of(made.id), user, party, clean(name, NAME_LIMIT).strip() or "passkey", made.key)
        with self._store.connected() as base:
            base.execute("INSERT INTO passkeys VALUES (?, ?, ?, ?, ?, ?, ?, 0.0)", (*row, made.counter, time.time()))

    def used(self, passkey: str, counter: int) -> None:
        """Store the signature counter and the time of a login."""
        with self._store.connected() as base:
            base.execute("UPDATE passkeys SET counter = ?, seen = ? WHERE id = ?", (counter, time.time(), passkey))

    def remove(self, user: str, passkey: str) -> None:
        """Remove a passkey of a user. Raises Unknown."""
        with self._store.connected() as base:
            if not base.execute('DELETE FROM passkeys WHERE "user" = ? AND id = ?', (user, passkey)).rowcount:
                raise Unknown("passkey", passkey, [one.name for one in self.of(user)])

    def remove_all(self, user: str) -> None:
        """Remove the passkeys of a user and its handle: another user of the same name gets a new one."""
        with self._store.connected() as base:
            base.execute('DELETE FROM passkey_users WHERE "user" = ?', (user,))
            base.execute('DELETE FROM passkeys WHERE "user" = ?', (user,))


def _passkey(row: tuple[Any, ...]) -> Passkey:
    return Passkey(row[0], row[1], bytes(row[2] or b""), row[3], row[4], bytes(row[5]), *row[6:])


def bytes_of(passkey: str) -> bytes:
    """The bytes of a stored credential id."""
    return base64.urlsafe_b64decode(passkey + "=" * (-len(passkey) % 4))


def text_of(credential: bytes) -> str:
    return base64.urlsafe_b64encode(credential).rstrip(b"=").decode()
