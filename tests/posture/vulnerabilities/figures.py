"""Large synthetic feeds and inventories with the distribution of real ones: a few vendors with thousands of models,
most CVEs about software that no device runs.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sensor.posture.vulnerabilities.asset import Asset
from tests.posture.vulnerabilities.feeds import cpe_match, nvd_cve

# The vendor's name in feeds and in fingerprints, and the pattern of its model names.
VENDORS = (
    ("hikvision", "Hikvision", "ds-2cd{}"), ("dahuasecurity", "Dahua", "ipc-hfw{}"), ("axis", "Axis", "p{}-lve"),
    ("cisco", "Cisco", "ip_phone_{}"),
    ("hp", "HP", "laserjet_m{}"), ("yealink", "Yealink", "sip-t{}"), ("dlink", "D-Link", "dir-{}"),
    ("netgear", "NETGEAR", "r{}"),
)  # fmt: skip
MODELS = 1500
# Other content of NVD: references, weaknesses, descriptions.
_CONVERSATION = "A flaw in the handling of requests allows a remote attacker to do what should not be done. " * 8
_REFERENCES = [
    {
        "url": f"https://example.com/advisories/{number}/details-of-what-was-found",
        "source": "cve@example.com",
        "tags": ["Vendor"],
    }
    for number in range(12)
]


def element(chance: random.Random, number: int, year: int = 2024) -> dict[str, Any]:
    """One CVE: four in ten are about one to six device models, the others about software with many versions."""
    if chance.random() < 0.4:
        vendor, _, model = chance.choice(VENDORS)
        end = f"{chance.randint(1, 9)}.{chance.randint(0, 99)}.{chance.randint(0, 99)}"
        names = [model.format(chance.randrange(MODELS)) for _ in range(chance.randint(1, 6))]
        matches = [cpe_match(f"o:{vendor}:{name}_firmware", versionEndExcluding=end) for name in names]
        one = nvd_cve(f"CVE-{year}-{number}", matches, hardware=[f"h:{vendor}:{name}" for name in names])
    else:
        product = f"a:vendor{chance.randrange(20_000)}:product{chance.randrange(50)}"
        one = nvd_cve(
            f"CVE-{year}-{number}",
            [cpe_match(product, version=f"{chance.randint(1, 20)}.{n}") for n in range(chance.randint(1, 12))],
        )
    one["cve"]["descriptions"][1]["value"] = _CONVERSATION
    one["cve"]["references"] = _REFERENCES
    return one


def write_feed(path: Path, count: int, year: int = 2024) -> None:
    """A yearly feed with this number of CVEs, in the format of NVD."""
    chance = random.Random(year)
    with path.open("w", encoding="utf-8") as file:
        file.write(
            '{"resultsPerPage": 1, "startIndex": 0, "format": "NVD_CVE", "version": "2.0", "timestamp": '
            '"2026-11-27T00:00:00.000", "vulnerabilities": ['
        )
        for number in range(count):
            file.write(("," if number else "") + json.dumps(element(chance, 1000 + number, year)))
        file.write("]}")


def fleet(count: int) -> Iterator[Asset]:
    """Devices of these vendors, with models and firmware versions that several share, observed in packets."""
    chance = random.Random(1)
    for number in range(count):
        _, vendor, model = chance.choice(VENDORS)
        firmware = f"{chance.randint(1, 9)}.{chance.randint(0, 99)}.{chance.randint(0, 99)}"
        name = model.format(chance.randrange(MODELS)).upper().replace("_", " ")
        proof = ({"attribute": "firmware", "value": firmware, "family": "lldp"},)
        yield Asset(f"dev-{number}", vendor, name, "camera", "", firmware, proof)
