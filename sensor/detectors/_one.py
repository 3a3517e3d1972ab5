"""A window for detectors that see events one by one: the kernel's columns with one row."""

from __future__ import annotations

import hashlib

import numpy as np

from sensor.core.windows import DistinctWindow
from sensor.detectors._contacts import ANSWERED, FAILED, OPENED

MASK = 2**64 - 1


class OneByOne:
    """Distinct values a key in a window of packet time, with openings, answers and failures; bounded as ``DistinctWindow`` is."""

    def __init__(self, window: DistinctWindow) -> None:
        self._window = window
        self._key, self._value = np.zeros(1, np.uint64), np.zeros(1, np.uint64)
        self._ts, self._op = np.zeros(1, np.int64), np.zeros(1, np.int8)

    def opened(self, key: int, value: int, ts: int) -> tuple[int, int, list[int]] | None:
        """(failed, answered, sample of failed values) where the window's rule speaks, else None."""
        return self._row(key, value, ts, OPENED)

    def answered(self, key: int, value: int, ts: int) -> tuple[int, int, list[int]] | None:
        return self._row(key, value, ts, ANSWERED)

    def failed(self, key: int, value: int, ts: int) -> tuple[int, int, list[int]] | None:
        return self._row(key, value, ts, FAILED)

    def _row(self, key: int, value: int, ts: int, op: int) -> tuple[int, int, list[int]] | None:
        self._key[0], self._value[0], self._ts[0], self._op[0] = key & MASK, value & MASK, ts, op
        found = self._window.follow(self._key, self._value, self._ts, self._ts, self._op)
        return found[0][1:] if found else None


def number_of(text: str) -> int:
    """A 64-bit number for a text, the same in every run."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big")
