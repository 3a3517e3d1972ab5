"""CISA's catalogue of known exploited vulnerabilities, as JSON or CSV
(cisa.gov/known-exploited-vulnerabilities-catalog).
"""

from __future__ import annotations

from typing import Any

from sensor.posture.vulnerabilities.feeds.entry import Exploited, cve_of, text_of

LIST, FIRST = "vulnerabilities", "cveID"


def exploited_of(element: dict[str, Any]) -> Exploited:
    """One entry in either format. Raises ValueError if it is invalid."""
    fields = {
        name: text_of(element.get(name), 400)
        for name in ("vulnerabilityName", "dateAdded", "dueDate", "knownRansomwareCampaignUse", "requiredAction")
    }
    return Exploited(
        cve_of(element.get("cveID")), fields["vulnerabilityName"], fields["dateAdded"][:10], fields["dueDate"][:10],
        fields["knownRansomwareCampaignUse"] == "Known", fields["requiredAction"],
    )  # fmt: skip


def stamp_of(header: dict[str, Any]) -> str:
    return text_of(header.get("dateReleased"), 32)
