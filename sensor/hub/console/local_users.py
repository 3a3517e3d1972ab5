"""Users, sessions and views that a console of an earlier version has in its state folder: they are moved to the hub
once, and the file gets another name. Rows of a name that the hub knows already are not moved: they may be of another
person.
"""

from __future__ import annotations

from pathlib import Path

from sensor.console.security.store import FILE, Base, StateStore, Store
from sensor.hub.console.scopes import EVERY

MOVED = f"{FILE}.moved"
# Table → columns; the first of these columns that it has is the name of a user.
TABLES = {
    "users": ("name", "role", "password", "made", "failed", "until", "seen"),
    "tokens": ("name", "id", "hash", "scope", "made", "until", "used"),
    "sessions": ("name", "hash", "scope", "csrf", "until", "seen"),
    "links": ("name", "hash", "scope", "until"),
    "passkey_users": ("user", "handle"),
    "passkeys": ("user", "id", "party", "name", "key", "counter", "made", "seen"),
    "views": ("owner", "path", "name", "query", "made"),
    "visits": ("name", "dataset", "seq", "seen", "seq_before", "seen_before"),
    "site_scopes": ("name", "site"),
}
# Tables whose rows belong to a name as a person.
_PERSONAL = ("users", "tokens", "sessions", "site_scopes")


def move_users(state: Path, store: Store) -> bool:
    """Move the users of a state folder to the hub; False if there are none. Raises OSError; NotReadable
    if they cannot be read, or the hub cannot be written.
    """
    path = state / FILE
    if not path.is_file():
        return False
    with StateStore(state).connected() as own, store.connected() as base:
        known = {row[0] for table in _PERSONAL for row in base.execute(f"SELECT name FROM {table}")}  # noqa: S608 - our words
        present = {row[0] for row in own.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        for table, columns in TABLES.items():
            if table in present:
                _copy(own, base, table, columns, known)
        if "site_scopes" not in present:
            _keep_earlier(own, base, present, known)
    path.rename(state / MOVED)
    return True


def _copy(own: Base, base: Base, table: str, columns: tuple[str, ...], known: set[str]) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    marks = ", ".join("?" * len(columns))
    # Names of tables and columns are those of TABLES.
    insert = f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608
    for row in own.execute(f"SELECT {names} FROM {table}"):  # noqa: S608
        if table == "views" or row[0] not in known:
            base.execute(insert, row)


def _keep_earlier(own: Base, base: Base, present: set[str], known: set[str]) -> None:
    """In the table of an earlier version, a name without rows had all sites."""
    if "user_sites" not in present:
        return
    limited = own.execute("SELECT name, site FROM user_sites").fetchall()
    tables = [table for table in ("users", "tokens", "sessions", "links", "passkey_users") if table in present]
    names = {row[0] for table in tables for row in own.execute(f'SELECT "{TABLES[table][0]}" FROM {table}')}  # noqa: S608
    every = [(name, EVERY) for name in sorted(names - {name for name, _ in limited})]
    for name, site in (*limited, *every):
        if name not in known:
            base.execute("INSERT INTO site_scopes VALUES (?, ?) ON CONFLICT DO NOTHING", (name, site))
