"""Sites for reports: ten thousand devices with traffic, vulnerabilities and alerts; and a log of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from sensor.core.alert import Severity
from sensor.core.ip_protocols import TCP
from sensor.core.time_units import HOUR
from sensor.inventory.habits import OUTSIDE, Habits
from sensor.posture.firewall.simulate import Seen
from sensor.posture.site import Node, Site
from sensor.posture.weakness import SETTING, VULNERABILITY, Fix, Proof, Weakness
from sensor.report.story import Story
from tests.posture.scores.sites import node, site

NOON = 1_795_521_600_000_000_000  # 2026-11-24T12:00Z
TYPES = (
    ("workstation",) * 8
    + ("voip_phone",) * 3
    + ("camera", "camera", "printer", "server", "tv", "mobile", "nas", "access_point", "unknown")
)
VENDORS = ("Axis", "Hikvision", "Cisco", "HP", "Yealink", "Dell", "Lenovo", "Brother", "Synology", "Aruba")
SERVICES = tuple(TCP << 16 | port for port in (22, 80, 443, 445, 631, 554, 3389, 5060, 9100, 161))
FINDINGS, SEGMENTS, SEVERITIES = 400, 60, (Severity.low, Severity.medium, Severity.high, Severity.critical)


def at(minute: int) -> str:
    """A time of 24 November 2026 in the format of records."""
    return f"2026-11-24T{minute // 60:02}:{minute % 60:02}:00.000000Z"


def large_site(devices: int, each: int = 5) -> Site:
    """The given number of devices with ``each`` findings, of 400 kinds, and twenty flows; an alert for every tenth, an
    incident for every hundredth.
    """
    chance = random.Random(7)
    nodes = [_node(chance, number) for number in range(devices)]
    weak = [weakness for one in nodes for weakness in _weak(chance, one, each)]
    habits = {one.id: _habits(chance, devices) for one in nodes}
    alerts = [_alert(chance, number, devices) for number in range(devices // 10)]
    made = site(nodes, weak, alerts, now=at(23 * 60), seen=Seen({}, habits, (NOON - 200 * HOUR, NOON)))
    return made._replace(incidents=tuple(_incident(number) for number in range(devices // 100)))


def large_story(made: Site) -> Story:
    """A log of each device with the packets that identify it, and a changed firmware version for some."""
    story = Story()
    for number, one in enumerate(made.nodes.values()):
        for record in _reported(number, one):
            story.take(record)
    return story


def _node(chance: random.Random, number: int) -> Node:
    kind, vendor = chance.choice(TYPES), chance.choice(VENDORS)
    segment = f"vlan {1 + number * SEGMENTS // 10_000}"
    words: dict[str, Any] = {
        "vendor": vendor,
        "model": f"{kind[:3].upper()}-{chance.randrange(6)}",
        "firmware": f"{chance.randrange(1, 4)}.2",
    }
    return node(
        number,
        kind,
        name=f"host-{number}",
        segment=segment,
        first_seen=at(number % 600),
        last_seen=at(1300),
        owner="",
        **words,
    )


def _weak(chance: random.Random, one: Node, each: int) -> Iterator[Weakness]:
    for number in chance.sample(range(FINDINGS), each):
        cve = number % 5 > 0
        name = f"CVE-2024-{10_000 + number}" if cve else f"setting_{number}"
        severity = SEVERITIES[number % 4]
        key = f"update|{one.vendor}|{one.model}|{one.firmware}" if cve else f"setting|{name}"
        title = f"Update {one.product} from {one.firmware}" if cve else f"Change what {name} says"
        fix = Fix(key, title, "Install what the maker has, at night, one after the other.", "The sensor sees it.")
        why = f"{one.firmware} is below what mends it" if cve else "Whoever listens reads it."
        proof = Proof(one.last_seen, "http.response", f"Server: {one.product}/{one.firmware}")
        kind = VULNERABILITY if cve else SETTING
        yield Weakness(
            f"{one.id}|{name}",
            one.id,
            kind,
            name,
            f"What {name} is about",
            severity,
            10.0 * (1 + number % 9),
            number % 3 > 0,
            why,
            fix,
            proof,
        )


def _habits(chance: random.Random, devices: int) -> Habits:
    habits = Habits("workstation", "", NOON - 200 * HOUR)
    for _ in range(20):
        habits.use(chance.choice((OUTSIDE, f"dev-{chance.randrange(devices)}")), chance.choice(SERVICES), NOON)
    return habits


def _alert(chance: random.Random, number: int, devices: int) -> dict[str, Any]:
    actor, target = f"dev-{chance.randrange(devices)}", f"dev-{chance.randrange(devices)}"
    body = {
        "id": f"alert-{number:06}", "key": f"k{number}", "detector": "discovery.port_scan", "title": "Port scan",
        "risk": chance.randrange(100),
        "count": 1 + number % 4, "first": at(number % 1300), "last": at(number % 1300 + 5), "why": [(
            "120 ports of one host were "
            "tried"
        )], "advice": "Ask.",
        "attack": [{"technique": "T1046", "name": "Network Service Discovery"}],
    }  # fmt: skip
    evidence = [
        {
            "event": "flow.refused",
            "ts": at(number % 1300),
            "src": {"ip": "10.0.0.9"},
            "dst": {"ip": "10.0.0.10", "port": number % 9999},
        }
    ]
    return {
        "ts": at(number % 1300), "kind": "alert", "action": "open", "severity": SEVERITIES[number % 4].name, "msg": (
            f"{actor} tried 120 ports of "
            f"{target}"
        ),
        "alert": body, "src": {"device": actor, "ip": "10.0.0.9"}, "targets": [{"device": target, "ip": "10.0.0.10"}],
        "evidence": evidence,
    }  # fmt: skip


def _incident(number: int) -> dict[str, Any]:
    story = [
        {
            "ts": at(number + step),
            "alert": f"alert-{number * 10 + step:06}",
            "severity": "high",
            "msg": "one thing after the other",
        }
        for step in range(5)
    ]
    body = {
        "id": f"incident-{number:06}",
        "risk": 70,
        "first": at(number),
        "last": at(number + 60),
        "actors": [{"ip": "10.0.0.9"}],
        "story": story,
    }
    return {
        "ts": at(number),
        "kind": "incident",
        "action": "open",
        "severity": "high",
        "msg": f"story number {number}",
        "incident": body,
    }


def _reported(number: int, one: Node) -> Iterator[dict[str, Any]]:
    output = {
        "observation": "http.server",
        "seen": f"{one.product}/{one.firmware}",
        "confidence": 0.9,
        "last": one.last_seen,
    }
    values = {"type": one.type, "vendor": one.vendor, "model": one.model, "firmware": one.firmware}
    evidence = [{"attribute": name, "value": value, **output} for name, value in values.items()]
    body = {
        "kind": "device",
        "ts": one.first_seen,
        "action": "new",
        "severity": "info",
        "device": {"id": one.id},
        "evidence": evidence,
    }
    yield {**body, "msg": f"new {one.text}"}
    if number % 50 == 0:
        changes = [{"field": "firmware", "old": "1.0", "new": one.firmware}]
        yield {
            **body,
            "ts": at(700 + number % 600),
            "action": "changed",
            "msg": f"{one.text}: firmware 1.0 → {one.firmware}",
            "changes": changes,
        }
