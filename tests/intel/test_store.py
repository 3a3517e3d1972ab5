"""Threat lists as used by detectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sensor.core import addresses
from sensor.documents import DocumentErrors
from sensor.intel.compiled import Entry
from sensor.intel.store import ThreatLists, shrunk


def columns(*texts: str) -> tuple[np.ndarray, np.ndarray]:
    numbers = [addresses.parse(text) for text in texts]
    return np.array([n >> 64 for n in numbers], np.uint64), np.array([n & 2**64 - 1 for n in numbers], np.uint64)


def test_reports_which_list_and_line(tmp_path: Path) -> None:
    """One lookup covers several lists; the most specific entry is returned; addresses not listed, private ones too,
    have none.
    """
    (tmp_path / "feodo.txt").write_text("# c2\n203.0.113.0/24 botnet\n")
    (tmp_path / "mine.txt").write_text("198.51.100.7\n203.0.113.9 # Emotet\n2001:db8:66::/48\n")
    lists = ThreatLists([tmp_path / "feodo.txt", tmp_path / "mine.txt"])
    hits = lists.listed(
        *columns(
            "203.0.113.8", "203.0.113.9", "198.51.100.7", "198.51.100.8", "2001:db8:66::5", "2001:db8:67::5", "10.0.0.1"
        )
    )
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


def test_one_address_and_many_have_the_same_entries(tmp_path: Path) -> None:
    """The entry of a single address is that of the lookup of many; an allow-list takes it away."""
    (tmp_path / "bad.txt").write_text("203.0.113.0/24\n203.0.113.9\n2001:db8:66::/48\n")
    (tmp_path / "allow.txt").write_text("203.0.113.200\n2001:db8:66::7\n")
    texts = ("203.0.113.8", "203.0.113.9", "203.0.113.200", "198.51.100.8", "2001:db8:66::5", "2001:db8:66::7", "::1")
    lists = ThreatLists([tmp_path / "bad.txt", tmp_path / "allow.txt"])
    many = [lists.entry(hit) if hit >= 0 else None for hit in lists.listed(*columns(*texts)).tolist()]
    single = [lists.address(addresses.parse(text)) for text in texts]
    assert single == many
    assert [entry and entry.entry for entry in single] == [
        "203.0.113.0/24", "203.0.113.9", None, None, "2001:db8:66::/48", None, None,
    ]  # fmt: skip


def test_no_lists_cost_nothing() -> None:
    """Without lists every lookup returns -1 and no memory is used."""
    lists = ThreatLists()
    assert (len(lists), lists.nbytes, lists.faults) == (0, 0, [])
    assert lists.listed(*columns("11.1.1.1", "::2")).tolist() == [-1, -1]
    assert lists.address(addresses.parse("11.1.1.1")) is None


def test_all_unreadable_files_are_reported_at_once(tmp_path: Path) -> None:
    """One error lists them all."""
    with pytest.raises(DocumentErrors) as caught:
        ThreatLists([tmp_path / "a", tmp_path / "b"])
    assert [fault.path.name for fault in caught.value.faults] == ["a", "b"]


def test_a_hundred_thousand_prefixes_stay_small(tmp_path: Path) -> None:
    """An entry takes less than 60 bytes, and every one is found."""
    numbers = np.random.default_rng(5).choice(2**24, 100_000, replace=False) + 0x0B000000
    (tmp_path / "many.txt").write_text(
        "".join(f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}\n" for n in numbers.tolist())
    )
    lists = ThreatLists([tmp_path / "many.txt"])
    assert lists.nbytes < 60 * len(lists)
    hits = lists.listed(np.zeros(100_000, np.uint64), numbers.astype(np.uint64) | np.uint64(addresses.V4))
    assert (hits == np.arange(100_000)).all()


def test_one_that_cannot_be_read_never_stops_the_others(tmp_path: Path) -> None:
    """Configured lists and those of the state folder: faults are kept as texts, the other lists are used."""
    (tmp_path / "good.list").write_text("203.0.113.9\n")
    (tmp_path / "bad.list").write_text("<html>\n")
    lists = ThreatLists(more=[tmp_path / "none.txt"], folder=tmp_path)
    assert lists.check("203.0.113.9") is not None
    assert [fault.path.name for fault in lists.unread if fault.column == 1 and fault.line == 1][:2] == [
        "none.txt",
        "bad.list",
    ]


@pytest.mark.parametrize(
    ("requested", "entry"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:66::1", "2001:db8:66::/48"),
        ("WWW.c2.example", "c2.example"),
        ("c2.example.", "c2.example"),
        ("http://host.example:8080/bin.sh#x", "http://host.example/bin.sh"),
        ("https://c2.example/anything", "c2.example"),
        ("01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67", "0123456789abcdef0123456789abcdef01234567"),
        ("0123456789ABCDEF0123456789ABCDEF", "0123456789abcdef0123456789abcdef"),
        ("t13d1516h2_8daaf6152771_b186095e22b6", "t13d1516h2_8daaf6152771_b186095e22b6"),
        ("nc2.example", None),
        ("http://host.example/other", None),
        ("203.0.114.1", None),
        ("allowed.c2.example", None),
        ("203.0.113.200", None),
        ("", None),
        ("no sense at all", None),
    ],
)
def test_any_kind_of_indicator_can_be_looked_up(tmp_path: Path, requested: str, entry: str | None) -> None:
    """Addresses by block, names by suffix, URLs without scheme and port, fingerprints in any notation; allow-lists take
    precedence.
    """
    (tmp_path / "bad.txt").write_text(
        "203.0.113.0/24\n2001:db8:66::/48\nc2.example\nhttp://host.example/bin.sh\n0123456789abcdef0123456789abcdef01234567\n"
        "0123456789abcdef0123456789abcdef\nt13d1516h2_8daaf6152771_b186095e22b6\n"
    )
    (tmp_path / "allow.txt").write_text("allowed.c2.example\n203.0.113.200\n")
    found = ThreatLists([tmp_path / "bad.txt", tmp_path / "allow.txt"]).check(requested)
    assert (found.entry if found else None) == entry


def test_confidence_and_expiry(tmp_path: Path) -> None:
    """The values of the list are used, else the default of the kind: many programs share one JA3."""
    (tmp_path / "bad.csv").write_text(
        "indicator,confidence,valid_until\nold.example,30,2021-01-01\nnew.example,,\n0123456789abcdef0123456789abcdef,,\n203.0.113.5,100,2027-01-01T00:00:00Z\n"
    )
    lists = ThreatLists([tmp_path / "bad.csv"])
    found = [
        lists.check(value)
        for value in ("old.example", "new.example", "0123456789abcdef0123456789abcdef", "203.0.113.5")
    ]
    now = 1_767_225_600 * 10**9  # 2026-01-01
    assert [(one.confidence, one.expired(now), one.expired(now + 2 * 365 * 86400 * 10**9)) for one in found if one] == [
        (0.3, True, True), (0.8, False, False), (0.5, False, False), (1.0, False, True),
    ]  # fmt: skip


NOW = 1_767_225_600 * 10**9  # 2026-01-01
DAY_NS = 86_400 * 10**9


def test_an_expired_entry_hides_no_valid_one(tmp_path: Path) -> None:
    """Of equal indicators the one that is valid longest counts, whatever the order of lists and lines."""
    (tmp_path / "a.csv").write_text(
        "indicator,valid_until\n203.0.113.5,2021-01-01\n203.0.113.5,2025-01-01\nc2.example,2021-01-01\nx.example,2021-01-01\n"
    )
    (tmp_path / "b.csv").write_text("indicator,valid_until\n203.0.113.5,2027-01-01\nx.example,2023-01-01\n")
    (tmp_path / "c.txt").write_text("c2.example\n203.0.113.6\n")
    lists = ThreatLists([tmp_path / name for name in ("a.csv", "b.csv", "c.txt")])
    found = [lists.check(value) for value in ("203.0.113.5", "c2.example", "x.example", "203.0.113.6")]
    assert [(one.list_name, one.expired(NOW)) for one in found if one is not None] == [
        ("b", False), ("c", False), ("b", True), ("c", False),
    ]  # fmt: skip


def test_an_expired_entry_hides_no_wider_one(tmp_path: Path) -> None:
    """Until an entry expires, the closest one is returned; afterwards the next wider one, of any list, and none once
    all have expired. The same holds for the entries of an allow-list.
    """
    (tmp_path / "a.csv").write_text(
        "indicator,valid_until\n203.0.113.0/24,2026-01-09\n203.0.113.0/28,2026-01-05\n203.0.113.5,2026-01-03\n"
        "2001:db8:66::7,2026-01-03\nx.y.c2.example,2026-01-03\nc2.example,2026-01-09\n"
        "http://x.y.c2.example/a,2026-01-03\n198.51.100.0/24,\n"
    )
    (tmp_path / "b.csv").write_text("indicator\n2001:db8:66::/48\ny.c2.example\n")
    (tmp_path / "allow.csv").write_text("indicator,valid_until\n198.51.100.7,2026-01-03\n198.51.100.0/28,\n")
    lists = ThreatLists([tmp_path / name for name in ("a.csv", "b.csv", "allow.csv")])
    times = [NOW + day * DAY_NS for day in (1, 3, 6, 10)]
    expected = {
        "203.0.113.5": ["203.0.113.5", "203.0.113.0/28", "203.0.113.0/24", None],
        "203.0.113.77": ["203.0.113.0/24"] * 3 + [None],
        "2001:db8:66::7": ["2001:db8:66::7"] + ["2001:db8:66::/48"] * 3,
        "x.y.c2.example": ["x.y.c2.example"] + ["y.c2.example"] * 3,
        "c2.example": ["c2.example"] * 3 + [None],
        "http://x.y.c2.example/a": ["http://x.y.c2.example/a"] + ["y.c2.example"] * 3,
        "198.51.100.7": [None] * 4,
    }
    for value, entries in expected.items():
        assert [one and one.entry for one in (lists.check(value, ts) for ts in times)] == entries, value
    requested = ["203.0.113.5", "203.0.113.77", "2001:db8:66::7", "198.51.100.7"]
    hits = lists.listed(*columns(*requested * 4), np.repeat(np.array(times, np.int64), 4)).tolist()
    assert [lists.entry(hit).entry if hit >= 0 else None for hit in hits] == [
        expected[value][number] for number in range(4) for value in requested
    ]


def test_without_a_time_all_that_may_be_listed(tmp_path: Path) -> None:
    """Detectors ask before they know the time: expired entries count, and exceptions that expire do not."""
    (tmp_path / "bad.csv").write_text("indicator,valid_until\nold.example,2021-01-01\nc2.example,\nok.example,\n")
    (tmp_path / "allow.csv").write_text("indicator,valid_until\nc2.example,2030-01-01\nok.example,\n")
    lists = ThreatLists([tmp_path / "bad.csv", tmp_path / "allow.csv"])
    assert [lists.domain(f"{name}.example") is not None for name in ("old", "c2", "ok")] == [True, True, False]
    assert [lists.domain(f"{name}.example", NOW) is not None for name in ("old", "c2", "ok")] == [False] * 3


def test_exceptions_expire(tmp_path: Path) -> None:
    """An entry of an allow-list spares all kinds of indicators until its date; the time is that of the packet."""
    values = ("203.0.113.5", "c2.example", "http://h.example/a", "203.0.113.6")
    (tmp_path / "bad.txt").write_text("".join(f"{value}\n" for value in values))
    (tmp_path / "allow.csv").write_text(
        "indicator,valid_until\n203.0.113.0/29,2026-01-02\nc2.example,2026-01-02\nh.example,2026-01-02\n203.0.113.6,\n"
    )
    lists = ThreatLists([tmp_path / "bad.txt", tmp_path / "allow.csv"])
    times = (NOW, NOW + 2 * DAY_NS)
    assert [[lists.check(value, ts) is None for value in values] for ts in (0, *times)] == [
        [True] * 4, [True] * 4, [False, False, False, True],
    ]  # fmt: skip
    assert [lists.domain("c2.example", ts) is None for ts in times] == [True, False]
    assert [lists.text("http://h.example/a", ts) is None for ts in times] == [True, False]
    assert [lists.address(addresses.parse("203.0.113.5"), ts) is None for ts in times] == [True, False]
    hits = lists.listed(*columns(*["203.0.113.5"] * 2, "203.0.113.6", "11.1.1.1"), np.array([*times, times[1], NOW]))
    assert (hits >= 0).tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [(100, 49, True), (100, 50, False), (100, 0, True), (20, 0, True), (19, 0, False), (0, 0, False), (5, 500, False)],
)
def test_what_is_refused(before: int, after: int, refused: bool) -> None:
    """A list that lost more than half of its entries is rejected, unless it is small, since short feeds vary."""
    assert shrunk(before, after) is refused
