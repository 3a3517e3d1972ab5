"""Threat lists as detectors see them: one look-up for all lists, and what an entry says.

Lists whose file name begins with ``allow`` take back what others say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from sensor.core import addresses
from sensor.documents import DocumentErrors, Fault
from sensor.intel.lookup import AddressTable, NameTable, give_back
from sensor.intel.readers import IndicatorList, key_of, read_list
from sensor.intel.signatures import Signatures, load_signatures

ALLOW = "allow"
# A list that would lose more than this share of its entries is not taken in its new state.
LOSS_LIMIT = 0.7
SMALL = 20

U64s = npt.NDArray[np.uint64]


class Entry(msgspec.Struct, frozen=True):
    """One line of a list: the list's name (its file name), the indicator as written, and what the list says of it: category, when it was first seen and until
    when it is valid (seconds since 1970, 0: not told), how sure it is (0 to 1).
    """

    list_name: str
    entry: str
    category: str
    seen: int = 0
    until: int = 0
    confidence: float = 0.8

    def expired(self, ts: int) -> bool:
        """Whether the list takes it back at a time (ns)."""
        return 0 < self.until < ts // 1_000_000_000


class _Compiled:
    """The tables over some lists; the keys of the lists are not needed afterwards."""

    def __init__(self, lists: Sequence[IndicatorList]) -> None:
        self.lists = [each for each in lists if len(each)]
        self.begins = np.cumsum([0, *map(len, self.lists)])
        firsts = self.begins[:-1].tolist()
        hi, lo, bits = (np.concatenate([getattr(each, name) for each in self.lists] or [np.empty(0, np.uint64)]) for name in ("hi", "lo", "bits"))
        prefixes = [np.arange(first, first + len(each.hi), dtype=np.int32) for each, first in zip(self.lists, firsts, strict=True)]
        names = [np.arange(first + len(each.hi), first + len(each), dtype=np.int32) for each, first in zip(self.lists, firsts, strict=True)]
        hashes = np.concatenate([each.hashes for each in self.lists] or [np.empty(0, np.uint64)])
        for each in self.lists:
            each.forget_keys()
        self.addresses = AddressTable(hi, lo, bits, np.concatenate(prefixes)) if len(hi) else None
        self.names = NameTable(hashes, np.concatenate(names)) if len(hashes) else None
        del hi, lo, bits, hashes, names, prefixes
        if self.lists:
            give_back()

    def __len__(self) -> int:
        return int(self.begins[-1])

    @property
    def nbytes(self) -> int:
        tables = sum(table.nbytes for table in (self.addresses, self.names) if table is not None)
        return tables + sum(len(each.text) + each.offset.nbytes for each in self.lists)

    def listed(self, hi: U64s, lo: U64s) -> npt.NDArray[np.int32]:
        return np.full(len(hi), -1, np.int32) if self.addresses is None else self.addresses.listed(hi, lo)

    def domain(self, name: bytes) -> int:
        return -1 if self.names is None else self.names.find_domain(name)

    def text(self, text: bytes) -> int:
        return -1 if self.names is None else self.names.find(text)

    def entry(self, number: int) -> Entry:
        if not 0 <= number < len(self):
            raise IndexError(f"entry {number} of {len(self)}")
        which = int(np.searchsorted(self.begins, number, "right")) - 1
        line = self.lists[which].line(number - int(self.begins[which]))
        confidence = line.confidence / 100 if line.confidence >= 0 else Entry.__struct_defaults__[-1]
        return Entry(self.lists[which].path.stem, line.value, line.category, line.seen, line.until, confidence)


class ThreatLists:
    """The lists compiled. ``faults``: lines that were left out, with their places; ``nbytes``: memory of look-up, keys and texts."""

    def __init__(self, paths: Iterable[Path] = ()) -> None:
        """Raises DocumentErrors with every file that cannot be read."""
        self._paths = list(map(Path, paths))
        self._stamps = {path: _stamp(path) for path in self._paths}
        read, errors = _read(self._paths)
        if errors:
            raise DocumentErrors(errors)
        self._take(read)

    def __len__(self) -> int:
        return len(self._bad)

    @property
    def nbytes(self) -> int:
        return self._bad.nbytes + self._allowed.nbytes

    def refresh(self) -> list[str]:
        """Read the lists again where a file changed: what was refused, in words.

        The old state answers until the new one is whole, and stays where a list cannot be read, or would lose most of its entries.
        """
        changed = [path for path in self._paths if _stamp(path) != self._stamps[path]]
        if not changed:
            return []
        self._stamps |= {path: _stamp(path) for path in changed}
        read, errors = _read(self._paths)
        refused = [str(fault) for fault in errors]
        sizes = {each.path: len(each) for each in read}
        refused += [
            f"{path}: {sizes[path]} entries instead of {before}: the old list is kept"
            for path, before in self._sizes.items()
            if path in sizes and shrunk(before, sizes[path])
        ]
        if not refused:
            self._take(read)
        return refused

    def listed(self, hi: U64s, lo: U64s) -> npt.NDArray[np.int32]:
        """For each address the number of the entry that covers it most closely, -1 where none does."""
        numbers = self._bad.listed(hi, lo)
        if self._allowed.addresses is not None and (hits := np.flatnonzero(numbers >= 0)).size:
            numbers[hits[self._allowed.listed(hi[hits], lo[hits]) >= 0]] = -1
        return numbers

    def entry(self, number: int) -> Entry:
        """What a number of ``listed`` means. IndexError where there is no such entry."""
        return self._bad.entry(number)

    def domain(self, name: str) -> Entry | None:
        """The entry of a name, or of the closest domain above it that is listed."""
        raw = name.encode("utf-8", "replace")
        number = self._bad.domain(raw)
        return self._bad.entry(number) if number >= 0 and self._allowed.domain(raw) < 0 else None

    def text(self, text: str) -> Entry | None:
        """The entry of a JA3, a JA4, the hash of a certificate, or a URL."""
        raw = key_of(text)
        number = self._bad.text(raw)
        return self._bad.entry(number) if number >= 0 and self._allowed.text(raw) < 0 else None

    def check(self, value: str) -> Entry | None:
        """The entry of any kind of indicator."""
        try:
            address = addresses.parse(value)
        except ValueError:
            return self.text(value) or self.domain(key_of(value).decode().partition("/")[0])
        [number] = self.listed(np.array([address >> 64], np.uint64), np.array([address & 2**64 - 1], np.uint64)).tolist()
        return self.entry(number) if number >= 0 else None

    def signatures(self, subject: str) -> Signatures:
        """The known attacks of a subject."""
        return load_signatures(subject)

    def _take(self, read: list[IndicatorList]) -> None:
        self.faults = [fault for each in read for fault in each.faults]
        self._sizes = {each.path: len(each) for each in read}
        self._allowed = _Compiled([each for each in read if each.path.stem.startswith(ALLOW)])
        self._bad = _Compiled([each for each in read if not each.path.stem.startswith(ALLOW)])


def shrunk(before: int, after: int) -> bool:
    """Whether a list lost so much that its new state is more likely broken than good."""
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
