"""Correlation of devices across sensors: edges with a reason, and the entities that they form.

| evidence | strength | joins |
|---|---|---|
| MAC address, globally unique | strong | at every site |
| vendor and serial number | strong | at every site |
| any MAC address with the same IP address | weak | sensors of one site |
| host name that is specific | weak | sensors of one site |

IP addresses alone join nothing: sites use the same private address space. Excluded from the first are MACs that are
locally administered (random, or of virtual machines) and MACs of routers; from all, multicast, router redundancy (VRRP,
HSRP, GLBP), and any value that two devices of one sensor share, such as a default serial number. Evidence is
contradicted by two serial numbers, or by two specific host names at the same MAC, since USB adapters and docks move
between hosts.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import combinations
from typing import Literal, NamedTuple

Reason = Literal["mac", "serial", "address", "name"]
STRONG: frozenset[Reason] = frozenset(("mac", "serial"))
ROUTERS = frozenset(("router", "firewall", "gateway", "load_balancer"))
# VRRP for IPv4 and IPv6 (RFC 9568), HSRP 1, HSRP 2 for IPv4 and IPv6, GLBP.
REDUNDANCY = ("00:00:5e:00:01:", "00:00:5e:00:02:", "00:00:0c:07:ac:", "00:00:0c:9f:f", "00:05:73:a0:0", "00:07:b4:0")
# MACs that container engines derive from the address within the host: each host has the same pairs.
CONTAINERS = "02:42:"
# Vendors of USB adapters and docks: their MACs join only together with other evidence.
ADAPTERS = ("00:e0:4c:", "00:0e:c6:", "00:24:9b:", "00:50:b6:", "8c:ae:4c:", "3c:18:a0:", "9c:eb:e8:")
# Letters and three digits, or the default of Windows: `LT-0831`, `DESKTOP-AB1CDEF`; not `printer-12` or `iPhone`.
_SPECIFIC = re.compile(r"(?=.*[a-z]{2})(?=.*\d.*\d.*\d)[a-z0-9_-]{5,63}|(?:desktop|laptop|win)-[a-z0-9]{7,11}")
_DEFAULTS = re.compile(r"(?:android|iphone|ipad|galaxy|localhost|raspberrypi|esp|espressif|unknown|ip|host)[-_0-9]*")
SERIAL_LEAST = 5
# Largest group in which all pairs are compared; larger groups share a default value.
COMPARED = 50

Member = tuple[int, str]
"""Number of the sensor, and id of its device."""


class Sighting(NamedTuple):
    """A device as one sensor sees it. ``macs``: lower case, with colons."""

    sensor: int
    device: str
    site: str
    type: str
    vendor: str
    name: str
    serial: str
    macs: list[str]
    ips: Sequence[str] = ()

    @property
    def member(self) -> Member:
        return self.sensor, self.device


class Edge(NamedTuple):
    """Two members are one device, because both have ``value``; the smaller member first."""

    one: Member
    other: Member
    reason: Reason
    value: str

    @property
    def strong(self) -> bool:
        return self.reason in STRONG


def edges_of(sightings: Iterable[Sighting], undone: Collection[frozenset[Member]] = frozenset()) -> list[Edge]:
    """Edges between devices of different sensors. ``undone``: pairs that the operator separated."""
    known = {one.member: one for one in sightings}
    found: list[Edge] = []
    joined = Clusters()
    # Strong evidence first: a weak edge must not contradict devices that it joined.
    for (reason, value), members in sorted(_shared(known.values()), key=lambda each: each[0][0] not in STRONG):
        for edge in _star(reason, value, members, known):
            if reason not in STRONG and joined.share_a_sensor(edge.one, edge.other):
                continue
            if not joined.rejoins(edge.one, edge.other, undone):
                joined.join(edge.one, edge.other)
                found.append(edge)
    return found


def entities_of(edges: Iterable[Edge]) -> list[list[Member]]:
    """Groups of connected members, each sorted."""
    joined = Clusters()
    for edge in edges:
        joined.join(edge.one, edge.other)
    return joined.groups()


class Clusters:
    """Disjoint sets of members (union-find with path halving)."""

    def __init__(self) -> None:
        self._parents: dict[Member, Member] = {}
        self._sensors: dict[Member, set[int]] = {}

    def join(self, one: Member, other: Member) -> None:
        root, lost = self._root(one), self._root(other)
        if root != lost:
            root, lost = min(root, lost), max(root, lost)
            self._parents[lost] = root
            self._sensors[root] = self._of(root) | self._of(lost)

    def share_a_sensor(self, one: Member, other: Member) -> bool:
        """Whether joining would merge two devices that one sensor distinguishes."""
        root, lost = self._root(one), self._root(other)
        return root != lost and not self._of(root).isdisjoint(self._of(lost))

    def rejoins(self, one: Member, other: Member, apart: Iterable[Collection[Member]]) -> bool:
        """Whether joining would reunite members that were separated."""
        roots = {self._root(one), self._root(other)}
        return any({self._root(member) for member in pair} == roots for pair in apart)

    def groups(self) -> list[list[Member]]:
        found: defaultdict[Member, list[Member]] = defaultdict(list)
        for member in self._parents:
            found[self._root(member)].append(member)
        return [sorted(group) for group in found.values() if len(group) > 1]

    def _of(self, root: Member) -> set[int]:
        return self._sensors.get(root) or {root[0]}

    def _root(self, member: Member) -> Member:
        parents = self._parents
        parent = parents.setdefault(member, member)
        while parent != member:
            parents[member] = member = parents[parent]
            parent = parents[member]
        return member


def is_unique_mac(mac: str) -> bool:
    """Whether a MAC is globally unique: neither local nor multicast nor of router redundancy."""
    try:
        first = int(mac[:2], 16)
    except ValueError:
        return False
    return not first & 3 and mac != "00:00:00:00:00:00" and not mac.startswith(REDUNDANCY)


def _is_of_a_host(mac: str) -> bool:
    """Whether a MAC is neither multicast nor of router redundancy nor of a container."""
    return mac[1:2] not in set("13579bdf") and not mac.startswith((CONTAINERS, *REDUNDANCY))


def is_specific(name: str) -> bool:
    """Whether a host name probably belongs to one device, and is not a default."""
    return _SPECIFIC.fullmatch(name) is not None and _DEFAULTS.fullmatch(name) is None


def host_of(name: str) -> str:
    """The first label of a host name, in lower case."""
    return name.partition(".")[0].lower()


def _keys(one: Sighting) -> Iterator[tuple[Reason, str]]:
    if one.type not in ROUTERS:
        yield from (("mac", mac) for mac in dict.fromkeys(one.macs) if is_unique_mac(mac))
        if is_specific(name := host_of(one.name)):
            yield "name", f"{one.site}/{name}"
    others = (mac for mac in dict.fromkeys(one.macs) if one.type in ROUTERS or not is_unique_mac(mac))
    for mac in filter(_is_of_a_host, others):
        yield from (("address", f"{one.site}/{mac} {ip}") for ip in dict.fromkeys(one.ips))
    if one.vendor and is_serial(one.serial):
        yield "serial", f"{one.vendor} {one.serial}"


def _shared(sightings: Iterable[Sighting]) -> Iterator[tuple[tuple[Reason, str], list[Member]]]:
    """Keys that devices of several sensors share, except those that two devices of one sensor share."""
    by_key: defaultdict[tuple[Reason, str], list[Member]] = defaultdict(list)
    for one in sightings:
        for key in _keys(one):
            by_key[key].append(one.member)
    for key, members in by_key.items():
        if len(members) > 1 and len({sensor for sensor, _ in members}) == len(members):
            yield key, sorted(members)


def _star(reason: Reason, value: str, members: Sequence[Member], known: dict[Member, Sighting]) -> Iterator[Edge]:
    """Connect each member to the first earlier one that matches. Adapters, and values shared by contradicting members,
    need other evidence that agrees.
    """
    pairs = combinations([known[member] for member in members[:COMPARED]], 2)
    doubtful = value.startswith(ADAPTERS) or any(
        contradicts(*pair, reason) or (reason == "mac" and crosses(*pair)) for pair in pairs
    )
    for place, member in enumerate(members):
        for before in members[:place]:
            one, other = known[before], known[member]
            if not contradicts(one, other, reason) and (not doubtful or agrees(one, other)):
                yield Edge(before, member, reason, value)
                break


def contradicts(one: Sighting, other: Sighting, reason: Reason) -> bool:
    """Whether other evidence shows that they are two devices."""
    if one.serial != other.serial and is_serial(one.serial) and is_serial(other.serial):
        return True
    if reason in {"mac", "address"}:
        names = host_of(one.name), host_of(other.name)
        return names[0] != names[1] and all(map(is_specific, names))
    return "unknown" not in (one.type, other.type) and one.type != other.type


def crosses(one: Sighting, other: Sighting) -> bool:
    """Whether each has a global MAC that the other lacks: the shared one may belong to a dock."""
    macs, others = ({mac for mac in each.macs if is_unique_mac(mac)} for each in (one, other))
    return bool(macs - others and others - macs)


def agrees(one: Sighting, other: Sighting) -> bool:
    """Whether they share a specific host name or a serial number."""
    name, serial = host_of(one.name), one.serial
    return (name == host_of(other.name) and is_specific(name)) or (serial == other.serial and is_serial(serial))


def is_serial(text: str) -> bool:
    """Whether a serial number probably belongs to one device, and is not a placeholder."""
    return len(text) >= SERIAL_LEAST and len(set(text)) > 2 and " " not in text and sum(map(str.isdigit, text)) > 2
