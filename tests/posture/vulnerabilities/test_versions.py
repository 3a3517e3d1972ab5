"""Versions: ordered where the order is certain, and undetermined where it is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.posture.vulnerabilities.schemes import SCHEMES
from sensor.posture.vulnerabilities.versions import Order, compare

NUMBERS = st.lists(st.integers(0, 400), min_size=4, max_size=4)
# How each scheme writes a version from numbers, all of one track.
WRITTEN = {
    "dotted": lambda n: f"V{n[0]}.{n[1]}.{n[2]} build {200101 + n[3]}",
    "whole": lambda n: f"{n[0]}.{n[1]}.{n[2]}",
    "axis": lambda n: f"9.80.{n[0]}.{n[1]}",
    "cisco": lambda n: f"15.2({n[0]})E{n[1]}",
    "dahua": lambda n: f"{n[0]}.{n[1]:03}.0000000.{n[2]}.R",
    "build_date": lambda n: f"{2000 + n[0] % 100}-{1 + n[1] % 12:02}-{1 + n[2] % 28:02}",
    "futuresmart": lambda n: f"FutureSmart 4.{n[0]}.{n[1]}.{n[2]}",
    "yealink": lambda n: f"66.{n[0]}.{n[1]}.{n[2]}",
    "lexmark": lambda n: f"CXTPC.{n[0]:03}.{n[1]:03}",
}
TEXTS = st.text(alphabet="0123456789.()_- vVRrSPabehx", max_size=24) | st.text(max_size=200)
ORDERED = (Order.LESS, Order.EQUAL)


@pytest.mark.parametrize(
    ("scheme", "left", "order", "right"),
    [
        ("dotted", "1.9", "less", "1.10"),
        ("dotted", "1.2", "equal", "1.2.0"),
        ("dotted", "V5.5.82build 190220", "less", "V5.5.800 build 210628"),
        ("dotted", "V5.5.800 build 210628", "less", "5.5.800_build210702"),
        ("dotted", "V5.5.800", "unknown", "V5.5.800 build 210628"),
        ("dotted", "7.6.2SR5", "less", "7.6.2SR6"),
        ("dotted", "7.6.2", "less", "7.6.2SR6"),
        ("dotted", "6.3 SP3 HF4", "greater", "6.3 SP3"),
        ("dotted", "6.3 SP1", "unknown", "6.3 HF1"),
        ("dotted", "3.3.4.1", "less", "3.3.4.1h"),
        ("dotted", "3.3.4.1g", "less", "3.3.4.1h"),
        ("dotted", "7.1", "unknown", "7.1rc2"),
        ("dotted", "7.0", "less", "7.1rc2"),
        ("dotted", "DSM 7.1-42661", "less", "7.1-42962"),
        ("dotted", "h5.1.3.2578", "unknown", "5.1.3.2578"),
        ("dotted", "GL.10.06.0010", "unknown", "PL.10.06.0010"),
        ("dotted", "NVR-B3801.20.16.230101", "less", "NVR-B3801.20.17.240507"),
        ("dotted", "V5.21(AAZF.14)C0", "less", "V5.21(AAZF.17)C0"),
        ("dotted", "V5.21(AAZF.14)C0", "unknown", "V5.21(ABAG.11)C0"),
        ("dotted", "388_24198", "less", "388_24762"),
        ("axis", "9.80.3", "less", "9.80.69"),
        ("axis", "9.80.3", "unknown", "10.12.236"),
        ("axis", "11.2.53", "less", "11.5"),
        ("axis", "11.11.73", "unknown", "12.0.91"),
        ("cisco", "15.2(7)E3", "less", "15.2(7)E10"),
        ("cisco", "15.2(7)E", "less", "15.2(7)E3"),
        ("cisco", "12.2(44)SE", "unknown", "15.2(7)E3"),
        ("cisco", "17.3.4", "less", "17.3.4a"),
        ("cisco", "17.3.4a", "less", "17.3.5"),
        ("cisco", "17.3.4a", "unknown", "17.6.1"),
        ("cisco", "03.16.05.S", "less", "3.16.6S"),
        ("cisco", "14.2(1)", "less", "14.2(1)SR1"),
        ("cisco", "9.3(2)", "less", "9.3(10)"),
        ("dahua", "2.800.0000000.14.R", "less", "2.800.0000000.16.R"),
        ("dahua", "2.800.0000000.16.R", "unknown", "2.800.0000000.16.T"),
        ("dahua", "2.800.0000000.16.R, Build Date 2021-05-01", "less", "2.800.0000000.16.R, build date: 2021-06-01"),
        ("build_date", "2.800.0000000.16.R, Build Date 2021-05-01", "less", "2024-02-02"),
        ("build_date", "V4.30.096 build 221220", "greater", "20211231"),
        ("build_date", "2.800.0000000.16.R", "unknown", "2024-02-02"),
        ("futuresmart", "FutureSmart 4.8", "less", "FS 4.11.2.1"),
        ("futuresmart", "FutureSmart 5.2", "unknown", "FS 4.11.2.1"),
        ("futuresmart", "2409081_048594", "less", "2411097_060552"),
        ("futuresmart", "2409081_048594", "unknown", "FS 4.11.2.1"),
        ("futuresmart", "2309080_048584", "unknown", "2409081_048594"),
        ("yealink", "66.86.0.15", "greater", "66.85.0.5"),
        ("yealink", "66.86.0.15", "unknown", "53.84.0.15"),
        ("lexmark", "CXTPC.230.040", "less", "230.041"),
        ("lexmark", "LW71.SB7.P631", "unknown", "LW80.SB7.P246"),
    ],
)
def test_families(scheme: str, left: str, order: str, right: str) -> None:
    """Each scheme has its own rules; exchanging both versions reverses the result."""
    assert compare(SCHEMES[scheme], left, right).value == order
    assert compare(SCHEMES[scheme], right, left) is Order(order).reverse


@pytest.mark.parametrize("text", ["", "unknown", "see advisory", "1" * 200, "1." * 60, "½.2", "1.2\x00"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_no_version_cannot_be_reported(scheme: str, text: str) -> None:
    assert compare(SCHEMES[scheme], text, "1.2.3.4") is Order.UNKNOWN
    assert compare(SCHEMES[scheme], text, text) is Order.UNKNOWN


def test_every_scheme_is_ordered() -> None:
    assert WRITTEN.keys() == SCHEMES.keys()


@given(NUMBERS, NUMBERS, NUMBERS)
def test_order_inside_a_track_is_total(a: list[int], b: list[int], c: list[int]) -> None:
    """Within a track all versions are ordered, antisymmetrically and transitively."""
    for name, written in WRITTEN.items():
        one, two, three = written(a), written(b), written(c)
        reported = compare(SCHEMES[name], one, two)
        assert reported is not Order.UNKNOWN, (name, one, two)
        assert compare(SCHEMES[name], two, one) is reported.reverse
        assert compare(SCHEMES[name], one, one) is Order.EQUAL
        if reported in ORDERED and compare(SCHEMES[name], two, three) in ORDERED:
            assert compare(SCHEMES[name], one, three) in ORDERED


@given(TEXTS, TEXTS, TEXTS)
def test_anything_may_be_compared(a: str, b: str, c: str) -> None:
    """Arbitrary texts raise no error and have consistent results."""
    for scheme in SCHEMES.values():
        reported = compare(scheme, a, b)
        assert compare(scheme, b, a) is reported.reverse
        if reported in ORDERED and compare(scheme, b, c) in ORDERED:
            assert compare(scheme, a, c) is not Order.GREATER
