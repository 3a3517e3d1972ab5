"""Scheduled hunts of the operator: those that a sensor runs, and files in the state folder, written from a query."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from sensor.documents import DocumentErrors, load_document, write_whole
from sensor.records.hunts_library import Hunt, Hunts, load_hunts
from sensor.views.errors import Malformed, Unknown

FOLDER = "hunts"
NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,39}")
FIELDS = ("title", "description", "schedule", "look_back", "severity")
# Columns of the result with the parties of a finding.
PARTIES = ("actor", "target")
MOST = 100
_WRITING = threading.Lock()


class HuntFiles:
    """``own``: folder for files written here; ``folders``: where a sensor looks for scheduled hunts."""

    def __init__(self, state: Path, config: Path | None) -> None:
        self.own = state / FOLDER
        self.folders = [*([config.parent / FOLDER] if config is not None else []), self.own]

    def all(self) -> Hunts:
        """All hunts as a sensor loads them, with the faults of their files."""
        return load_hunts(folder for folder in self.folders if folder.is_dir())

    def names(self) -> list[str]:
        """Names of the files in the state folder."""
        return sorted(path.stem for path in self.own.glob("*.yaml")) if self.own.is_dir() else []

    def save(self, name: str, sql: str, given: Mapping[str, str]) -> None:
        """Write a new hunt; a running sensor loads it within ten seconds. Raises Malformed if it is invalid, OSError if
        it cannot be written.
        """
        if not NAME.fullmatch(name):
            raise Malformed("name", name, "lowercase letters, digits and underscores, at most 40")
        body: dict[str, Any] = {key: " ".join(given[key].split()) for key in FIELDS if given.get(key, "").strip()}
        parties = {key: given[key] for key in PARTIES if given.get(key)}
        text = _document(body | {"entities": parties}, sql)
        path = self.own / f"{name}.yaml"
        try:
            load_document(path, Hunt, text=text)
        except DocumentErrors as errors:
            raise Malformed("hunt", name, "; ".join(fault.message for fault in errors.faults)) from None
        with _WRITING:
            names = self.names()
            if name in names:
                raise Malformed("name", name, "a name that no scheduled hunt has")
            if len(names) >= MOST:
                raise Malformed("name", name, f"at most {MOST} scheduled hunts: remove one first")
            write_whole(path, text.encode())

    def remove(self, name: str) -> None:
        """Remove a file of the state folder. Raises Unknown, OSError."""
        with _WRITING:
            if name not in self.names():
                raise Unknown("name", name, self.names())
            (self.own / f"{name}.yaml").unlink()


def _document(body: Mapping[str, Any], sql: str) -> str:
    """A YAML document: values as JSON, which is YAML too, and the query as a block."""
    lines = [f"{key}: {msgspec.json.encode(value).decode()}" for key, value in body.items()]
    return "\n".join((*lines, "sql: |2-", *(f"  {line}" for line in sql.splitlines()), ""))
