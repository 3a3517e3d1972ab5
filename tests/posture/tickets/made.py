"""Synthetic sites for tickets: a few devices, or a large network of all device types."""

from __future__ import annotations

import random
from collections.abc import Container, Iterable, Mapping
from typing import Any

from sensor.core.addresses import Networks
from sensor.core.alert import Severity
from sensor.posture.firewall.simulate import Seen
from sensor.posture.site import Node, Site
from sensor.posture.vulnerabilities.priority import RiskFactors
from sensor.posture.weakness import SETTING, SETTING_POINTS, VULNERABILITY, Fix, Proof, Weakness

NOW = "2026-11-24T09:20:00.000000Z"
PROOF = Proof("2026-11-24T09:14:07.318442Z", "telnet.login", "login: prompt")
TELNET = Fix(
    "setting|telnet",
    "Telnet in use",
    "Switch Telnet off and use SSH.",
    '"nc -vz DEVICE 23" is refused.',
    {"Axis": "Update.", "Cisco": "transport input ssh"},
)


def node(number: int, kind: str = "camera", **more: Any) -> Node:
    """``dev-7`` at 10.0.0.7."""
    words = {
        "id": f"dev-{number}",
        "name": f"host-{number}",
        "address": f"10.0.{number >> 8}.{number & 255}",
        "segment": "vlan 20",
        "owner": "",
    }
    words |= {"vendor": "Axis", "model": "P3265", "firmware": "10.12.3", "first_seen": NOW, "last_seen": NOW, **more}
    tags = words.pop("tags", [])
    words.setdefault("gone", False)
    return Node(
        type=kind,
        roles=frozenset(),
        services=frozenset(),
        aimed=RiskFactors(),
        record={"device": {"tags": tags}},
        **words,
    )


def setting(device: str, severity: Severity = Severity.medium, fix: Fix = TELNET, **more: Any) -> Weakness:
    """A device with an insecure setting."""
    name = fix.key.partition("|")[2]
    made = Weakness(
        f"w-{device}-{name}",
        device,
        SETTING,
        name,
        fix.title,
        severity,
        SETTING_POINTS[severity],
        True,
        "Telnet shows passwords.",
        fix,
        PROOF,
    )
    return made._replace(**more)


def update(product: str, version: str, fixed: str = "10.12.206") -> Fix:
    return Fix(
        f"update|Axis|{product}|{version}",
        f"Update {product} from {version}",
        f"Fixed in {fixed}.",
        "The sensor sees the new version.",
    )


def cve(
    device: str, name: str = "CVE-2023-21413", points: float = 24.0, fix: Fix | None = None, **more: Any
) -> Weakness:
    """A device with vulnerable firmware."""
    fix = fix or update("P3265", "10.12.3")
    made = Weakness(
        f"w-{device}-{name}",
        device,
        VULNERABILITY,
        name,
        "Remote code execution",
        Severity.high,
        points,
        True,
        "10.12.3 is before 10.12.206",
        fix,
        PROOF,
    )
    return made._replace(**more)


def site(
    nodes: Iterable[Node],
    weaknesses: Iterable[Weakness],
    *,
    now: str = NOW,
    recommendations: Iterable[dict[str, Any]] = (),
    unaffected: Mapping[str, frozenset[str]] = {},
    rejected: Container[str] = (),
) -> Site:
    """A site as commands build it: weaknesses by device, the most severe first."""
    by_device: dict[str, list[Weakness]] = {}
    for one in sorted(weaknesses, key=lambda one: -one.points):
        by_device.setdefault(one.device, []).append(one)
    several = {name: tuple(found) for name, found in by_device.items()}
    by_id = {one.id: one for one in nodes}
    return Site(
        by_id, several, (), (), tuple(recommendations), Seen({}), Networks(), now,
        unaffected=unaffected, is_rejected=rejected.__contains__,
    )  # fmt: skip


def large_site(devices: int, weaknesses: int) -> Site:
    """A large network: forty products with three versions each, thirty settings, various names and owners."""
    chance = random.Random(7)
    kinds = ("camera", "printer", "voip_phone", "server", "workstation", "tv", "conferencing")
    fixes = [update(f"Product {number}", f"1.{version}.0") for number in range(40) for version in range(3)]
    settings = [TELNET._replace(key=f"setting|word_{number}", title=f"Setting {number}") for number in range(30)]
    nodes = [
        node(
            number,
            chance.choice(kinds),
            vendor=f"Vendor {number % 20}",
            segment=f"vlan {number % 50}",
            owner=f"team-{number % 9}",
        )
        for number in range(devices)
    ]
    found = []
    for number in range(weaknesses):
        device = f"dev-{number % devices}"
        if chance.random() < 0.5:
            found.append(setting(device, chance.choice(list(Severity)), chance.choice(settings)))
        else:
            found.append(cve(device, f"CVE-2024-{chance.randrange(3000)}", chance.random() * 90, chance.choice(fixes)))
    return site(nodes, found)
