"""Lists compiled into tables for lookups of addresses, names and other texts, and the metadata of their entries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from sensor.core import addresses
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.time_units import SECOND
from sensor.intel.lookup import AddressTable, NameTable, give_back
from sensor.intel.readers import IndicatorList, key_of

U64s = npt.NDArray[np.uint64]
I64s = npt.NDArray[np.int64]
# Default confidence. The fingerprint of a TLS client is shared by every program that uses the same library.
USUAL, SHARED = 0.8, 0.5
_JA3 = lazy_pattern(r"[0-9a-f]{32}", re.IGNORECASE)


class Entry(msgspec.Struct, frozen=True):
    """One line of a list: the list's name (its file name), the indicator as written, and its metadata: category, when
    it was first seen and until when it is valid (seconds since 1970, 0: not given), confidence (0 to 1).
    """

    list_name: str
    entry: str
    category: str
    seen: int = 0
    until: int = 0
    confidence: float = USUAL

    def expired(self, ts: int) -> bool:
        """Whether the entry is no longer valid at a time (ns)."""
        return 0 < self.until < ts // SECOND


class Compiled:
    """The tables of some lists; the keys of the lists are not needed afterwards. Of equal indicators the one that is
    valid longest counts, then the first: an expired entry hides no valid one.
    """

    def __init__(self, lists: Sequence[IndicatorList]) -> None:
        self.lists = [each for each in lists if len(each)]
        self.begins = np.cumsum([0, *map(len, self.lists)])
        firsts = self.begins[:-1].tolist()
        hi, lo, bits = (
            np.concatenate([getattr(each, name) for each in self.lists] or [np.empty(0, np.uint64)])
            for name in ("hi", "lo", "bits")
        )
        prefixes = [
            np.arange(first, first + len(each.hi), dtype=np.int32)
            for each, first in zip(self.lists, firsts, strict=True)
        ]
        names = [
            np.arange(first + len(each.hi), first + len(each), dtype=np.int32)
            for each, first in zip(self.lists, firsts, strict=True)
        ]
        hashes = np.concatenate([each.hashes for each in self.lists] or [np.empty(0, np.uint64)])
        self._until = _expiries(self.lists)
        for each in self.lists:
            each.forget_keys()
        self.addresses = AddressTable(*self._sorted(hi, lo, bits, np.concatenate(prefixes))) if len(hi) else None
        self.names = NameTable(*self._sorted(hashes, np.concatenate(names))) if len(hashes) else None
        del hi, lo, bits, hashes, names, prefixes
        if self.lists:
            give_back()

    def __len__(self) -> int:
        return int(self.begins[-1])

    @property
    def nbytes(self) -> int:
        tables = sum(table.nbytes for table in (self.addresses, self.names) if table is not None)
        return tables + sum(len(each.text) + each.offset.nbytes for each in self.lists)

    def _sorted(self, *columns: Any) -> tuple[Any, ...]:
        """Columns of keys, the last one their numbers, with those that are valid longest first."""
        if self._until is None:
            return columns
        until = self._until[columns[-1]]
        order = np.argsort(np.where(until == 0, np.iinfo(np.int64).min, -until), kind="stable")
        return tuple(column[order] for column in columns)

    def valid(self, numbers: npt.NDArray[np.int32], ts: I64s | int) -> npt.NDArray[np.bool_]:
        """Which numbers are those of entries that have not expired at a time (ns): one, or one for each."""
        known: npt.NDArray[np.bool_] = numbers >= 0
        if self._until is None:
            return known
        until = self._until[numbers]
        lasting: npt.NDArray[np.bool_] = (until == 0) | (until >= ts // SECOND)
        return known & lasting

    def has(self, number: int, ts: int) -> bool:
        """Whether a number is that of an entry that has not expired at a time (ns)."""
        return number >= 0 and (self._until is None or not 0 < self._until[number] < ts // SECOND)

    def listed(self, hi: U64s, lo: U64s) -> npt.NDArray[np.int32]:
        return np.full(len(hi), -1, np.int32) if self.addresses is None else self.addresses.listed(hi, lo)

    def address(self, address: int) -> int:
        """The number of the entry that covers an address, -1 if there is none."""
        if self.addresses is None:
            return -1
        [number] = self.addresses.listed(*(np.array([half], np.uint64) for half in divmod(address, 1 << 64))).tolist()
        return int(number)

    def domain(self, name: bytes) -> int:
        return -1 if self.names is None else self.names.find_domain(name)

    def text(self, text: bytes) -> int:
        return -1 if self.names is None else self.names.find(text)

    def find(self, value: str) -> int:
        """The number of an indicator of any kind, -1 if absent: an address matches its block, a URL also its host."""
        try:
            address = addresses.parse(value)
        except ValueError:
            raw = key_of(value)
            number = self.text(raw)
            return number if number >= 0 else self.domain(raw.partition(b"/")[0])
        return self.address(address)

    def entry(self, number: int) -> Entry:
        if not 0 <= number < len(self):
            raise IndexError(f"entry {number} of {len(self)}")
        which = int(np.searchsorted(self.begins, number, "right")) - 1
        return entry_of(self.lists[which], number - int(self.begins[which]))


def _expiries(lists: Sequence[IndicatorList]) -> I64s | None:
    """The time (s) until which each entry is valid, 0 if not given; None if all are valid at any time."""
    if all(each.until is None for each in lists):
        return None
    return np.concatenate([np.zeros(len(each), np.int64) if each.until is None else each.until for each in lists])


def entry_of(one: IndicatorList, number: int) -> Entry:
    """The entry of a line, with the default confidence of its kind if the list has none."""
    line = one.line(number)
    usual = SHARED if _JA3.fullmatch(line.value) else USUAL
    return Entry(
        one.path.stem,
        line.value,
        line.category,
        line.seen,
        line.until,
        line.confidence / 100 if line.confidence >= 0 else usual,
    )
