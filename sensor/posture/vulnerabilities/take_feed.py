"""Imports a feed from its file or HTTPS URL. Only commands call it: the capture process opens no connection."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from sensor.https import NotFetched
from sensor.posture.vulnerabilities.database import transaction
from sensor.posture.vulnerabilities.download import download
from sensor.posture.vulnerabilities.feeds.records import Progress
from sensor.posture.vulnerabilities.importer import ImportResult, Origin, import_feed, note_trouble

# Opened with what is done and its size in bytes, 0 if unknown; gives a function that takes numbers of bytes.
Reading = Callable[[str, int], AbstractContextManager[Progress]]


def take_feed(
    base: sqlite3.Connection, origin: Origin, folder: Path, moment: str, *, force: bool, reading: Reading
) -> ImportResult | None:
    """Import or download a feed; None if the server reports that it did not change. ``folder``: for the download;
    ``moment``: now, RFC 3339; ``reading`` shows progress. A refusal by the server is the trouble of the outcome, and
    stored with the source. Raises OSError if the download cannot be written, DatabaseError if the database cannot be.
    """
    if "://" not in origin.place:
        return _imported(base, Path(origin.place), origin, moment, force=force, reading=reading)
    try:
        with tempfile.NamedTemporaryFile(prefix="vulnerabilities-", dir=folder) as file:
            with reading(f"downloading {origin.name}", 0) as progress:
                got = download(origin.place, file, etag=origin.etag, modified=origin.modified, progress=progress)
            if got.body is None:
                with transaction(base):
                    base.execute("UPDATE sources SET imported = ? WHERE name = ?", (moment, origin.name))
                return None
            fetched = origin._replace(etag=got.etag, modified=got.modified)
            return _imported(base, Path(file.name), fetched, moment, force=force, reading=reading)
    except NotFetched as error:
        note_trouble(base, origin.name, str(error))
        return ImportResult(origin.name, trouble=str(error))


def _imported(
    base: sqlite3.Connection, path: Path, origin: Origin, moment: str, *, force: bool, reading: Reading
) -> ImportResult:
    """The size of a folder is unknown: reading the sizes of all its files takes long."""
    size = path.stat().st_size if path.is_file() else 0
    with reading(f"importing {origin.name}", size) as progress:
        return import_feed(base, path, origin, moment, force=force, progress=progress)
