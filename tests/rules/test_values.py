"""Conditions on values: valid ones, and invalid ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.core.addresses import V4, Networks, parse, parse_mac
from sensor.rules.values import Kind, RuleError, fit_of
from tests.golden import Golden

SETS: dict[str, list[str | int]] = {
    "ours": ["10.0.0.0/8", "203.0.113.7"],
    "ports": [22, 3389],
    "names": ["ADM", "root"],
    "nested": ["$names", "$literal"],
}
INSIDE, OUTSIDE = parse("10.0.0.5"), parse("203.0.113.66")


def fits(kind: Kind, requested: Any, value: Any) -> bool:
    return fit_of(kind, requested, SETS, Networks()).one(value)


@pytest.mark.parametrize(
    ("kind", "requested", "yes", "no"),
    [
        (Kind.TEXT, "Admin", ["admin", "ADMIN"], ["admins", ""]),
        (Kind.TEXT, ["a", "$names"], ["A", "adm", "ROOT"], ["b"]),
        (Kind.TEXT, {"not": ["a", "b"]}, ["c", ""], ["A"]),
        (Kind.TEXT, {"begins": "adm"}, ["ADMIN"], ["my adm"]),
        (Kind.TEXT, {"ends": [".exe", ".dll"]}, ["a.EXE", "b.dll"], ["exe"]),
        (Kind.TEXT, {"contains": "pass"}, ["my PASSword"], ["pas"]),
        (Kind.TEXT, {"like": "c:\\*\\?.exe"}, ["C:\\x\\y\\a.exe"], ["c:\\a.exe", "c:\\x\\ab.exe"]),
        (Kind.TEXT, {"matches": "^a+$|z"}, ["AAA", "xzx"], ["ab"]),
        (Kind.TEXT, {"matches": [r"(x)y", r"(a)\1", "(?i)Z$"]}, ["xy", "aa", "z"], ["ax"]),
        (Kind.TEXT, {"begins": "a", "ends": "z"}, ["a-z"], ["a", "z"]),
        (Kind.TEXT, {"present": True}, ["x"], [""]),
        (Kind.NUMBER, 5, [5], [6]),
        (Kind.NUMBER, "$ports", [22, 3389], [23]),
        (Kind.NUMBER, {"above": 5, "at_most": 9}, [6, 9], [5, 10]),
        (Kind.NUMBER, {"below": 5}, [4], [5]),
        (Kind.NUMBER, {"at_least": 0.5}, [0.5], [0.4]),
        (Kind.NUMBER, "10.0.0.0/8", [INSIDE], [OUTSIDE]),
        (Kind.NUMBER, "00:17:c8", [parse_mac("00:17:c8:00:00:01")], [parse_mac("00:17:c9:00:00:01")]),
        (Kind.FLAG, True, [True], [False, None]),
        (Kind.FLAG, {"not": True}, [False, None], [True]),
        (Kind.ADDRESS, "10.0.0.5", [INSIDE], [INSIDE + 1]),
        (Kind.ADDRESS, "$ours", [INSIDE, parse("203.0.113.7")], [OUTSIDE]),
        (
            Kind.ADDRESS,
            ["2001:db8::/32", "10.1.0.0/16"],
            [parse("2001:db8::5"), parse("10.1.255.255")],
            [INSIDE, parse("2001:db9::")],
        ),
        (Kind.ADDRESS, "internal", [INSIDE, parse("fe80::1")], [OUTSIDE, parse("224.0.0.1"), 0]),
        (Kind.ADDRESS, "external", [OUTSIDE, parse("2001:db8::1")], [INSIDE, parse("239.1.1.1"), 0]),
        (Kind.ADDRESS, "inside", [INSIDE], [OUTSIDE]),
        (Kind.ADDRESS, "outside", [OUTSIDE], [INSIDE]),
        (Kind.ADDRESS, {"not": ["multicast", "internal"]}, [OUTSIDE], [parse("ff02::1"), INSIDE]),
        (Kind.ADDRESS, {"present": False}, [0], [INSIDE]),
        (
            Kind.MAC,
            ["00:17:c8", "00-1b-21-00-00-02"],
            [parse_mac("00:17:c8:1a:2b:3c"), parse_mac("00:1b:21:00:00:02")],
            [parse_mac("00:1b:21:00:00:03"), 0],
        ),
        (Kind.TEXTS, "h2", [("http/1.1", "H2")], [(), ("h3",)]),
        (Kind.TEXTS, {"not": "h2"}, [(), ("h3",)], [("h2", "h3")]),
        (Kind.TEXTS, {"begins": "a", "present": True}, [("x", "ab")], [("x",)]),
        (Kind.NUMBERS, {"above": 5}, [(1, 9)], [(1, 2), ()]),
    ],
)
def test_what_fits(kind: Kind, requested: Any, yes: list[Any], no: list[Any]) -> None:
    """Case-insensitive text, blocks, sets by name; lists by any of their items."""
    assert [fits(kind, requested, value) for value in yes] == [True] * len(yes)
    assert [fits(kind, requested, value) for value in no] == [False] * len(no)


@pytest.mark.parametrize(
    ("kind", "requested", "where"),
    [
        (Kind.TEXT, 5, ()),
        (Kind.TEXT, {"start": "x"}, ("start",)),
        (Kind.TEXT, {"begin": "x"}, ("begin",)),
        (Kind.TEXT, {"matches": "("}, ("matches",)),
        (Kind.TEXT, {}, ()),
        (Kind.TEXT, [], ()),
        (Kind.TEXT, ["a", ["b"]], (1,)),
        (Kind.TEXT, ["a", "$nams"], (1,)),
        (Kind.NUMBER, {"above": "x"}, ("above",)),
        (Kind.NUMBER, {"above": [1, 2]}, ("above",)),
        (Kind.NUMBER, True, ()),
        (Kind.NUMBER, "seven", ()),
        (Kind.FLAG, "yes", ()),
        (Kind.ADDRESS, "10.0.0.300", ()),
        (Kind.ADDRESS, {"above": "10.0.0.1"}, ("above",)),
        (Kind.MAC, "00:17", ()),
        (Kind.NUMBER, [22, "443"], (1,)),
        (Kind.TEXT, ["a", "$nested"], (1,)),
    ],
)
def test_what_makes_no_sense(golden: Golden, kind: Kind, requested: Any, where: tuple[Any, ...]) -> None:
    """The fault is reported with its position when the rule is loaded, not when a packet arrives."""
    with pytest.raises(RuleError) as caught:
        fit_of(kind, requested, SETS, Networks())
    golden(caught.value.message)
    assert caught.value.location == where


ADDRESSES = st.one_of(
    st.integers(0, 2**16).map(lambda n: V4 | 0x0A000000 | n),
    st.integers(0, 2**32 - 1).map(lambda n: V4 | n),
    st.integers(0, 2**128 - 1),
    st.just(0),
)


@given(
    st.lists(
        st.sampled_from(["10.0.0.0/8", "10.0.1.0/24", "10.0.0.7", "2001:db8::/33", "0.0.0.0/0", "::/0", "inside"]),
        min_size=1,
        max_size=4,
    ),
    st.lists(ADDRESSES, max_size=20),
    st.booleans(),
)
def test_columns_are_compared_the_same(requested: list[str], values: list[int], negated: bool) -> None:
    """A condition on a column of addresses gives the same as on each address."""
    fit = fit_of(Kind.ADDRESS, {"not": requested} if negated else requested, SETS, Networks())
    hi = np.array([value >> 64 for value in values], np.uint64)
    lo = np.array([value & 2**64 - 1 for value in values], np.uint64)
    assert fit.many is not None
    assert fit.many(hi, lo).tolist() == [fit.one(value) for value in values]


@given(
    st.lists(st.integers(0, 65535), max_size=20),
    st.sampled_from([5, [5, 9], {"above": 30000, "not": 40000}, {"at_most": 9}, {"below": 7}]),
)
def test_columns_of_numbers_too(values: list[int], requested: Any) -> None:
    """The same holds for ports and counters."""
    fit = fit_of(Kind.NUMBER, requested, SETS, Networks())
    assert fit.many is not None
    assert fit.many(np.array(values, np.uint16)).tolist() == [fit.one(value) for value in values]
