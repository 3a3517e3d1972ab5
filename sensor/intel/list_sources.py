"""The lists in the state folder (``intel/``): their sources, in ``lists.yaml``, and their content as last fetched, in
NAME.list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from sensor.core.model import Check, Field, Model
from sensor.documents import Moment, each_once, load_document, write_entries
from sensor.intel.indicator import FIELD_LIMIT
from sensor.intel.names import ALLOW, SUFFIX

FILE = "lists.yaml"
HEADING = (
    "# Sources of the threat lists in this folder. `sensor intel` writes this file; you may edit it. Times are UTC.\n"
)
NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"
TEXT_LIMIT = 1024
# Days without an update after which a list is stale.
STALE_DAYS = 7
DAY = 86_400


def _reachable(source: str) -> str:
    if re.match(r"[a-z][a-z0-9+.-]+://", source, re.IGNORECASE) and not (
        source.lower().startswith("https://") and urlsplit(source).hostname
    ):
        raise ValueError(f"found {source!r}, expected an https:// URL or a file")
    return source


class ListSource(Model):
    """One list. ``source``: an HTTPS URL or a file; ``header_file``: a file with request headers, including API keys;
    ``category`` and ``confidence`` (0 to 100) if the list has none; ``keep_days``: validity of an entry after the list
    was last fetched (0: as the list states).

    Updates set the rest: times of addition and update, version according to the server, entries, and last error.
    """

    name: str = Field(pattern=NAME)
    source: Annotated[str, Check(_reachable)] = Field(min_length=1, max_length=TEXT_LIMIT)
    header_file: str = Field("", max_length=TEXT_LIMIT)
    category: str = Field("", max_length=FIELD_LIMIT)
    confidence: int | None = Field(None, ge=0, le=100)
    keep_days: int = Field(0, ge=0, le=3650)
    added: Moment = ""
    fetched: Moment = ""
    etag: str = Field("", max_length=TEXT_LIMIT)
    modified: str = Field("", max_length=TEXT_LIMIT)
    entries: int = Field(0, ge=0)
    trouble: str = Field("", max_length=TEXT_LIMIT)

    @property
    def is_url(self) -> bool:
        return self.source.lower().startswith("https://")

    @property
    def allows(self) -> bool:
        """Whether it overrides other lists."""
        return self.name.startswith(ALLOW)

    def path(self, folder: Path) -> Path:
        """Path of its entries."""
        return folder / f"{self.name}{SUFFIX}"


def _each_once(lists: list[ListSource]) -> list[ListSource]:
    each_once([one.name for one in lists], "the list")
    return lists


class Document(Model):
    """The file."""

    lists: Annotated[list[ListSource], Check(_each_once)] = []


def load_sources(folder: Path) -> list[ListSource]:
    """The lists of a folder; empty without a file. Raises DocumentErrors with all faults."""
    path = folder / FILE
    return load_document(path, Document).lists if path.exists() else []


def save_sources(folder: Path, lists: Iterable[ListSource]) -> None:
    """Replace the file atomically. Raises OSError if it cannot be written."""
    entries = [
        {
            name: value
            for name, value in one.model_dump().items()
            if value not in ("", None) and (name, value) != ("keep_days", 0)
        }
        for one in lists
    ]
    write_entries(folder / FILE, HEADING, "lists", entries)


def save_source(folder: Path, one: ListSource) -> None:
    """Store one list, keeping concurrent changes of others."""
    others = load_sources(folder)
    known = [one if each.name == one.name else each for each in others]
    save_sources(folder, known if one in known else [*known, one])


def name_of(source: str, *, allow: bool = False) -> str:
    """A default name for a list, from its source."""
    path = urlsplit(source).path if "://" in source else source
    stem = re.sub(r"[^a-z0-9._-]+", "-", Path(path.rstrip("/")).name.partition(".")[0].lower()).strip("-._") or "list"
    stem = stem[:48]
    return f"{ALLOW}-{stem}" if allow and not stem.startswith(ALLOW) else stem


def state_of(one: ListSource, folder: Path, now: float) -> str:
    """Status of a list as text. ``now``: seconds since the epoch."""
    if one.trouble:
        return f"trouble: {one.trouble}"
    if not one.path(folder).is_file():
        if one.is_url and not one.fetched:
            return "waiting: `sensor intel update` downloads it"
        return "failed: its entries are missing; download the list again"
    if one.is_url and one.fetched:
        age = now - datetime.fromisoformat(one.fetched).timestamp()
        if age > STALE_DAYS * DAY:
            return f"stale: not updated for {int(age // DAY)} days"
    return "allows" if one.allows else "current"
