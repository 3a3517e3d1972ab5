"""The risk of an alert, 0 to 100."""

from __future__ import annotations

from collections.abc import Mapping

from sensor.core.alert import Alert, Severity

_BASE_RISK = {"info": 10, "low": 30, "medium": 50, "high": 70, "critical": 90}


def risk(alert: Alert) -> int:
    """0 to 100: the sum of its terms."""
    return risk_of(risk_terms(alert))


def risk_of(terms: Mapping[str, int]) -> int:
    """The sum of some terms, limited to 0 to 100."""
    return max(0, min(100, sum(terms.values())))


def risk_terms(alert: Alert) -> dict[str, int]:
    """The terms of the risk score: 10, 30, 50, 70 or 90 by severity, up to 10 more or less by confidence, and the
    alert's own terms.
    """
    return {
        "severity": _BASE_RISK[Severity(alert.severity).name],
        "confidence": round(20 * (alert.confidence - 0.5)),
        **alert.terms,
    }
