"""A finding for one device and one CVE: affected, not affected or unknown, with the reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sensor.posture.vulnerabilities.ranges import AffectedStatus

# A certain source has precedence over an uncertain one; of two certain ones, the one that reports it affected.
_WEIGHT = {AffectedStatus.AFFECTED: 2, AffectedStatus.NOT_AFFECTED: 1, AffectedStatus.UNKNOWN: 0}


class Finding(NamedTuple):
    """``product``: product in the record, in its own words; ``source``: ``curated``, ``nvd``, ``cve`` or ``csaf``;
    ``certainty``: of the version rule.
    """

    cve: str
    verdict: AffectedStatus
    reason: str
    source: str
    product: str
    certainty: float = 1.0


def strongest(findings: Iterable[Finding]) -> dict[str, Finding]:
    """One finding per CVE."""
    best: dict[str, Finding] = {}
    for finding in findings:
        known = best.get(finding.cve)
        if known is None or _WEIGHT[finding.verdict] > _WEIGHT[known.verdict]:
            best[finding.cve] = finding
    return best
