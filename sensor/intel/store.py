"""Threat lists for detectors: one lookup in all lists, and the metadata of an entry.

Lists whose file name begins with ``allow`` override the others. Entries expire: lookups get the time of the packet (ns)
and return the closest entry that is valid then. Without a time, entries count at any time, and those of allow-lists
only if they never expire.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.documents import DocumentErrors, Fault
from sensor.intel.compiled import Compiled, Entry, I64s, U64s
from sensor.intel.defaults import DefaultLogin, load_defaults
from sensor.intel.names import ALLOW, SUFFIX
from sensor.intel.readers import IndicatorList, key_of, read_again, read_list
from sensor.intel.signatures import Signatures, load_signatures

# A new state of a list that would lose more than this share of its entries is rejected.
LOSS_LIMIT = 0.5
SMALL = 20
# A time after all packets.
LAST = 2**63 - 1


class ReloadedLists(NamedTuple):
    """The lists after a reload, compiled and ready to replace the old ones; ``refused``: lists that stay unchanged, and
    why, as text; ``unread``: lists without any state, because they cannot be read.
    """

    lists: list[IndicatorList]
    bad: Compiled
    allowed: Compiled
    refused: list[str]
    unread: list[Fault]


class ThreatLists:
    """Compiled lists. ``faults``: skipped lines, with positions; ``unread``: lists without a state that could be read;
    ``nbytes``: memory of tables, keys and texts; ``version``: changes whenever lists are replaced.
    """

    version = 0

    def __init__(self, paths: Iterable[Path] = (), *, more: Iterable[Path] = (), folder: Path | None = None) -> None:
        """``paths`` must be readable: raises DocumentErrors with all that are not. ``more``, and the lists in
        ``folder``, are left out if they cannot be read.
        """
        strict = list(map(Path, paths))
        self._strict, self._paths, self._folder = strict, [*strict, *map(Path, more)], folder
        self._stamps = self._stamps_now()
        read, errors = _read(self._stamps)
        if faults := [fault for fault in errors if fault.path in strict]:
            raise DocumentErrors(faults)
        self._take(ReloadedLists(read, *_compiled(read), [], errors))

    def __len__(self) -> int:
        return len(self._bad)

    @property
    def nbytes(self) -> int:
        return self._bad.nbytes + self._allowed.nbytes

    @property
    def sizes(self) -> dict[Path, int]:
        """Number of entries of each list."""
        return {each.path: len(each) for each in self._lists}

    def look_for(self, more: Iterable[Path]) -> None:
        """Replace the earlier ``more``; takes effect, and removes lists that are no longer configured, once all are
        read again.
        """
        self._paths = [*self._strict, *map(Path, more)]

    def telemetry(self) -> dict[str, Any]:
        """Total ``entries`` and ``bytes``; for each of the ``lists`` its entries and modification time (s); number of
        lines ``left_out``; number of lists ``unread``.
        """
        lists = {
            str(each.path): {"entries": len(each), "written": self._stamps.get(each.path, (0, 0))[0] / 1e9}
            for each in self._lists
        }
        return {
            "entries": len(self),
            "bytes": self.nbytes,
            "lists": lists,
            "left_out": len(self.faults),
            "unread": len(self.unread),
        }

    def changed(self) -> bool:
        """Whether a file was changed, added or removed since it was read. Checks each file's modification time."""
        return self._stamps_now() != self._stamps

    def read_again(self) -> ReloadedLists:
        """The lists as the files are now, for ``take``; may run concurrently with lookups. A list that cannot be read,
        or would lose most of its entries, stays unchanged.
        """
        stamps, old = self._stamps_now(), {each.path: each for each in self._lists}
        read: list[IndicatorList] = []
        refused: list[str] = []
        unread: list[Fault] = []
        for path, stamp in stamps.items():
            before = old.get(path)
            if before is not None and stamp == self._stamps.get(path):
                read.append(read_again(before))
                continue
            if before is None and stamp == self._stamps.get(path):
                unread += [fault for fault in self.unread if fault.path == path]
                continue
            found, errors = _read((path,))
            refused += map(str, errors)
            unread += errors if before is None else []
            if found and before is not None and shrunk(len(before), len(found[0])):
                refused.append(f"{path}: {len(found[0])} entries instead of {len(before)}: the old list is kept")
                found = []
            read += found or ([read_again(before)] if before is not None else [])
        self._stamps = stamps
        return ReloadedLists(read, *_compiled(read), refused, unread)

    def take(self, renewal: ReloadedLists) -> None:
        """Apply a reload. Earlier numbers from ``listed`` become invalid."""
        self._take(renewal)

    def refresh(self) -> list[str]:
        """Reload lists if a file changed; returns rejections as text. Lookups use the old state until the new one is
        complete.
        """
        if not self.changed():
            return []
        renewal = self.read_again()
        self.take(renewal)
        return renewal.refused

    def listed(self, hi: U64s, lo: U64s, ts: I64s | int = 0) -> npt.NDArray[np.int32]:
        """For each address the number of the entry with the longest matching prefix, -1 if there is none. ``ts``: one
        time, or one for each.
        """
        numbers = self._bad.listed(hi, lo, ts)
        if self._allowed.addresses is not None and (hits := np.flatnonzero(numbers >= 0)).size:
            times = ts if isinstance(ts, int) else ts[hits]
            numbers[hits[self._allowed.listed(hi[hits], lo[hits], times) >= 0]] = -1
        return numbers

    def entry(self, number: int) -> Entry:
        """The entry with a number from ``listed``. Raises IndexError if there is none."""
        return self._bad.entry(number)

    def address(self, address: int, ts: int | None = None) -> Entry | None:
        """The entry of an address: that with the longest matching prefix."""
        number = self._bad.address(address, ts or 0)
        return self._bad.entry(number) if number >= 0 and self._allowed.address(address, _end(ts)) < 0 else None

    def domain(self, name: str, ts: int | None = None) -> Entry | None:
        """The entry of a name, or of its closest listed parent domain."""
        raw = name.encode("utf-8", "replace")
        number = self._bad.domain(raw, ts or 0)
        return self._bad.entry(number) if number >= 0 and self._allowed.domain(raw, _end(ts)) < 0 else None

    def text(self, text: str, ts: int | None = None) -> Entry | None:
        """The entry of a JA3, a JA4, the hash of a certificate, or a URL."""
        raw = key_of(text)
        number = self._bad.text(raw, ts or 0)
        if number < 0 or self._allowed.text(raw, _end(ts)) >= 0:
            return None
        return None if self._allowed.domain(raw.partition(b"/")[0], _end(ts)) >= 0 else self._bad.entry(number)

    def check(self, value: str, ts: int | None = None) -> Entry | None:
        """The entry of any kind of indicator."""
        number = self._bad.find(value, ts or 0)
        return self._bad.entry(number) if number >= 0 and not self.allows(value, ts) else None

    def allows(self, value: str, ts: int | None = None) -> bool:
        """Whether an allow-list contains an indicator."""
        return self._allowed.find(value, _end(ts)) >= 0

    def named(self, value: str, ts: int = 0) -> Entry | None:
        """The entry of any list, malicious or allowed."""
        for lists in (self._bad, self._allowed):
            if (number := lists.find(value, ts)) >= 0:
                return lists.entry(number)
        return None

    def default_login(self, seal: str) -> DefaultLogin | None:
        """The default login with a seal; None if there is none."""
        return load_defaults().get(seal)

    def signatures(self, subject: str) -> Signatures:
        """The signatures of a subject."""
        return load_signatures(subject)

    def _take(self, renewal: ReloadedLists) -> None:
        self.version += 1
        self._lists, self._bad, self._allowed, _, self.unread = renewal
        self.faults = [fault for each in self._lists for fault in each.faults]

    def _stamps_now(self) -> dict[Path, tuple[int, int]]:
        kept = sorted(self._folder.glob(f"*{SUFFIX}")) if self._folder is not None else []
        return {path: _stamp(path) for path in (*self._paths, *kept)}


def _end(ts: int | None) -> int:
    """The time at which entries of allow-lists must be valid."""
    return LAST if ts is None else ts


def _compiled(lists: list[IndicatorList]) -> tuple[Compiled, Compiled]:
    """Malicious entries, and those that allow-lists override."""
    allowed = [each for each in lists if each.path.stem.startswith(ALLOW)]
    return Compiled([each for each in lists if each not in allowed]), Compiled(allowed)


def shrunk(before: int, after: int) -> bool:
    """Whether a list lost so many entries that its new state is probably defective."""
    return before >= SMALL and after < before * (1 - LOSS_LIMIT)


def _read(paths: Iterable[Path]) -> tuple[list[IndicatorList], list[Fault]]:
    read: list[IndicatorList] = []
    errors: list[Fault] = []
    for path in paths:
        try:
            read.append(read_list(path))
        except DocumentErrors as error:
            errors += error.faults
    return read, errors


def _stamp(path: Path) -> tuple[int, int]:
    """Changes with every change of a file."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size
