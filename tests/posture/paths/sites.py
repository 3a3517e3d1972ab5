"""Sites for the tests of attack paths: a few devices, their flows, and their weaknesses."""

from __future__ import annotations

from typing import Any

from sensor.core import addresses
from sensor.core.addresses import Networks
from sensor.core.alert import Severity
from sensor.core.ip_protocols import TCP, UDP
from sensor.core.time_units import HOUR
from sensor.inventory.habits import OUTSIDE, Habits
from sensor.posture.firewall.model import Host
from sensor.posture.firewall.simulate import Machine, Seen
from sensor.posture.site import Node, Site
from sensor.posture.vulnerabilities.priority import RiskFactors
from sensor.posture.weakness import SETTING, VULNERABILITY, Fix, Proof, Weakness

START = 1_790_000_000 * 10**9
SSH = TCP << 16 | 22
TELNET = TCP << 16 | 23
SMB = TCP << 16 | 445
HTTPS = TCP << 16 | 443
RTSP = TCP << 16 | 554
DNS = UDP << 16 | 53


def node(
    name: str,
    kind: str,
    segment: str = "",
    *services: str,
    criticality: str = "",
    gone: bool = False,
    address: str = "",
) -> Node:
    """A device with an id that is also its name."""
    record = {"device": {"id": name, "hostname": name, "ips": [address]}}
    facts = (name, name, kind, "", "", "", address, segment, "", frozenset(), frozenset(services), "", "")
    return Node(*facts, gone, RiskFactors(criticality=criticality), record)


def site(
    nodes: list[Node],
    *conversations: tuple[str, str, int],
    weak: tuple[Weakness, ...] = (),
    alerts: tuple[Any, ...] = (),
    work: tuple[Any, ...] = (),
) -> Site:
    """``conversations``: client, server, service, each seen once; either end may be external."""
    habits = {one.id: Habits(one.type, one.segment, START) for one in nodes}
    for client, server, service in conversations:
        if client != OUTSIDE:
            habits[client].use(server, service, START)
        if server != OUTSIDE:
            habits[server].serve(client, service, START)
    machines = {
        one.id: Machine(Host(one.id, one.name, one.type, (addresses.parse(one.address),)))
        for one in nodes
        if one.address
    }
    found: dict[str, tuple[Weakness, ...]] = {}
    for one in weak:
        found[one.device] = (*found.get(one.device, ()), one)
    seen = Seen(machines, habits, (START, START + 100 * HOUR))
    return Site({one.id: one for one in nodes}, found, alerts, (), work, seen, Networks(), "2026-11-24T08:00:00Z")


def setting(device: str, name: str) -> Weakness:
    fix = Fix(f"setting|{name}", f"Mend {name}", "", "")
    return Weakness(f"weakness-{device}-{name}", device, SETTING, name, name, Severity.high, 55, True, "", fix, Proof())


def flaw(device: str, cve: str, points: float, *, sure: bool = True) -> Weakness:
    fix = Fix(f"update|{cve}", f"Update against {cve}", "", "")
    return Weakness(
        f"weakness-{device}-{cve}", device, VULNERABILITY, cve, "a flaw", Severity.high, points, sure, "", fix, Proof()
    )


def alert(detector: str, src: str, dst: str = "", port: int = 0, severity: str = "high", **more: Any) -> dict[str, Any]:
    """An alert; an end without a device is an external address."""
    ends = {word: {"device": name} if name else {"ip": "203.0.113.66"} for word, name in (("src", src), ("dst", dst))}
    ends["dst"] |= {"port": port} if port else {}
    about = {"id": f"alert-{detector.rpartition('.')[2]}", "detector": detector, "key": detector}
    return {
        "kind": "alert",
        "action": "open",
        "severity": severity,
        "msg": f"{detector} was seen",
        "alert": about,
        "network": {"proto": "tcp"},
        **ends,
        **more,
    }
