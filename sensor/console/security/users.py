"""Users of the console: name, role and password. Repeated failures to log in lock a user for some time."""

from __future__ import annotations

import time
from typing import NamedTuple

from sensor.console.security.keys import ADMIN, READ, WRITE
from sensor.console.security.passwords import hashed, verified
from sensor.console.security.store import Store
from sensor.core.reader import clean
from sensor.views.errors import Malformed, Unknown, one_of

# Role → scope of its sessions.
ROLES = {"viewer": READ, "analyst": WRITE, "administrator": ADMIN}
NAME_LIMIT, MOST = 60, 500
# Prefix of user names from an OpenID provider, so that they never match a local user of the same name.
EXTERNAL = "oidc:"
# Consecutive failures that lock a user, and the duration in seconds.
FAILURES, LOCKED_S = 5, 15 * 60
_SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
    name TEXT PRIMARY KEY, role TEXT, password TEXT, made REAL, failed INTEGER, until REAL, seen REAL
) STRICT
"""
_COLUMNS = "name, role, password != '', made, until, seen"


class User(NamedTuple):
    """``until``: locked until then; ``seen``: last login by password or passkey; seconds since the epoch."""

    name: str
    role: str
    has_password: bool
    made: float
    until: float
    seen: float

    @property
    def locked(self) -> bool:
        return self.until > time.time()


class Users:
    """Users in the database of the console. Thread-safe."""

    def __init__(self, store: Store) -> None:
        """Raises sqlite3.Error or NotReadable if the database cannot be written."""
        self._store = store
        store.create(_SCHEMA)

    def all(self) -> list[User]:
        """All users by name."""
        with self._store.connected() as base:
            return [_user(row) for row in base.execute(f"SELECT {_COLUMNS} FROM users ORDER BY name")]  # noqa: S608

    def get(self, name: str) -> User | None:
        with self._store.connected() as base:
            row = base.execute(f"SELECT {_COLUMNS} FROM users WHERE name = ?", (name,)).fetchone()  # noqa: S608
        return _user(row) if row is not None else None

    def put(self, name: str, role: str) -> str:
        """Add a user or change its role; returns the stored name. Raises Unknown, Malformed; the last administrator
        cannot lose its role.
        """
        one_of("role", [role], ROLES)
        name = clean(name, NAME_LIMIT).strip()
        if not name or name.startswith(EXTERNAL):
            raise Malformed("name", name, f"the name of a user, without {EXTERNAL} at its beginning")
        if role != "administrator":
            self._keep_administrator(name)
        with self._store.connected() as base:
            if base.execute("SELECT count(*) FROM users").fetchone()[0] >= MOST:
                raise Malformed("users", f"{MOST} of them", "fewer: remove one first")
            base.execute(
                "INSERT INTO users VALUES (?, ?, '', ?, 0, 0.0, 0.0)"
                " ON CONFLICT (name) DO UPDATE SET role = excluded.role",
                (name, role, time.time()),
            )
        return name

    def remove(self, name: str) -> None:
        """Remove a user. Raises Unknown; the last administrator cannot be removed."""
        self._keep_administrator(name)
        with self._store.connected() as base:
            if not base.execute("DELETE FROM users WHERE name = ?", (name,)).rowcount:
                raise Unknown("name", name, [user.name for user in self.all()])

    def _keep_administrator(self, name: str) -> None:
        found = [user.name for user in self.all() if user.role == "administrator"]
        if found == [name]:
            raise Malformed("role", f"{name}, the last administrator", "another administrator first")

    def set_password(self, name: str, password: str) -> None:
        """Set a password and unlock the user. Empty: no password, login by link only."""
        with self._store.connected() as base:
            base.execute(
                "UPDATE users SET password = ?, failed = 0, until = 0.0 WHERE name = ?",
                (hashed(password) if password else "", name),
            )

    def check(self, name: str, password: str) -> bool:
        """Whether the password is correct and the user is not locked. Failures count; FAILURES in a row
        lock the user.
        """
        with self._store.connected() as base:
            row = base.execute("SELECT password FROM users WHERE name = ?", (name,)).fetchone()
        return self.settle(name, verified(password, row[0] if row is not None else ""))

    def settle(self, name: str, right: bool) -> bool:
        """Count an attempt to log in as a user. Whether it succeeds: with the right credential, and not locked."""
        now = time.time()
        with self._store.connected() as base:
            row = base.execute("SELECT until FROM users WHERE name = ?", (name,)).fetchone()
            if row is None or row[0] > now:
                return False
            if right:
                base.execute("UPDATE users SET failed = 0, until = 0.0, seen = ? WHERE name = ?", (now, name))
            else:
                base.execute(
                    "UPDATE users SET failed = (failed + 1) % ?, "
                    "until = CASE WHEN failed + 1 >= ? THEN ? ELSE 0.0 END WHERE name = ?",
                    (FAILURES, FAILURES, now + LOCKED_S, name),
                )
        return right


def _user(row: tuple[str, str, int, float, float, float]) -> User:
    return User(row[0], row[1], bool(row[2]), *row[3:])
