"""A version and a range: inside, outside, or cannot be determined."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.posture.vulnerabilities.ranges import Range, evaluate
from sensor.posture.vulnerabilities.schemes import SCHEMES
from tests.golden import Golden

AXIS = (Range("9.80", "9.80.69"), Range("10.12", "10.12.236"), Range("11.0", "11.9"))


@pytest.mark.parametrize(
    ("scheme", "version", "ranges", "verdict"),
    [
        ("dotted", "1.0.7.13", (Range(end="1.0.7.13", through=True),), "affected"),
        ("dotted", "1.0.7.14", (Range(end="1.0.7.13", through=True),), "not affected"),
        ("dotted", "1.4", (Range("1.2", "1.4"),), "not affected"),
        ("dotted", "1.2", (Range("1.2", "1.4"),), "affected"),
        ("dotted", "1.2", (Range("1.2", "1.4", after=True),), "not affected"),
        ("dotted", "1.1", (Range("1.2", "1.4"),), "not affected"),
        ("dotted", "9.9", (Range("1.2"),), "affected"),
        ("dotted", "anything", (Range(),), "affected"),
        ("dotted", "3.1", (Range("3.1", "3.1", through=True), Range("4.0", "4.0", through=True)), "affected"),
        # Single versions are often only those that were tested; records of Cisco list all of them.
        ("dotted", "3.2", (Range("3.1", "3.1", through=True), Range("4.0", "4.0", through=True)), "unknown"),
        ("dotted", "3.2", (Range("3.1", "3.1", through=True), Range("4.0", "4.1")), "not affected"),
        ("cisco", "15.2(7)E4", (Range("15.2(7)E3", "15.2(7)E3", through=True),), "not affected"),
        ("dotted", "unknown", (Range("1.2", "1.4"),), "unknown"),
        ("dotted", "1.3", (Range("see advisory", "1.4"),), "unknown"),
        ("dotted", "1.3", (), "unknown"),
        # An observed version may be truncated, and one in a record may include all versions below it.
        ("dotted", "8.1", (Range(end="8.1.3.1301"),), "unknown"),
        ("dotted", "8.0", (Range(end="8.1.3.1301"),), "affected"),
        ("dotted", "8.1", (Range("8.1.2", "9.0"),), "unknown"),
        ("dotted", "12.0.4.7", (Range(end="12.0.4", through=True),), "unknown"),
        ("dotted", "4.2.1", (Range("4.2", after=True),), "unknown"),
        ("whole", "6.49", (Range(end="6.49.7"),), "affected"),
        # One range with the version is enough; an undetermined range only prevents the verdict "not affected".
        ("dotted", "1.3", (Range("x", "y"), Range("1.2", "1.4")), "affected"),
        ("dotted", "1.5", (Range("x", "y"), Range("1.2", "1.4")), "unknown"),
        ("axis", "9.80.3", AXIS, "affected"),
        ("axis", "9.80.69", AXIS, "not affected"),
        ("axis", "10.12.130", AXIS, "affected"),
        ("axis", "11.5.64", AXIS, "affected"),
        ("axis", "12.0.91", AXIS, "not affected"),
        ("axis", "8.40.30", AXIS, "not affected"),
        ("axis", "8.40.30", (Range("6.50", "11.5", through=True),), "unknown"),
        ("axis", "5.51.7", (Range("6.50", "11.5", through=True),), "not affected"),
        ("axis", "11.2.53", (Range("6.50", "11.5", through=True),), "affected"),
        ("axis", "11.5.64", (Range("6.50", "11.5", through=True),), "unknown"),
        ("axis", "11.6.94", (Range("6.50", "11.5", through=True),), "not affected"),
        ("cisco", "15.2(7)E3", (Range("15.2(1)E", "15.2(7)E10"),), "affected"),
        ("cisco", "12.2(44)SE", (Range("15.2(1)E", "15.2(7)E10"),), "not affected"),
        ("cisco", "15.4(3)M", (Range("15.2(1)E", "15.2(7)E10"),), "unknown"),
        (
            "futuresmart",
            "FutureSmart 5.4",
            (Range(end="3.9.8"), Range(end="4.11.2.1"), Range(end="5.3")),
            "not affected",
        ),
        ("futuresmart", "2409081_048594", (Range(end="3.9.8"), Range(end="4.11.2.1")), "unknown"),
        ("yealink", "66.86.0.15", (Range("53.84.0.15", "53.84.0.15", through=True),), "unknown"),
    ],
)
def test_verdict(scheme: str, version: str, ranges: tuple[Range, ...], verdict: str) -> None:
    answer = evaluate(SCHEMES[scheme], version, ranges)
    assert answer.verdict.value == verdict, answer
    assert answer.reason


def test_a_reason_names_the_version_and_the_range(golden: Golden) -> None:
    golden(evaluate(SCHEMES["dotted"], "1.3", (Range("1.2", "1.4"),)).reason)
    golden(evaluate(SCHEMES["dotted"], "8.1", (Range(end="8.1.3"),)).reason)
    singles = tuple(Range(f"{number}.0", f"{number}.0", through=True) for number in range(1, 6))
    golden(evaluate(SCHEMES["dotted"], "7.0", singles).reason)
    assert str(Range()) == "all versions"
    assert str(Range("1.2", "1.2", through=True)) == "1.2"
    assert str(Range("1.2", "1.4", after=True, through=True)) == "above 1.2 up to 1.4"


PARTS = st.lists(st.integers(0, 30), min_size=3, max_size=3)


@given(PARTS, PARTS, PARTS, st.booleans(), st.booleans())
def test_plain_numbers_lie_where_they_lie(
    version: list[int], start: list[int], end: list[int], after: bool, through: bool
) -> None:
    """Complete versions are determined by their numbers, unless only one version is named."""
    one = Range(*(".".join(map(str, parts)) for parts in (start, end)), after=after, through=through)
    inside = (version > start or (version == start and not after)) and (version < end or (version == end and through))
    answer = evaluate(SCHEMES["whole"], ".".join(map(str, version)), (one,))
    assert answer.verdict.value == ("affected" if inside else "unknown" if one.single else "not affected")
