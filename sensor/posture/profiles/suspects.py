"""Peers in alerts: traffic of a device with a peer that is the subject of an open alert is no habit that a profile may
allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sensor.core.ip_protocols import TCP, UDP
from sensor.core.record_parts import objects
from sensor.posture.site import Site

# (device, peer: a device, an address or a name) → service, 0 for all of them → alert.
AlertedPeers = Mapping[tuple[str, str], Mapping[int, str]]
Record = dict[str, Any]

PROTOCOLS = {"tcp": TCP, "udp": UDP}


def alerted_peers(site: Site) -> AlertedPeers:
    """For both ends of all open alerts."""
    found: dict[tuple[str, str], dict[int, str]] = {}
    for record in site.alerts:
        about = record.get("alert")
        if record.get("action") != "close" and isinstance(about, dict):
            for device, target in _pairs(record, about):
                found.setdefault((device, target), {})[_service(record)] = str(about.get("id"))
    return found


def _pairs(record: Record, about: Record) -> Iterator[tuple[str, str]]:
    src = record.get("src")
    actor = src if isinstance(src, dict) else {}
    for other in (record.get("dst"), *objects(record.get("targets"))):
        if isinstance(other, dict):
            yield from ((mine, target) for mine in _device(actor) for target in _names(other))
            yield from ((mine, target) for mine in _device(other) for target in _names(actor))
    # An alert about a name has it in its key.
    yield from ((mine, part) for mine in _device(actor) for part in str(about.get("key")).split("|")[2:] if "." in part)


def _device(end: Record) -> tuple[str, ...]:
    return (str(end["device"]),) if end.get("device") else ()


def _names(end: Record) -> tuple[str, ...]:
    """Identifiers of an end in habits."""
    return tuple(str(end[key]) for key in ("device", "ip") if end.get(key))


def _service(record: Record) -> int:
    """The service that is the subject of an alert; 0 if it has none."""
    network, dst = record.get("network"), record.get("dst")
    proto = PROTOCOLS.get(network.get("proto", "")) if isinstance(network, dict) else None
    port = dst.get("port") if isinstance(dst, dict) else None
    return proto << 16 | port if proto and isinstance(port, int) else 0
