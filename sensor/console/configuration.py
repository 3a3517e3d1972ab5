"""The configuration of the sensor: effective values, proposed changes with their differences, applying them, and
earlier versions to go back to.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from sensor.config import load_config
from sensor.config_values import Value, counts_at_once, differences, values
from sensor.datasets.reload_request import request_reload
from sensor.documents import DocumentErrors, Fault, layers, stamps, write_whole
from sensor.views.errors import Malformed, NotReadable, Unknown

FOLDER, KEPT = "config-history", 50
HIDDEN = "…"
_WRITING = threading.Lock()


class Change(NamedTuple):
    """A key whose value differs; an empty text means that it was or is not set. ``at_once``: takes effect
    on a reload.
    """

    key: str
    before: str
    after: str
    at_once: bool


class Proposal(NamedTuple):
    """A proposed text for a file: its changes, or its faults."""

    changes: Sequence[Change]
    faults: Sequence[Fault]


class ReplacedVersion(msgspec.Struct):
    """A version that was replaced. ``when``: seconds since the epoch; ``who``: the user who replaced it."""

    id: str
    file: str
    when: float
    who: str
    text: str


class Configuration:
    """``path``: None if there is no file; all values are then defaults."""

    def __init__(self, path: Path | None, state: Path) -> None:
        self.path, self._state, self._history = path, state, state / FOLDER
        self._stamp: object = None
        self._lists: list[Path] = []

    @property
    def intel(self) -> list[Path]:
        """Threat lists in the configuration; empty while it is invalid."""
        files = self.files()
        if self._stamp != (stamp := stamps(files)):
            try:
                self._lists = list(load_config(self.path).intel)
            except DocumentErrors:
                self._lists = []
            self._stamp = stamp
        return self._lists

    def files(self) -> list[Path]:
        """Its layers, later ones override earlier ones; empty if no configuration was found."""
        try:
            return layers(self.path) if self.path is not None else []
        except DocumentErrors:
            return []

    def file(self, name: str) -> Path:
        """A layer by its path; the first if the path is empty. Raises Unknown, NotReadable."""
        known = {str(one): one for one in self.files()}
        if not known:
            raise NotReadable("no configuration: all values are defaults; `sensor config init` writes one")
        if name and name not in known:
            raise Unknown("file", name, known)
        return known[name] if name else next(iter(known.values()))

    def writable(self, file: Path) -> bool:
        """Whether the console may replace it."""
        return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)

    def values(self, *, everything: bool) -> list[Value]:
        """Values as `sensor config show` lists them. Raises NotReadable if the files are invalid."""
        try:
            return values(self.path, everything=everything)
        except DocumentErrors as errors:
            raise NotReadable(f"the configuration is invalid: {errors}") from None

    def compare(self, file: Path, text: str) -> Proposal:
        """Changes that a text makes, or its faults, including existing faults of the files on the disk."""
        texts = {file: text}
        try:
            after, new = values(self.path, everything=True, texts=texts), load_config(self.path, texts)
        except DocumentErrors as errors:
            return Proposal([], errors.faults)
        try:
            before, old = values(self.path, everything=True), load_config(self.path)
        except DocumentErrors:  # the text is meant to fix it
            before, old = values(None, everything=True), load_config(None)
        found = _changes(before, after)
        seen = [key for key in differences(old, new) if not any(one.key.startswith(key) for one in found)]
        found += [Change(key, HIDDEN, HIDDEN, counts_at_once(key)) for key in seen]
        return Proposal(sorted(found), [])

    def apply(self, file: Path, text: str, digest: str, who: str) -> Proposal:
        """Write a valid text, store the previous version, and request a reload by the sensor. ``digest``: of the text
        that was edited. Raises Malformed if the file changed meanwhile; OSError.
        """
        with _WRITING:
            found, before = self.compare(file, text), file.read_text("utf-8", "replace")
            if found.faults:
                return found
            if digest_of(before) != digest:
                raise Malformed(
                    "file", "a version that changed in the meantime", ("the one that was opened: open it again")
                )
            self._keep(ReplacedVersion(_name(), str(file), time.time(), who, before))
            write_whole(file, text.encode())
            request_reload(self._state)
            return found

    def earlier(self) -> list[ReplacedVersion]:
        """Versions that were replaced through the console, newest first."""
        found = [one for path in self._history.glob("*.json") if (one := _read(path)) is not None]
        return sorted(found, key=lambda one: one.when, reverse=True)

    def version(self, name: str) -> ReplacedVersion:
        """A version by its id. Raises Unknown."""
        found = {one.id: one for one in self.earlier()}
        if name not in found:
            raise Unknown("earlier", name, found)
        return found[name]

    def _keep(self, one: ReplacedVersion) -> None:
        """Store a version, readable by the owner alone: it may contain secrets."""
        self._history.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._history / f"{one.id}.json"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(one))
        for old in self.earlier()[KEPT:]:
            (self._history / f"{old.id}.json").unlink(missing_ok=True)


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _changes(before: Sequence[Value], after: Sequence[Value]) -> list[Change]:
    old, new = ({".".join(map(str, one.way)): _text(one.value) for one in some} for some in (before, after))
    return [
        Change(key, old.get(key, ""), new.get(key, ""), counts_at_once(key))
        for key in old.keys() | new.keys()
        if old.get(key) != new.get(key)
    ]


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _name() -> str:
    return f"{time.time_ns():x}"


def _read(path: Path) -> ReplacedVersion | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=ReplacedVersion)
    except (OSError, msgspec.DecodeError):
        return None
