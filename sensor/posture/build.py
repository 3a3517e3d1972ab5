"""Builds the site, on which scores, tickets, paths, profiles and reports are based, from records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sensor.core import addresses
from sensor.core.foreign import Record, address_of, part, texts, tidy
from sensor.inventory.identity import is_link_local
from sensor.posture.alert_ends import GONE
from sensor.posture.firewall.view import View
from sensor.posture.site import Node, Site
from sensor.posture.vulnerabilities.fleet import DeviceFinding, Fleet, ordered
from sensor.posture.vulnerabilities.ranges import AffectedStatus
from sensor.posture.weakness import Weakness, of_recommendation, of_vulnerability


def site_of(view: View, fleet: Fleet) -> Site:
    """Devices, their weaknesses, and the alerts, incidents and recommendations of a view. ``fleet``: evaluates its
    devices. In records of several sites, which use the same private networks, segments have the name of their site.
    """
    known = view.known
    several_sites = len({_site_of(record) for record in known.devices.values()}) > 1
    found = (_node(record, fleet, _site_of(record) if several_sites else "") for record in known.devices.values())
    nodes = {node.id: node for node in found if node.id}
    evaluated = ordered(fleet.evaluate(node.record for node in nodes.values()))
    weak = [*_vulnerable(fleet, evaluated), *_misconfigured(view, nodes)]
    by_device: dict[str, list[Weakness]] = {}
    for one in sorted(weak, key=lambda one: (-one.points, not one.sure, one.name)):
        by_device.setdefault(one.device, []).append(one)
    several = (known.devices, known.alerts, known.incidents, known.recommendations)
    return Site(
        nodes,
        {name: tuple(some) for name, some in by_device.items()},
        tuple(known.alerts.values()),
        tuple(known.incidents.values()),
        tuple(known.recommendations.values()),
        view.seen,
        view.networks,
        max((tidy(record.get("ts")) for records in several for record in records.values()), default=""),
        view.ends.former,
        known.leases,
        _unaffected(evaluated),
        lambda cve: fleet.about(cve).rejected,
    )


def _vulnerable(fleet: Fleet, evaluated: Iterable[DeviceFinding]) -> Iterable[Weakness]:
    for one in evaluated:
        if one.finding.verdict is not AffectedStatus.NOT_AFFECTED:
            yield of_vulnerability(one.asset, one.finding, fleet.about(one.finding.cve), one.points)


def _unaffected(evaluated: Iterable[DeviceFinding]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for one in evaluated:
        if one.finding.verdict is AffectedStatus.NOT_AFFECTED:
            found.setdefault(one.asset.id, set()).add(one.finding.cve)
    return {name: frozenset(cves) for name, cves in found.items()}


def _misconfigured(view: View, nodes: dict[str, Node]) -> Iterable[Weakness]:
    """Weaknesses from open recommendations."""
    for record in view.known.recommendations.values():
        owner = view.known.device(tidy(part(record, "src").get("device")))
        name = tidy(part(owner, "device").get("id")) if owner is not None else ""
        if name in nodes and record.get("action") != "close":
            yield of_recommendation(record, name)


def _site_of(record: Record) -> str:
    """The site of the sensor that wrote a record."""
    return tidy(part(record, "sensor").get("site"))


def _node(record: Record, fleet: Fleet, site: str) -> Node:
    device = part(record, "device")
    words = {
        name: tidy(device.get(name))
        for name in ("id", "type", "vendor", "model", "firmware", "owner", "first_seen", "last_seen")
    }
    address = main_address([tidy(one) for one in texts(device.get("ips"))])
    return Node(
        **words,
        name=tidy(device.get("hostname")),
        address=address,
        segment=f"{site} {segment_of(device.get('vlan'), address)}".strip(),
        roles=frozenset(map(tidy, texts(device.get("roles")))),
        services=frozenset(map(tidy, texts(device.get("services")))),
        gone=record.get("action") == GONE,
        aimed=fleet.circumstances(record),
        record=record,
    )


def main_address(ips: list[str]) -> str:
    """The first that is not link-local, if any: the last used address changes often."""
    return next((one for one in ips if not is_link_local(address_of(one))), ips[0] if ips else "")


def segment_of(vlan: Any, address: str) -> str:
    """The segment of a device. Link-local addresses are the same on every link (RFC 4291, 2.5.6; RFC 3927)."""
    if isinstance(vlan, int) and vlan > 0:
        return f"vlan {vlan}"
    number = address_of(address)
    return addresses.segment(number) if number and not is_link_local(number) else ""
