"""The order of fixes: a number from 0 to 100 for a finding, the sum of published terms, each of which is shown.

  exploited     30   in the catalogue of known exploited vulnerabilities, or known to be exploited
  probability   20 × the probability of EPSS
  severity       2 × the CVSS base score; 5.0 if it is not rated
  outside       10   the device answered a host on the internet, or requested a port mapping, in the last 90 days
  criticality   10   critical, 7 high, 4 medium or not set, 0 low, as the operator set it
  attacked      10   the device was the target of an observed attack in the last 90 days

The sum counts in full if the device is affected, by half if that is unknown, and not at all if it is not affected.
"""

from __future__ import annotations

from typing import NamedTuple

from sensor.posture.vulnerabilities.about import About
from sensor.posture.vulnerabilities.ranges import AffectedStatus

EXPLOITED = 30.0
PROBABILITY = 20.0
SEVERITY = 2.0
OUTSIDE = 10.0
CRITICALITY = {"critical": 10.0, "high": 7.0, "medium": 4.0, "low": 0.0}
ATTACKED = 10.0
UNRATED = 5.0
SHARES = {AffectedStatus.AFFECTED: 1.0, AffectedStatus.UNKNOWN: 0.5, AffectedStatus.NOT_AFFECTED: 0.0}


class RiskFactors(NamedTuple):
    """Of a device: whether it is reachable from the internet, whether it was attacked, and its criticality."""

    outside: bool = False
    attacked: bool = False
    criticality: str = ""


class Term(NamedTuple):
    """One part of a sum, and its explanation."""

    name: str
    points: float
    why: str


class Priority(NamedTuple):
    """``points``: ``share`` of the sum of the terms."""

    points: float
    share: float
    terms: tuple[Term, ...]


def priority(about: About, verdict: AffectedStatus, device: RiskFactors) -> Priority:
    """The terms of a finding and its priority."""
    terms = (
        Term("exploited", EXPLOITED if about.exploited else 0.0, _since(about)),
        Term(
            "probability",
            PROBABILITY * (about.probability or 0.0),
            "no EPSS score" if about.probability is None else f"EPSS {about.probability:.3f}",
        ),
        Term(
            "severity",
            SEVERITY * (UNRATED if about.cvss is None else about.cvss),
            "not rated" if about.cvss is None else f"CVSS {about.cvss}",
        ),
        Term(
            "outside",
            OUTSIDE * device.outside,
            "reachable from external hosts" if device.outside else "no answer to an external host observed",
        ),
        Term(
            "criticality",
            CRITICALITY.get(device.criticality, CRITICALITY["medium"]),
            f"criticality {device.criticality or 'not set'}",
        ),
        Term(
            "attacked",
            ATTACKED * device.attacked,
            "an attack on it was seen" if device.attacked else "no attack on it was seen",
        ),
    )
    share = SHARES[verdict]
    return Priority(round(share * sum(term.points for term in terms), 1), share, terms)


def _since(about: About) -> str:
    if not about.exploited:
        return "not known to be exploited"
    words = "known to be exploited" + (f" since {about.exploited}" if about.exploited != "known" else "")
    return f"{words}, also by ransomware" if about.ransomware else words
