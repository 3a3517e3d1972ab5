"""Threat lists of the state folder: added, changed and removed by the functions of `sensor intel`.

The console downloads nothing. A list at a URL is only recorded, and `sensor intel update` downloads it. Entries of
local lists are in ``intel/own`` and are read like any other file.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from sensor.console.child import Limits, run
from sensor.console.mute_forms import faults_of
from sensor.documents import DocumentErrors, Fault, write_whole
from sensor.intel.indicator import Indicator
from sensor.intel.list_sources import ListSource, load_sources, save_source, save_sources, state_of
from sensor.intel.matches import Match, matches
from sensor.intel.names import ALLOW, SUFFIX
from sensor.intel.readers import read_list
from sensor.intel.store import ThreatLists
from sensor.views.errors import Malformed, NotReadable, Unknown

FOLDER, OWN = "intel", "own"
FIELDS = ("name", "source", "category", "confidence", "keep_days", "allow")
PAGE = 200
LIMITS = Limits(memory=512 << 20, seconds=60.0)
_WRITING = threading.Lock()


class ThreatListStatus(NamedTuple):
    """A list and its status; ``own``: its entries were written here."""

    kept: ListSource
    state: str
    own: bool


class Entries(NamedTuple):
    """Some entries of a list, the ``total``, and the lines that were left out."""

    rows: list[Indicator]
    total: int
    faults: list[Fault]


class Lists:
    """Threat lists of one state folder."""

    def __init__(self, state: Path) -> None:
        self.folder = state / FOLDER

    def all(self) -> list[ThreatListStatus]:
        """All lists by name. Raises NotReadable if their file is invalid."""
        found = sorted(self._loaded(), key=lambda one: one.name)
        return [ThreatListStatus(one, state_of(one, self.folder, time.time()), self._is_own(one)) for one in found]

    def get(self, name: str) -> ThreatListStatus:
        """A list by its name. Raises Unknown."""
        found = {one.kept.name: one for one in self.all()}
        if name not in found:
            raise Unknown("list", name, found)
        return found[name]

    def entries(self, name: str, begin: int) -> Entries:
        """A page of entries, starting at a number. Raises NotReadable if they are not available."""
        try:
            read = read_list(self.get(name).kept.path(self.folder))
        except DocumentErrors as errors:
            raise NotReadable(f"the entries of {name}: {errors}") from None
        rows = [read.line(number) for number in range(begin, min(begin + PAGE, len(read)))]
        return Entries(rows, len(read), read.faults)

    def text(self, name: str) -> str:
        """The text of a local list; empty for others."""
        return self._own(name).read_text("utf-8", "replace") if self.get(name).own else ""

    def check(self, values: list[str], more: list[Path]) -> tuple[list[Match], list[str]]:
        """Lists that contain the values, and lists that cannot be read. ``more``: lists of the configuration."""
        faults = list[str]()
        paths = [*sorted(self.folder.glob(f"*{SUFFIX}")), *more]
        return matches(paths, values, time.time(), lambda errors: faults.append(str(errors))), faults

    def write(self, given: Mapping[str, str], text: str) -> ListSource:
        """Add a list, or rewrite a local one. Raises Malformed without having changed anything; OSError."""
        with _WRITING:
            before = {one.name: one for one in self._loaded()}
            one = self._of(given, text)
            old = before.get(one.name)
            if old is not None and not (self._is_own(old) and text.strip()):
                raise Malformed("name", one.name, "an unused name")
            if not text.strip():
                save_sources(self.folder, [*before.values(), one])
                return one
            read_text(text)
            self._take(one, text, old)
            return self.get(one.name).kept

    def _take(self, one: ListSource, text: str, old: ListSource | None) -> None:
        """Run `sensor intel update` confined: it reads the file and cannot open connections. Raises Malformed after
        restoring the list.
        """
        path = self._own(one.name)
        before = path.read_bytes() if old is not None else b""
        write_whole(path, text.encode())
        save_source(self.folder, one)
        arguments = ["intel", "update", one.name, "--force", f"--state={self.folder.parent}"]
        if fault := run(arguments, self.folder.parent, LIMITS).fault:
            if old is None:
                save_sources(self.folder, [each for each in self._loaded() if each.name != one.name])
                path.unlink()
            else:
                save_source(self.folder, old)
                write_whole(path, before)
            raise Malformed("entries", fault, "a list in one of the formats of `sensor intel`")

    def remove(self, name: str) -> None:
        """Remove a list with its entries. Raises Unknown, OSError."""
        with _WRITING:
            one = self.get(name)
            save_sources(self.folder, [each for each in self._loaded() if each.name != name])
            one.kept.path(self.folder).unlink(missing_ok=True)
            if one.own:
                self._own(name).unlink(missing_ok=True)

    def _of(self, given: Mapping[str, str], text: str) -> ListSource:
        name, source = given.get("name", "").strip(), given.get("source", "").strip()
        if given.get("allow") and not name.startswith(ALLOW):
            name = f"{ALLOW}-{name}"
        if bool(source) == bool(text.strip()):
            raise Malformed("list", "both" if source else "neither", "either entries or an https:// URL")
        if source and not source.lower().startswith("https://"):
            raise Malformed("source", source, "an https:// URL; files of the host are added by `sensor intel add`")
        numbers = {key: given[key].strip() for key in ("confidence", "keep_days") if given.get(key, "").strip()}
        try:
            return ListSource.model_validate(
                {
                    "name": name,
                    "source": source or str(self._own(name)),
                    "category": given.get("category", "").strip(),
                    "added": _now(),
                    **numbers,
                }
            )
        except ValidationError as error:
            raise Malformed("list", name, faults_of(error)) from None

    def _own(self, name: str) -> Path:
        return self.folder / OWN / f"{name}.txt"

    def _is_own(self, one: ListSource) -> bool:
        return one.source == str(self._own(one.name))

    def _loaded(self) -> list[ListSource]:
        try:
            return load_sources(self.folder)
        except DocumentErrors as errors:
            raise NotReadable(f"the file of threat lists is invalid: {errors}") from None


def read_text(text: str, *, allow: bool = False) -> tuple[ThreatLists, list[Fault]]:
    """Compile entries that a user wrote; also returns the lines that were left out. Raises Malformed if
    none is left.
    """
    with tempfile.TemporaryDirectory(prefix="sensor-list-") as folder:
        path = Path(folder) / f"{ALLOW if allow else 'entries'}{SUFFIX}"
        path.write_text(text, "utf-8")
        try:
            lists = ThreatLists([path])
        except DocumentErrors as errors:
            raise Malformed("entries", "no readable entries", errors.faults[0].message) from None
    faults = [fault._replace(path=Path("line")) for fault in lists.faults]
    if not sum(lists.sizes.values()):
        first = f"{faults[0].line}: {faults[0].message}" if faults else "there is none"
        raise Malformed("entries", "no entry", f"addresses, domains, URLs or hashes, one per line; line {first}")
    return lists, faults


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
