"""Sites for the tests of scores: a few devices, and ten thousand."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

from sensor.core.addresses import Networks
from sensor.core.alert import Severity
from sensor.posture.firewall.simulate import Seen
from sensor.posture.site import Node, Site
from sensor.posture.vulnerabilities.priority import RiskFactors
from sensor.posture.weakness import SETTING, VULNERABILITY, Fix, Proof, Weakness

NOW = "2026-11-24T09:20:00.000000Z"
KINDS = ("workstation",) * 6 + ("camera", "printer", "voip_phone", "server")


def node(number: int, kind: str = "camera", **more: Any) -> Node:
    """``dev-7``, a camera at 10.0.0.7. ``firmware``, ``segment``, ``gone`` … as in ``Node``."""
    address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
    facts: dict[str, Any] = {
        "id": f"dev-{number}", "name": "", "type": kind, "vendor": "Hikvision", "model": "DS-2CD2", "firmware": "5.4",
        "address": address,
        "segment": f"10.{number >> 16}.{number >> 8 & 255}.0/24", "owner": "", "roles": frozenset(),
        "services": frozenset(), "first_seen": NOW,
        "last_seen": NOW, "gone": False, "aimed": RiskFactors(),
    } | more  # fmt: skip
    return Node(**facts, record={"kind": "device", "device": {"id": f"dev-{number}", "ips": [address]}})


def weakness(device: str, name: str, points: float, key: str = "", severity: Severity = Severity.medium) -> Weakness:
    """``key``: of its fix; a unique one by default."""
    kind = VULNERABILITY if name.startswith("CVE") else SETTING
    fix = Fix(key or f"setting|{name}", f"mend {key or name}", "", "")
    return Weakness(f"{device}|{name}", device, kind, name, f"about {name}", severity, points, True, "", fix, Proof())


def alert(
    number: int, actor: str, *targets: str, risk: int = 70, severity: str = "high", action: str = "open", **more: Any
) -> dict[str, Any]:
    """``more``: further fields of the alert."""
    body = {
        "id": f"alert-{number}",
        "detector": "discovery.port_scan",
        "title": "Port scan",
        "risk": risk,
        "last": NOW,
        **more,
    }
    ends = {"src": {"device": actor}, "targets": [{"device": target} for target in targets]}
    return {"ts": NOW, "kind": "alert", "action": action, "severity": severity, "alert": body, **ends}


def site(
    nodes: Iterable[Node],
    weaknesses: Iterable[Weakness] = (),
    alerts: Iterable[dict[str, Any]] = (),
    now: str = NOW,
    seen: Seen | None = None,
) -> Site:
    """A site with these devices, the most severe weakness of each device first."""
    by_device: dict[str, list[Weakness]] = {}
    for one in sorted(weaknesses, key=lambda one: -one.points):
        by_device.setdefault(one.device, []).append(one)
    several = {name: tuple(some) for name, some in by_device.items()}
    return Site({one.id: one for one in nodes}, several, tuple(alerts), (), (), seen or Seen({}), Networks(), now)


def large(devices: int, weaknesses: int = 5) -> Site:
    """Devices in segments of 200, with several weaknesses each, of a few hundred versions and twenty settings."""
    chance = random.Random(7)
    nodes = [node(number, chance.choice(KINDS), segment=f"vlan {1 + number // 200}") for number in range(devices)]
    weak = []
    for one in nodes:
        version = f"update|{one.type}|{chance.randrange(200)}"
        for number in range(weaknesses):
            vulnerable = number < weaknesses // 2
            name = (
                f"CVE-2024-{1000 + chance.randrange(5000)}"
                if vulnerable
                else f"setting_{(number + chance.randrange(3)) % 20}"
            )
            weak.append(weakness(one.id, name, round(chance.uniform(3, 75), 1), version if vulnerable else ""))
    alerts = [
        alert(number, chance.choice(nodes).id, chance.choice(nodes).id, risk=chance.randrange(40, 95))
        for number in range(devices // 50)
    ]
    return site(nodes, weak, alerts)
