"""Known ways into devices, as numbers of devices and services: observed connections, open alerts, and weaknesses."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from sensor.core.ip_protocols import TCP, UDP
from sensor.core.record_parts import objects
from sensor.inventory.rules import parse_service
from sensor.posture.alert_ends import INBOUND, MAPPING, reached
from sensor.posture.paths.costs import SETTINGS, Kind, taking
from sensor.posture.paths.graph import OUTER, Ints, once
from sensor.posture.site import Record, Site, ends_of
from sensor.posture.weakness import VULNERABILITY, Weakness

# Number of weaknesses of one device that are considered, cheapest first.
WEAK_LIMIT = 4
# An unknown service, or any service.
ANY = 0
CONTROLLED = frozenset(
    f"command_and_control.{name}"
    for name in (
        "beaconing", "botnet_loader", "c2_framework", "dns_tunnel", "icmp_tunnel", "malicious_address",
        "malicious_domain", "malicious_fingerprint", "remote_control", "tool_download",
    )
)  # fmt: skip
TAKEN = frozenset(
    f"credential_access.{name}"
    for name in ("backup_key", "dcsync", "default_credentials", "guessed_password", "lsa_secrets", "ntds_copy")
)
# Alerts about a host that do not show whether it gained access.
NO_ENTRY = frozenset(f"lateral_movement.{name}" for name in ("fan_out", "first_admin_session", "role_violation"))
# Bits of a device number and of a service number.
DEVICE_BITS, SERVICE_BITS = 20, 22

Index = Mapping[str, int]


class Conversations(NamedTuple):
    """Columns of observed connections, without duplicates: client, server and service. A client may be external."""

    client: Ints
    server: Ints
    service: Ints


class Alerted(NamedTuple):
    """The content of an alert: an edge of a kind between two devices, over a service; ``alert``: its number."""

    kind: Kind
    src: int
    dst: int
    service: int
    alert: int


class ServiceWeakness(NamedTuple):
    """A weakness of a device at a service, or at any; ``weakness``: its number."""

    device: int
    cost: int
    service: int
    weakness: int


def conversations_of(site: Site, index: Index) -> Conversations:
    """Connections of the baseline. Ends that are not devices are left out, because nothing is known about them."""
    found = array("q")
    for name, habits in (site.seen.habits or {}).items():
        if not (mine := index.get(name)):
            continue
        for peer, service in habits.uses:
            if (other := index.get(peer)) and other != mine:
                found.append((mine << DEVICE_BITS | other) << SERVICE_BITS | service)
        for service, (_, users) in habits.serves.items():
            for user in users:
                if (other := index.get(user)) is not None and other != mine:
                    found.append((other << DEVICE_BITS | mine) << SERVICE_BITS | service)
    keys = once(np.frombuffer(found, np.int64) if found else np.empty(0, np.int64))
    ends = keys >> SERVICE_BITS
    mask = (1 << DEVICE_BITS) - 1
    return Conversations(
        (ends >> DEVICE_BITS).astype(np.int32),
        (ends & mask).astype(np.int32),
        (keys & (1 << SERVICE_BITS) - 1).astype(np.int32),
    )


def offered(services: Iterable[str]) -> Iterator[int]:
    """Services of a record as numbers."""
    for text in services:
        try:
            yield parse_service(text)
        except ValueError:
            continue  # another program's log


# Alerts.


def alerted_of(alerts: Iterable[Record], site: Site, index: Index) -> Iterator[Alerted]:
    """Ways into devices that alerts report."""
    ends = site.ends
    for number, record in enumerate(alerts):
        detector = str(_part(record, "alert").get("detector"))
        source = ends.device(record.get("src"), record)
        actor = index.get(source)
        several = (record.get("dst"), *objects(record.get("targets")))
        targets = dict.fromkeys(ends.device(end, record) for end in several)
        others = [index[name] for name in targets if name in index]
        service = _service(_part(record, "network").get("proto"), _part(record, "dst").get("port"))
        if detector in CONTROLLED and actor:
            yield from (
                Alerted(Kind.HELD, other, actor, ANY, number) for other in (others or (OUTER,)) if other != actor
            )
        elif detector == MAPPING:
            yield from _mapped(record, index.get(ends.device(reached(record)[0], record)), number)
        elif not source and (detector == INBOUND or detector.startswith("initial_access.")):
            yield from (Alerted(Kind.INBOUND, OUTER, other, service, number) for other in others)
        elif actor and (detector in TAKEN or detector.startswith("lateral_movement.")) and detector not in NO_ENTRY:
            yield from (Alerted(Kind.ATTACK, actor, other, service, number) for other in others if other != actor)


def _mapped(record: Record, behind: int | None, number: int) -> Iterator[Alerted]:
    """A port mapping to a device."""
    numbers = _part(_part(record, "alert"), "numbers")
    if behind:
        yield Alerted(
            Kind.INBOUND, OUTER, behind, _service(numbers.get("protocol"), numbers.get("internal_port")), number
        )


# Weaknesses.


def ways_in(weaknesses: Iterable[Weakness]) -> list[Weakness]:
    """The weaknesses through which a device may be compromised, cheapest first, one per fix."""
    found: dict[str, Weakness] = {}
    for one in sorted((one for one in weaknesses if taking(one)), key=lambda one: (taking(one), one.id)):
        found.setdefault(one.fix.key, one)
    return list(found.values())[:WEAK_LIMIT]


def holes_of(site: Site, index: Index, weaknesses: Iterable[Weakness]) -> Iterator[ServiceWeakness]:
    """A vulnerability may be in any service; a setting belongs to the service in its record."""
    settings = (
        (name, _part(one, "recommendation").get("setting"), _part(one, "src").get("port"))
        for one in site.recommendations
        for name in ends_of(one)[0]
    )
    ports = {(name, setting): port for name, setting, port in settings if isinstance(setting, str)}
    for number, one in enumerate(weaknesses):
        if one.kind == VULNERABILITY:
            yield ServiceWeakness(index[one.device], taking(one), ANY, number)
            continue
        usual, port = SETTINGS[one.name][1], ports.get((one.device, one.name))
        named = _service("udp" if usual[0] >> 16 == UDP else "tcp", port)
        yield from (
            ServiceWeakness(index[one.device], taking(one), service, number)
            for service in ((named,) if named else usual)
        )


def _service(proto: object, port: object) -> int:
    return (UDP if proto == "udp" else TCP) << 16 | port if isinstance(port, int) and 0 < port < 65536 else ANY


def _part(record: Record, name: str) -> Record:
    value = record.get(name)
    return value if isinstance(value, dict) else {}
