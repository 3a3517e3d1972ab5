"""Imports a feed from its file or HTTPS URL. Only commands call it: the capture process opens no connection."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

from sensor.https import NotFetched
from sensor.posture.vulnerabilities.download import download
from sensor.posture.vulnerabilities.importer import ImportResult, Origin, import_feed


def take_feed(
    base: sqlite3.Connection, origin: Origin, folder: Path, moment: str, *, force: bool
) -> ImportResult | None:
    """Import or download a feed; None if the server reports that it did not change. ``folder``: for the download;
    ``moment``: now, RFC 3339. A refusal by the server is the trouble of the outcome, and stored with the source. Raises
    OSError if the download cannot be written, DatabaseError if the database cannot be.
    """
    if "://" not in origin.place:
        return import_feed(base, Path(origin.place), origin, moment, force=force)
    try:
        with tempfile.NamedTemporaryFile(prefix="vulnerabilities-", dir=folder) as file:
            got = download(origin.place, file, etag=origin.etag, modified=origin.modified)
            if got.body is None:
                base.execute("UPDATE sources SET imported = ? WHERE name = ?", (moment, origin.name))
                return None
            fetched = origin._replace(etag=got.etag, modified=got.modified)
            return import_feed(base, Path(file.name), fetched, moment, force=force)
    except NotFetched as error:
        base.execute("UPDATE sources SET trouble = ? WHERE name = ?", (str(error), origin.name))
        return ImportResult(origin.name, trouble=str(error))
