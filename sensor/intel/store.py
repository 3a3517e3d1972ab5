"""Threat lists as detectors see them: one look-up for all lists, and what an entry says."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from sensor.documents import DocumentErrors, Fault
from sensor.intel.lookup import AddressTable, give_back
from sensor.intel.readers import AddressList, read_plain
from sensor.intel.signatures import Signatures, load_signatures


class Entry(msgspec.Struct, frozen=True):
    """One line of a list: the list's name (its file name), the address, block or range as written, and the remark beside it."""

    list_name: str
    entry: str
    category: str


class ThreatLists:
    """The lists compiled. ``faults``: lines that were left out, with their places; ``nbytes``: memory of look-up, prefixes and texts."""

    def __init__(self, paths: Iterable[Path] = ()) -> None:
        """Raises DocumentErrors with every file that cannot be read."""
        self._lists: list[AddressList] = []
        self.faults: list[Fault] = []
        errors: list[Fault] = []
        for path in paths:
            try:
                self._add(read_plain(Path(path)))
            except DocumentErrors as error:
                errors += error.faults
        if errors:
            raise DocumentErrors(errors)
        self._begins = np.cumsum([0, *map(len, self._lists)])
        self._table = self._compiled()

    def __len__(self) -> int:
        return int(self._begins[-1])

    @property
    def nbytes(self) -> int:
        return sum(len(each.text) + each.offset.nbytes for each in self._lists) + (self._table.nbytes if self._table else 0)

    def listed(self, hi: npt.NDArray[np.uint64], lo: npt.NDArray[np.uint64]) -> npt.NDArray[np.int32]:
        """For each address the number of the entry that covers it most closely, -1 where none does."""
        if self._table is None:
            return np.full(len(hi), -1, np.int32)
        return self._table.listed(hi, lo)

    def entry(self, number: int) -> Entry:
        """What a number of ``listed`` means. IndexError where there is no such entry."""
        if not 0 <= number < len(self):
            raise IndexError(f"entry {number} of {len(self)}")
        which = int(np.searchsorted(self._begins, number, "right")) - 1
        written, remark = self._lists[which].line(number - int(self._begins[which]))
        return Entry(self._lists[which].path.stem, written, remark)

    def signatures(self, subject: str) -> Signatures:
        """The known attacks of a subject."""
        return load_signatures(subject)

    def _add(self, read: AddressList) -> None:
        self.faults += read.faults
        if len(read):
            self._lists.append(read)

    def _compiled(self) -> AddressTable | None:
        """The look-up over all lists; None where they are empty. The prefixes themselves are not needed afterwards."""
        if not self._lists:
            return None
        hi, lo, bits = (np.concatenate([getattr(each, name) for each in self._lists]) for name in ("hi", "lo", "bits"))
        for each in self._lists:
            each.forget_prefixes()
        table = AddressTable(hi, lo, bits, np.arange(len(lo), dtype=np.int32))
        del hi, lo, bits
        give_back()
        return table
