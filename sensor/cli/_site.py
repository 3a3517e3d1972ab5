"""The site as commands about posture see it: made of what the arguments name, a log, an inventory, or both."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sensor.cli._codes import USAGE
from sensor.cli._firewall_seen import view_from
from sensor.cli._known import Known, known
from sensor.cli._log import Take
from sensor.cli._setup import complain, complain_of_faults
from sensor.cli._show import part, tidy
from sensor.cli._vulns_feeds import reading, tell_age
from sensor.cli._vulns_fleet import Fleet, ordered
from sensor.config import Config, load_config, usual
from sensor.core import addresses
from sensor.documents import DocumentErrors
from sensor.inventory.identity import is_link_local
from sensor.posture.database import DatabaseError
from sensor.posture.ranges import Verdict
from sensor.posture.site import GONE, Node, Site
from sensor.posture.sources import sources_of
from sensor.posture.weakness import Weakness, of_recommendation, of_vulnerability
from sensor.runtime.process import no_collection

Record = dict[str, Any]


@no_collection()
def site_of(args: argparse.Namespace, take: Take | None = None) -> Site | None:
    """None after it was said what cannot be read. What is old of feeds is told. ``take`` hears every record of the log, and says which of them count.

    SystemExit where the configuration is wrong, as where an argument is.
    """
    config = _config(args)
    try:
        base = reading(args)
        found = known(args, alerts=True, take=take)
        fleet = Fleet(found, base)
        site = _site(found, fleet, config)
    except DatabaseError as error:
        complain(str(error))
        return None
    except DocumentErrors as errors:
        complain_of_faults(errors)
        return None
    if site is not None:
        tell_age(sources_of(base), datetime.now(UTC), complain)
    return site


def _config(args: argparse.Namespace) -> Config:
    try:
        return load_config(usual(args.config))
    except DocumentErrors as errors:
        complain_of_faults(errors)
        raise SystemExit(USAGE) from None


def _site(found: Known, fleet: Fleet, config: Config) -> Site | None:
    view = view_from(found, config)
    if view is None:
        return None
    fold = found.fold
    nodes = {node.id: node for node in (_node(record, fleet) for record in fold.devices.values()) if node.id}
    weak = [*_vulnerable(fleet, nodes), *_misconfigured(found, nodes)]
    by_device: dict[str, list[Weakness]] = {}
    for one in sorted(weak, key=lambda one: (-one.points, not one.sure, one.name)):
        by_device.setdefault(one.device, []).append(one)
    told = (*fold.devices.values(), *fold.alerts.values(), *fold.incidents.values(), *fold.recommendations.values())
    return Site(
        nodes,
        {name: tuple(several) for name, several in by_device.items()},
        tuple(fold.alerts.values()),
        tuple(fold.incidents.values()),
        tuple(fold.recommendations.values()),
        view.seen,
        view.networks,
        max((tidy(record.get("ts")) for record in told), default=""),
    )


def _vulnerable(fleet: Fleet, nodes: dict[str, Node]) -> Iterable[Weakness]:
    for one in ordered(fleet.judge(node.record for node in nodes.values())):
        if one.finding.verdict is not Verdict.NOT_AFFECTED:
            yield of_vulnerability(one.asset, one.finding, fleet.about(one.finding.cve), one.points)


def _misconfigured(found: Known, nodes: dict[str, Node]) -> Iterable[Weakness]:
    """What is recommended and not done."""
    for record in found.fold.recommendations.values():
        owner = found.fold.device(tidy(part(record, "src").get("device")))
        name = tidy(part(owner, "device").get("id")) if owner is not None else ""
        if name in nodes and record.get("action") != "close":
            yield of_recommendation(record, name)


def _node(record: Record, fleet: Fleet) -> Node:
    device = part(record, "device")
    words = {name: tidy(device.get(name)) for name in ("id", "type", "vendor", "model", "firmware", "owner", "first_seen", "last_seen")}
    address = _address([tidy(one) for one in _texts(device.get("ips"))])
    return Node(
        **words,
        name=tidy(device.get("hostname")),
        address=address,
        segment=_segment(device.get("vlan"), address),
        roles=frozenset(map(tidy, _texts(device.get("roles")))),
        services=frozenset(map(tidy, _texts(device.get("services")))),
        gone=record.get("action") == GONE,
        aimed=fleet.circumstances(record),
        record=record,
    )


def _address(ips: list[str]) -> str:
    """The first that is not link-local, where there is one: which of them was used last changes from look to look."""
    return next((one for one in ips if not _link_local(one)), ips[0] if ips else "")


def _segment(vlan: Any, address: str) -> str:
    """A link-local address tells none: every link has the same (RFC 4291, 2.5.6; RFC 3927)."""
    if isinstance(vlan, int) and vlan > 0:
        return f"vlan {vlan}"
    try:
        return addresses.segment(addresses.parse(address)) if address and not _link_local(address) else ""
    except ValueError:
        return ""


def _link_local(text: str) -> bool:
    try:
        return is_link_local(addresses.parse(text))
    except ValueError:
        return False


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
