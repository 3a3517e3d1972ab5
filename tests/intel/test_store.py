"""Threat lists as detectors see them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sensor.core import addresses
from sensor.documents import DocumentErrors
from sensor.intel.store import Entry, ThreatLists


def columns(*texts: str) -> tuple[np.ndarray, np.ndarray]:
    numbers = [addresses.parse(text) for text in texts]
    return np.array([n >> 64 for n in numbers], np.uint64), np.array([n & 2**64 - 1 for n in numbers], np.uint64)


def test_says_which_list_and_line(tmp_path: Path) -> None:
    """Several lists, one look-up; the most specific entry speaks; what is not listed stays quiet, private neighbours too."""
    (tmp_path / "feodo.txt").write_text("# c2\n203.0.113.0/24 botnet\n")
    (tmp_path / "mine.txt").write_text("198.51.100.7\n203.0.113.9 # Emotet\n2001:db8:66::/48\n")
    lists = ThreatLists([tmp_path / "feodo.txt", tmp_path / "mine.txt"])
    hits = lists.listed(*columns("203.0.113.8", "203.0.113.9", "198.51.100.7", "198.51.100.8", "2001:db8:66::5", "2001:db8:67::5", "10.0.0.1"))
    assert len(lists) == 4
    assert [lists.entry(hit) if hit >= 0 else None for hit in hits.tolist()] == [
        Entry("feodo", "203.0.113.0/24", "botnet"),
        Entry("mine", "203.0.113.9", "Emotet"),
        Entry("mine", "198.51.100.7", ""),
        None,
        Entry("mine", "2001:db8:66::/48", ""),
        None,
        None,
    ]
    with pytest.raises(IndexError):
        lists.entry(4)


def test_no_lists_cost_nothing() -> None:
    """Without lists every answer is -1 and no memory is held."""
    lists = ThreatLists()
    assert (len(lists), lists.nbytes, lists.faults) == (0, 0, [])
    assert lists.listed(*columns("11.1.1.1", "::2")).tolist() == [-1, -1]


def test_all_unreadable_files_are_told_at_once(tmp_path: Path) -> None:
    """One error names them all."""
    with pytest.raises(DocumentErrors) as caught:
        ThreatLists([tmp_path / "a", tmp_path / "b"])
    assert [fault.path.name for fault in caught.value.faults] == ["a", "b"]


def test_a_hundred_thousand_prefixes_stay_small(tmp_path: Path) -> None:
    """Less than 60 bytes an entry, and every one is found."""
    numbers = np.random.default_rng(5).choice(2**24, 100_000, replace=False) + 0x0B000000
    (tmp_path / "many.txt").write_text("".join(f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}\n" for n in numbers.tolist()))
    lists = ThreatLists([tmp_path / "many.txt"])
    assert lists.nbytes < 60 * len(lists)
    hits = lists.listed(np.zeros(100_000, np.uint64), numbers.astype(np.uint64) | np.uint64(addresses.V4))
    assert (hits == np.arange(100_000)).all()
