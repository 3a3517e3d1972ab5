"""Large feeds and fleets, made up but of the shape of real ones: a few vendors with thousands of models, most CVEs of
software that no device runs.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sensor.posture.vulnerabilities.asset import Asset
from tests.posture.vulnerabilities.feeds import cpe_match, nvd_cve

# Vendor as feeds and as we call it, and how its models are called.
VENDORS = (
    ("hikvision", "Hikvision", "ds-2cd{}"), ("dahuasecurity", "Dahua", "ipc-hfw{}"), ("axis", "Axis", "p{}-lve"),
    ("cisco", "Cisco", "ip_phone_{}"),
    ("hp", "HP", "laserjet_m{}"), ("yealink", "Yealink", "sip-t{}"), ("dlink", "D-Link", "dir-{}"),
    ("netgear", "NETGEAR", "r{}"),
)  # fmt: skip
MODELS = 1500
# What NVD says beside what counts: references, weaknesses, words.
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
    """One CVE: four in ten of devices, on one to six models, the others of software with many versions."""
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
    """A yearly feed of so many CVEs, written as NVD writes it."""
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
    """Devices of these vendors, each of a model and firmware that some share, told by packets."""
    chance = random.Random(1)
    for number in range(count):
        _, vendor, model = chance.choice(VENDORS)
        firmware = f"{chance.randint(1, 9)}.{chance.randint(0, 99)}.{chance.randint(0, 99)}"
        name = model.format(chance.randrange(MODELS)).upper().replace("_", " ")
        proof = ({"attribute": "firmware", "value": firmware, "family": "lldp"},)
        yield Asset(f"dev-{number}", vendor, name, "camera", "", firmware, proof)
