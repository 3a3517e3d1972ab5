"""Upgrade of the store: keeps a copy, then applies all migrations to the current version, or none. It can only be
undone by restoring the copy.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path

from sensor.inventory.store.schema import MIGRATIONS, VERSION

# Number of copies kept, those with the newest tables.
COPIES = 2


class NotUpgraded(Exception):
    """The store stays unchanged; the message is the reason, for users."""


def upgrade(base: sqlite3.Connection, path: Path, version: int) -> str:
    """Bring the tables to the current version; returns a note, empty if nothing was done. Raises NotUpgraded if that
    fails; then nothing was changed.
    """
    if version == VERSION:
        return ""
    kept = _keep(base, path, version) if version else path
    steps = "\n".join(MIGRATIONS[version:])
    try:
        base.executescript(f"BEGIN IMMEDIATE;\n{steps}\nPRAGMA user_version = {VERSION};\nCOMMIT;")
    except sqlite3.Error as error:
        if base.in_transaction:
            base.execute("ROLLBACK")
        if not version:
            raise
        raise NotUpgraded(
            f"{path}: its tables cannot be upgraded from version {version} to {VERSION}, and are unchanged: {error}"
        ) from None
    return (
        f"{path}: its tables were upgraded to version {VERSION}; {kept.name} is a copy of version {version}"
        if version
        else ""
    )


def _keep(base: sqlite3.Connection, path: Path, version: int) -> Path:
    """Copy the file, replacing an earlier copy of the same version. Raises NotUpgraded if there is no room for it."""
    copy = path.with_name(f"{path.name}.version-{version}")
    new = copy.with_name(copy.name + ".new")
    try:
        new.unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(new)) as target:
            base.backup(target)
        shutil.copymode(path, new)
        new.replace(copy)
    except (OSError, sqlite3.Error) as error:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise NotUpgraded(f"{path}: is not upgraded, because no copy can be stored beside it: {error}") from None
    for old in copies(path)[:-COPIES]:
        old.unlink()
    return copy


def copies(path: Path) -> list[Path]:
    """The copies beside a store, those with the oldest tables first."""
    numbered = {
        int(end): copy
        for copy in path.parent.glob(f"{path.name}.version-*")
        if (end := copy.name.rpartition("-")[2]).isdecimal()
    }
    return [numbered[version] for version in sorted(numbered)]
