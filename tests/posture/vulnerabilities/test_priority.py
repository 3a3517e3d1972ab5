"""The order of fixes: every term counts as documented."""

from __future__ import annotations

import pytest

from sensor.posture.vulnerabilities.about import About
from sensor.posture.vulnerabilities.priority import RiskFactors, priority
from sensor.posture.vulnerabilities.ranges import AffectedStatus
from tests.golden import Golden

WORST = About("CVE-2021-36260", cvss=10.0, probability=1.0, exploited="2022-01-10", ransomware=True)
BARE = About("CVE-2024-0001")


@pytest.mark.parametrize(
    ("about", "verdict", "device", "points"),
    [
        (WORST, AffectedStatus.AFFECTED, RiskFactors(outside=True, attacked=True, criticality="critical"), 100.0),
        (WORST, AffectedStatus.UNKNOWN, RiskFactors(outside=True, attacked=True, criticality="critical"), 50.0),
        (WORST, AffectedStatus.NOT_AFFECTED, RiskFactors(outside=True, attacked=True, criticality="critical"), 0.0),
        (BARE, AffectedStatus.AFFECTED, RiskFactors(), 14.0),
        (BARE, AffectedStatus.AFFECTED, RiskFactors(criticality="low"), 10.0),
        (BARE._replace(cvss=9.8), AffectedStatus.AFFECTED, RiskFactors(criticality="high"), 26.6),
        (
            BARE._replace(probability=0.5),
            AffectedStatus.AFFECTED,
            RiskFactors(outside=True, criticality="medium"),
            34.0,
        ),
        (
            BARE._replace(exploited="known"),
            AffectedStatus.AFFECTED,
            RiskFactors(attacked=True, criticality="nonsense"),
            54.0,
        ),
    ],
)
def test_points(about: About, verdict: AffectedStatus, device: RiskFactors, points: float) -> None:
    """Points are from 0 to 100, the sum of terms that are all shown, and half if the verdict is "unknown"."""
    reported = priority(about, verdict, device)
    assert reported.points == points
    assert round(reported.share * sum(term.points for term in reported.terms), 1) == points
    assert [term.name for term in reported.terms] == [
        "exploited",
        "probability",
        "severity",
        "outside",
        "criticality",
        "attacked",
    ]
    assert all(term.why for term in reported.terms)


def test_reasons(golden: Golden) -> None:
    """Each term has a reason, also with 0 points."""
    reported = {term.name: term.why for term in priority(WORST, AffectedStatus.AFFECTED, RiskFactors()).terms}
    golden(reported["exploited"])
    assert reported["severity"] == "CVSS 10.0"
    assert reported["criticality"] == "criticality not set"
    assert {term.name: term.why for term in priority(BARE, AffectedStatus.AFFECTED, RiskFactors()).terms}[
        "severity"
    ] == "not rated"
