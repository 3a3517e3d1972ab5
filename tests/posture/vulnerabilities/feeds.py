"""Minimal feeds in the formats of their publishers."""

from __future__ import annotations

from typing import Any

KEV = {
    "title": "CISA Catalog of Known Exploited Vulnerabilities", "catalogVersion": "2025.08.25",
    "dateReleased": "2025-08-25T17:04:19.9796Z", "count": 2,
    "vulnerabilities": [
        {
            "cveID": "CVE-2024-41710", "vendorProject": "Mitel", "product": "SIP Phones", "dateAdded": "2025-02-12",
            "dueDate": "2025-03-05",
            "vulnerabilityName": "Mitel SIP Phones Argument Injection Vulnerability",
            "knownRansomwareCampaignUse": "Known",
            "requiredAction": 'Apply, or "stop"\nusing it.',
        },
        {"cveID": "x"},
    ],
}  # fmt: skip
EPSS = """\
#model_version:v2025.03.14,score_date:2026-11-26T00:00:00+0000
cve,epss,percentile
CVE-2021-36260,0.944,0.99995
CVE-2021-36261,7,0.5
"""
CVE_RECORD = {
    "dataType": "CVE_RECORD", "dataVersion": "5.1",
    "cveMetadata": {"cveId": "CVE-2024-41710", "state": "PUBLISHED", "datePublished": "2024-08-12T00:00:00",
    "dateUpdated": "2024-08-13T00:00:00"},
    "containers": {
        "cna": {
            "title": "Argument injection",
            "affected": [
                {
                    "vendor": "Mitel", "product": "6867i",
                    "versions": [
                        {"version": "0", "lessThanOrEqual": "6.4.0.136", "status": "affected"},
                        {"version": "5.0", "lessThan": "5.1", "status": "affected"},
                        {"version": "7.0", "status": "unaffected"},
                    ],
                },
                {"vendor": "Mitel", "product": "6970", "versions": [{"version": "before the March release",
                "status": "affected"}]},
                {"vendor": "Mitel", "product": "6905", "defaultStatus": "affected"},
                {"vendor": "n/a", "product": "n/a", "versions": [{"version": "n/a", "status": "affected"}]},
            ],
        },
        "adp": [{"metrics": [{"cvssV3_1": {"version": "3.1", "baseScore": 6.8}},
        {"other": {"type": "kev", "content": {"dateAdded": "2025-02-12"}}}]}],
    },
}  # fmt: skip


def cpe_match(name: str, version: str = "*", **bounds: str) -> dict[str, Any]:
    """A vulnerable CPE name: part, vendor, product and versions."""
    return {"vulnerable": True, "criteria": f"cpe:2.3:{name}:{version}:*:*:*:*:*:*:*", **bounds}


def nvd_cve(
    cve: str,
    matches: list[dict[str, Any]],
    *,
    hardware: list[str] | None = None,
    score: float = 7.5,
    modified: str = "2025-10-21T20:18:39.667",
    exploited: str = "",
) -> dict[str, Any]:
    """One element of an NVD feed."""
    nodes = [{"operator": "OR", "negate": False, "cpeMatch": matches}]
    if hardware:
        runs = [{"vulnerable": False, "criteria": f"cpe:2.3:{name}:-:*:*:*:*:*:*:*"} for name in hardware]
        nodes.append({"operator": "OR", "negate": False, "cpeMatch": runs})
    return {
        "cve": {
            "id": cve, "cisaExploitAdd": exploited, "published": "2021-09-22T13:15:07.690", "lastModified": modified,
            "vulnStatus": "Modified",
            "descriptions": [{"lang": "es", "value": "Dicho"}, {"lang": "en", "value": "Told in English"}],
            "metrics": {
                "cvssMetricV2": [{"type": "Primary", "cvssData": {"version": "2.0", "baseScore": 1.0}}],
                "cvssMetricV31": [{"type": "Primary", "cvssData": {"version": "3.1", "baseScore": score}}],
                "cvssMetricV40": [{"type": "Secondary", "cvssData": {"version": "4.0", "baseScore": 2.0}}],
            },
            "configurations": [{"operator": "AND", "nodes": nodes}],
        }
    }  # fmt: skip


def nvd_feed(cves: list[dict[str, Any]]) -> dict[str, Any]:
    """A feed, or a page of the API."""
    head = {
        "resultsPerPage": len(cves),
        "startIndex": 0,
        "totalResults": len(cves),
        "format": "NVD_CVE",
        "version": "2.0",
    }
    return {**head, "timestamp": "2025-10-21T20:18:39.667", "vulnerabilities": cves}


def advisory(vendor: str = "Trane", name: str = "X-1", released: str = "2024-05-02") -> dict[str, Any]:
    """An advisory of CSAF 2.0."""

    def branch(category: str, name: str, *below: dict[str, Any], identity: str = "") -> dict[str, Any]:
        return {
            "category": category,
            "name": name,
            "branches": list(below),
            **({"product": {"product_id": identity, "name": name}} if identity else {}),
        }

    firmware = branch("product_name", "Firmware", branch("product_version", "5.5 SP2", identity="F1"))
    names = [
        branch(
            "product_name",
            "Tracer SC",
            branch("product_version_range", "<4.4", identity="P1"),
            branch("product_version", "4.4", identity="P2"),
        ),
        branch("product_name", "Concierge", identity="C1"),
        firmware,
    ]
    relation = {
        "category": "installed_on", "product_reference": "F1", "relates_to_product_reference": "C1",
        "full_product_name": {"product_id": "FC", "name": "x"},
    }  # fmt: skip
    return {
        "document": {
            "csaf_version": "2.0", "title": "An advisory",
            "tracking": {"id": name, "initial_release_date": "2024-05-01T00:00:00Z",
            "current_release_date": f"{released}T00:00:00Z"},
        },
        "product_tree": {"branches": [branch("vendor", vendor, branch("product_family", "Tracer", *names))],
        "relationships": [relation]},
        "vulnerabilities": [
            {
                "cve": "CVE-2024-0001", "scores": [{"cvss_v3": {"baseScore": 9.8}, "products": ["P1"]}],
                "product_status": {"known_affected": ["P1", "FC"], "fixed": ["P2"]},
            }
        ],
    }  # fmt: skip
