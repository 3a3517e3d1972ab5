"""Writes observations as a MUD file (RFC 8520, RFC 8519): a list for what devices send and one for what they receive,
for each address family.

A connection that the devices open is one entry in each list, so that replies pass; likewise connections to them. The
file has no address of this network: peers are identified by their role for the device.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sensor.core.ip_protocols import TCP
from sensor.posture.firewall.model import PROTOCOLS
from sensor.posture.profiles.confidence import HIGH, MEDIUM, Confidence
from sensor.posture.profiles.model import ANY, BLOCK, FROM_DEVICE, NAME, TO_DEVICE
from sensor.posture.profiles.observed import MEDIA, MEDIA_PORTS, Observed, ObservedService, service_name
from sensor.posture.site import Node

Body = dict[str, Any]

# Hours after which users of the file should look for a newer one.
VALIDITY = {HIGH: 168, MEDIUM: 48}
VALIDITY_LOW = 24
# The location of a file is not known here, and an invented URL must not resolve (RFC 2606).
URL = "https://mud.invalid/"
SLUG_LIMIT, ACE_LIMIT, NAME_LIMIT, INFO_LIMIT = 40, 64, 256, 1024
WAYS = {"from": FROM_DEVICE, "to": TO_DEVICE}


def mud_file(seen: Observed, title: str, updated: str, url: str = "") -> Body:
    """``title``: name of the devices; ``updated``: time of the last packet; ``url``: where the file will be
    published.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", title.casefold()).strip("-")[:SLUG_LIMIT] or "devices"
    names = {(way, version): f"{slug}-v{version}-{way}" for way in WAYS for version in seen.versions}
    return {
        "ietf-mud:mud": {
            "mud-version": 1,
            "mud-url": url or f"{URL}{slug}.json",
            "last-update": updated,
            "cache-validity": VALIDITY.get(seen.confidence.level, VALIDITY_LOW),
            "is-supported": True,
            "systeminfo": _info(title, seen.confidence),
            **_hardware(seen.nodes),
            **{
                f"{infix}-policy": _policy(names[way, version] for version in seen.versions)
                for way, infix in WAYS.items()
            },
        },
        "ietf-access-control-list:acls": {
            "acl": [_list(name, seen.needs, way, version) for (way, version), name in names.items()]
        },
    }


def _info(title: str, confidence: Confidence) -> str:
    basis = f", as observed; {confidence.text}"
    return title[: INFO_LIMIT - len(basis)] + basis


def _hardware(nodes: Sequence[Node]) -> Body:
    """Common attributes: vendor, model, and the firmware if it is the same."""
    known = {
        "mfg-name": {node.vendor for node in nodes},
        "model-name": {node.model for node in nodes},
        "firmware-rev": {node.firmware for node in nodes},
    }
    return {
        key: next(iter(values))[:NAME_LIMIT] for key, values in known.items() if len(values) == 1 and "" not in values
    }


def _policy(names: Iterable[str]) -> Body:
    return {"access-lists": {"access-list": [{"name": name} for name in names]}}


def _list(name: str, needs: Iterable[ObservedService], way: str, version: int) -> Body:
    mine = [
        need for need in needs if need.peer.kind != BLOCK or ipaddress.ip_network(need.peer.value).version == version
    ]
    return {"name": name, "type": f"ipv{version}-acl-type", "aces": {"ace": list(_aces(mine, way, version))}}


def _aces(needs: Iterable[ObservedService], way: str, version: int) -> Iterator[Body]:
    for number, need in enumerate(needs, 1):
        name = re.sub(
            r"[^a-z0-9]+", "-", f"{'serves' if need.serves else 'uses'}-{service_name(need.service)}-{number}"
        )[:ACE_LIMIT]
        yield {"name": name, "matches": _matches(need, way, version), "actions": {"forwarding": "accept"}}


def _matches(need: ObservedService, way: str, version: int) -> Body:
    """The port is that of the server: of the device if it serves, otherwise of the peer."""
    proto, port = need.service >> 16, need.service & 0xFFFF
    to_server = need.serves != (way == "from")
    ports = (
        dict(zip(("lower-port", "upper-port"), MEDIA_PORTS, strict=True))
        if need.service == MEDIA
        else {"operator": "eq", "port": port}
    )
    layer: Body = {f"{'destination' if to_server else 'source'}-port": ports}
    if proto == TCP:
        layer["ietf-mud:direction-initiated"] = TO_DEVICE if need.serves else FROM_DEVICE
    matches: Body = {f"ipv{version}": {"protocol": proto, **_address(need, way, version)}, PROTOCOLS[proto]: layer}
    if need.peer.kind not in (ANY, NAME, BLOCK):
        matches["ietf-mud:mud"] = {need.peer.kind: need.peer.value or [None]}
    return matches


def _address(need: ObservedService, way: str, version: int) -> Body:
    if need.peer.kind == NAME:
        return {f"ietf-acldns:{'dst' if way == 'from' else 'src'}-dnsname": need.peer.value}
    if need.peer.kind == BLOCK:
        return {f"{'destination' if way == 'from' else 'source'}-ipv{version}-network": need.peer.value}
    return {}
