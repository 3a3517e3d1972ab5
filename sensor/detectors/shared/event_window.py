"""A time window for detectors that process events one by one."""

from __future__ import annotations

import hashlib

from sensor.core.addresses import is_v4
from sensor.core.named_tables import NamedTables
from sensor.counting.changes import ANSWERED, FAILED, OPENED
from sensor.counting.windows import DistinctWindow
from sensor.detectors.shared.addresses import HASHED

MASK = 2**64 - 1


class EventWindow:
    """Distinct values per key in a window of packet time, with attempts, answers and failures; bounded like
    ``DistinctWindow``.
    """

    def __init__(self, window: DistinctWindow) -> None:
        self.tables = NamedTables()
        self._window = self.tables.add("window", window)

    def opened(self, key: int, value: int, ts: int) -> tuple[int, int, list[int]] | None:
        """(failed, answered, sample of failed values) if the window's threshold is reached, else None."""
        return self._row(key, value, ts, OPENED)

    def answered(self, key: int, value: int, ts: int) -> tuple[int, int, list[int]] | None:
        return self._row(key, value, ts, ANSWERED)

    def failed(self, key: int, value: int, ts: int) -> tuple[int, int, list[int]] | None:
        return self._row(key, value, ts, FAILED)

    def _row(self, key: int, value: int, ts: int, op: int) -> tuple[int, int, list[int]] | None:
        return self._window.follow_one(key & MASK, value & MASK, ts, op)


def number_of_address(address: int) -> int:
    """An address as a value of a window, as ``contacts.fold`` makes it: IPv4 unchanged, IPv6 a hash with the highest
    bit set.
    """
    return address if is_v4(address) else (address ^ address >> 64) & MASK | HASHED


def number_of(text: str) -> int:
    """A 64-bit number for a text, the same in every run."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big")
