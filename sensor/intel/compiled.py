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
from sensor.intel.indicator import EXCEPTION
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
    """The tables of some lists; the keys of the lists are not needed afterwards. Lookups give the number of the closest
    entry, -1 if there is none or it is an exception, and get the time (ns) at which it must be valid; at 0 none has
    expired. Of equal indicators the one that is valid longest counts, then the first, then exceptions.
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
        # For each prefix the next wider one, which counts once it has expired.
        self._wider = None if self._until is None else np.full(len(self), -1, np.int32)
        hi, lo, bits, numbers = self._sorted(hi, lo, bits, np.concatenate(prefixes or [np.empty(0, np.int32)]))
        self.addresses = AddressTable(hi, lo, bits, numbers, self._wider) if len(hi) else None
        self.names = NameTable(*self._sorted(hashes, np.concatenate(names))) if len(hashes) else None
        del hi, lo, bits, hashes, names, prefixes, numbers
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

    def _has(self, number: int, ts: int) -> bool:
        return number >= 0 and (self._until is None or not 0 < self._until[number] < ts // SECOND)

    def _excepted(self, number: int) -> bool:
        return number >= 0 and self._until is not None and self._until[number] == EXCEPTION

    def listed(self, hi: U64s, lo: U64s, ts: I64s | int = 0) -> npt.NDArray[np.int32]:
        """The numbers of the entries that cover addresses. ``ts``: one time, or one for each."""
        if self.addresses is None:
            return np.full(len(hi), -1, np.int32)
        numbers = self.addresses.listed(hi, lo)
        if self._until is None or self._wider is None:
            return numbers
        hits = rows = np.flatnonzero(numbers >= 0)
        while (rows := rows[_ended(self._until[numbers[rows]], ts if isinstance(ts, int) else ts[rows])]).size:
            numbers[rows] = self._wider[numbers[rows]]
            rows = rows[numbers[rows] >= 0]
        numbers[hits[self._until[numbers[hits]] == EXCEPTION]] = -1
        return numbers

    def address(self, address: int, ts: int = 0) -> int:
        """The number of the entry that covers an address."""
        if self.addresses is None:
            return -1
        hi, lo = (np.array([half], np.uint64) for half in divmod(address, 1 << 64))
        [number] = self.listed(hi, lo, ts).tolist()
        return int(number)

    def domain(self, name: bytes, ts: int = 0) -> int:
        """The number of a name or of its closest listed parent."""
        if self.names is None:
            return -1
        number = self.names.find_domain(name)
        while number >= 0 and not self._has(number, ts):
            name = name.partition(b".")[2]
            number = self.names.find_domain(name)
        return -1 if self._excepted(number) else number

    def text(self, text: bytes, ts: int = 0) -> int:
        number = -1 if self.names is None else self.names.find(text)
        return number if self._has(number, ts) and not self._excepted(number) else -1

    def find(self, value: str, ts: int = 0) -> int:
        """The number of an indicator of any kind: an address matches its block, a URL also its host."""
        try:
            address = addresses.parse(value)
        except ValueError:
            raw = key_of(value)
            number = self.text(raw, ts)
            return number if number >= 0 else self.domain(raw.partition(b"/")[0], ts)
        return self.address(address, ts)

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


def _ended(until: I64s, ts: I64s | int) -> npt.NDArray[np.bool_]:
    """Which entries have expired at a time (ns): one, or one for each."""
    ended: npt.NDArray[np.bool_] = (until > 0) & (until < ts // SECOND)
    return ended


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
