"""The configuration of the sensor: its effective values, a proposed change with its differences, its application, and
the versions before, to which it can go back.
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
    """A key whose value differs; empty texts where it had, or has, none. ``at_once``: a running sensor takes it up."""

    key: str
    before: str
    after: str
    at_once: bool


class Proposal(NamedTuple):
    """A text for a file: what it changes, or its faults."""

    changes: Sequence[Change]
    faults: Sequence[Fault]


class Earlier(msgspec.Struct):
    """A version that was replaced. ``when``: seconds since the epoch; ``who`` replaced it."""

    id: str
    file: str
    when: float
    who: str
    text: str


class Configuration:
    """``path``: None where there is none, and everything has its default."""

    def __init__(self, path: Path | None, state: Path) -> None:
        self.path, self._state, self._history = path, state, state / FOLDER
        self._stamp: object = None
        self._lists: list[Path] = []

    @property
    def intel(self) -> list[Path]:
        """The threat lists that it names; none while it is invalid."""
        files = self.files()
        if self._stamp != (stamp := stamps(files)):
            try:
                self._lists = list(load_config(self.path).intel)
            except DocumentErrors:
                self._lists = []
            self._stamp = stamp
        return self._lists

    def files(self) -> list[Path]:
        """Its layers, each on top of those before; none where there is no configuration that can be found."""
        try:
            return layers(self.path) if self.path is not None else []
        except DocumentErrors:
            return []

    def file(self, name: str) -> Path:
        """One of the layers by its path; the first where none is named. Unknown, NotReadable."""
        known = {str(one): one for one in self.files()}
        if not known:
            raise NotReadable(
                "there is no configuration, so everything has its default: `sensor config init` writes one"
            )
        if name and name not in known:
            raise Unknown("file", name, known)
        return known[name] if name else next(iter(known.values()))

    def writable(self, file: Path) -> bool:
        """Whether the console may replace it."""
        return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)

    def values(self, *, everything: bool) -> list[Value]:
        """As `sensor config show` lists them. NotReadable where the files are invalid."""
        try:
            return values(self.path, everything=everything)
        except DocumentErrors as errors:
            raise NotReadable(f"the configuration is invalid: {errors}") from None

    def compare(self, file: Path, text: str) -> Proposal:
        """What a text changes, or its faults; those that the files on the disk have already are among them."""
        texts = {file: text}
        try:
            after, new = values(self.path, everything=True, texts=texts), load_config(self.path, texts)
        except DocumentErrors as errors:
            return Proposal([], errors.faults)
        try:
            before, old = values(self.path, everything=True), load_config(self.path)
        except DocumentErrors:  # the text is the repair
            before, old = values(None, everything=True), load_config(None)
        found = _changes(before, after)
        seen = [key for key in differences(old, new) if not any(one.key.startswith(key) for one in found)]
        found += [Change(key, HIDDEN, HIDDEN, counts_at_once(key)) for key in seen]
        return Proposal(sorted(found), [])

    def apply(self, file: Path, text: str, digest: str, who: str) -> Proposal:
        """Write a text without faults, store the previous one, and request a reload by the sensor. ``digest``: of the
        text that was edited. Raises Malformed if the file changed meanwhile; OSError.
        """
        with _WRITING:
            found, before = self.compare(file, text), file.read_text("utf-8", "replace")
            if found.faults:
                return found
            if digest_of(before) != digest:
                raise Malformed("file", "a version that changed meanwhile", "the one that was opened: open it again")
            self._keep(Earlier(_name(), str(file), time.time(), who, before))
            write_whole(file, text.encode())
            request_reload(self._state)
            return found

    def earlier(self) -> list[Earlier]:
        """Versions that were replaced here, the newest first."""
        found = [one for path in self._history.glob("*.json") if (one := _read(path)) is not None]
        return sorted(found, key=lambda one: one.when, reverse=True)

    def version(self, name: str) -> Earlier:
        """Unknown where there is none of that id."""
        found = {one.id: one for one in self.earlier()}
        if name not in found:
            raise Unknown("earlier", name, found)
        return found[name]

    def _keep(self, one: Earlier) -> None:
        """It may hold what only the owner may read."""
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


def _read(path: Path) -> Earlier | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Earlier)
    except (OSError, msgspec.DecodeError):
        return None
