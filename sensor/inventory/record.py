"""Record: the inventory's working state of one device: its location, the facts observed, and the attributes derived
from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from sensor.core.addresses import is_random_mac, is_v4, mac_text
from sensor.core.device import Attribute, Device
from sensor.core.observation import Evidence, Subject
from sensor.core.service_names import is_named
from sensor.inventory import identity
from sensor.inventory.compact import CompactRecord, Fact, Facts, Proof
from sensor.inventory.corrections import Corrections, onto
from sensor.inventory.facts import facts_of
from sensor.inventory.limits import Limits
from sensor.inventory.reporting import Reported
from sensor.inventory.services import FTP, service_texts, shared

RoleSet = frozenset[str]
Fuse = Callable[[Iterable[Evidence], int], dict[str, Attribute]]
# Most devices have none of these: they share one empty set.
_NO_ROLES: frozenset[str] = frozenset()
_RANDOMISED = frozenset(("randomised_mac",))
DNS_SERVER = "dns_server"
# Replaces undecodable bytes in texts: no host has such a name.
UNREADABLE = "\N{REPLACEMENT CHARACTER}"
NO_NAMES: dict[str, int] = {}
NO_ATTRIBUTES: dict[str, Attribute] = {}
Borrowed = Callable[["Record", str, int], bool]


class Neighbour(NamedTuple):
    """The switch port that a device announced: by which protocol (``lldp``, ``cdp``), chassis and port."""

    protocol: str
    chassis: str
    port: str
    name: str
    last: int


def without(some: tuple[int, ...], one: int) -> tuple[int, ...]:
    """The tuple without one element."""
    return tuple([each for each in some if each != one])


def _mac_key(mac: int) -> str:
    return f"mac:{mac_text(mac)}"


class Record(CompactRecord):
    """Mutable state of one device.

    ``claimed``: addresses that it claimed itself; ``behind``: addresses of others seen with its MAC; ``networks``:
    external networks seen with it; ``services`` and ``used``: ports it serves and uses, as ``protocol << 16 | port``.
    ``unread``: the JSON of its facts, if they were restored from an earlier run and not needed yet.
    ``id`` and ``names``: as in ``Device``; the id is empty until it is needed. ``device``: the device with its
    attributes, while they are cached. ``stale``: attributes are older than the facts, or not cached. ``requested``:
    attributes were needed recently.
    ``since``: time of the latest change. ``dead``: merged, departed or evicted; ``gone``: silent for long.
    """

    __slots__ = (
        "_key",
        "behind",
        "claimed",
        "device",
        "id",
        "joined",
        "macs",
        "names",
        "neighbours",
        "networks",
        "news",
        "reported",
        "roles",
        "services",
        "shown",
        "unread",
        "used",
    )  # fmt: skip

    def __init__(self, ts: int, key: str, mac: int, vlan: int) -> None:
        super().__init__(ts, vlan)
        self.macs: tuple[int, ...] = (mac,) if mac else ()
        self.key, self.joined, self.id = key, "", ""
        self.random = is_random_mac(mac)
        self.unread: bytes | None = None
        # Few entries each: a tuple takes a third of a set.
        self.claimed: tuple[int, ...] = ()
        self.behind: tuple[int, ...] = ()
        self.networks: tuple[int, ...] = ()
        self.services: tuple[int, ...] = ()
        self.used: tuple[int, ...] = ()
        self.neighbours: tuple[Neighbour, ...] = ()
        self.roles: frozenset[str] = _RANDOMISED if self.random else _NO_ROLES
        self.stale = True
        self.shown: int | None = None
        self.device: Device | None = None
        self.names = NO_NAMES
        self.reported: Reported | None = None
        self.news: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """What its identity is based on, as in ``Device``."""
        return _mac_key(self._key) if isinstance(self._key, int) else self._key

    @key.setter
    def key(self, key: str) -> None:
        # Most keys are the MAC, which is in memory anyway.
        self._key: str | int = self.macs[0] if self.macs and key == _mac_key(self.macs[0]) else key

    @property
    def facts(self) -> Facts:
        """The facts observed of it."""
        if self.unread is not None:
            text, self.unread = self.unread, None
            for fact in facts_of(text):
                self.held.put(fact)
        return self.held

    def pack(self, text: bytes) -> None:
        """Set its facts as JSON, which is parsed only on demand."""
        self.held.clear()
        self.unread = text

    def drop_facts(self) -> None:
        """Remove all facts."""
        self.held.clear()
        self.unread, self.weight, self.stale = None, 0, True

    def still(self, address: int) -> bool:
        """Whether the cached owner of an endpoint is valid: the record is neither dead nor gone, and has the address,
        if a host can have that address.
        """
        return not (self.dead or self.gone) and (address in self.addresses or not identity.usable(address))

    def touch(self, ts: int) -> None:
        self.last = max(self.last, ts)

    def learn(self, fact: Fact, limits: Limits) -> None:
        """Add a new fact; facts seen longest ago are evicted in one sweep, so that a flood of facts stays cheap."""
        if self.weight + fact.weight > limits.evidence:
            self._make_room(limits.evidence * 7 // 8)
        self.facts.put(fact)
        self.weight += fact.weight
        self.stale, self.since = True, fact.last

    def _make_room(self, room: int) -> None:
        for fact in sorted(self.facts.values(), key=lambda fact: fact.last):
            if self.weight <= room:
                return
            if not fact.kind.startswith("oui."):
                self.forget(fact)

    def forget(self, fact: Fact) -> None:
        self.facts.remove(fact)
        self.weight -= fact.weight
        self.stale = True

    def take_role(self, role: str, limits: Limits) -> None:
        if role not in self.roles and len(self.roles) < limits.roles:
            self.roles |= {role}
            self.stale = True

    def crowd(self, ts: int, limits: Limits) -> bool:
        """Whether it forwards for others: more unclaimed internal addresses than one host has, or such of more networks
        than it is in, were recently seen with its MAC; or several outside of the networks in which it claims addresses.
        """
        six, others = 0, set(self.behind)
        for address, last in self.addresses.items():
            if address not in self.claimed and not identity.is_link_local(address) and ts - last < limits.forwarder_ns:
                if is_v4(address):
                    others.add(address)
                else:
                    six += 1
        networks = [identity.network_of(address) for address in others if is_v4(address)]
        return (
            len(others) > (1 if self.gateway else limits.own4)
            or len(set(networks)) > limits.own_networks
            or (len(networks) > 1 and self._are_elsewhere(networks))
            or six > limits.own6
        )

    def _are_elsewhere(self, networks: list[int]) -> bool:
        """Whether several of these networks are none in which it claims an address."""
        home = {identity.network_of(address) for address in self.claimed if is_v4(address)}
        return bool(home) and sum(network not in home for network in networks) > 1

    @property
    def ipv4(self) -> tuple[int, ...]:
        """Its IPv4 addresses, sorted."""
        addresses = tuple(sorted(address for address in self.addresses if is_v4(address)))
        return self.claimed if self.claimed == addresses else addresses  # one object for reports and records

    def view(
        self, device: Device, fuse: Fuse, borrowed: Borrowed, limits: Limits, corrections: Corrections | None = None
    ) -> Device:
        """The current device. ``borrowed``: whether a name belonged to another record before; ``corrections``:
        operator values, which override observations.
        """
        device.last, device.macs, device.vlan, device.roles = self.last, self.macs, self.vlan, self.roles
        if self.stale:
            others = self._others(limits)
            mine = [
                fact
                for fact in self.facts.values()
                if not (others and identity.trait_of(fact.kind).family in others) and self._is_own(fact)
            ]
            device.names = dict(self._names(mine, borrowed, limits)) or NO_NAMES
            device.attributes = fuse([proof for fact in mine for proof in fact.proofs()], self.since) or NO_ATTRIBUTES
            if corrections:
                onto(device, corrections)
            self.names, self.stale = device.names, False
        return device

    def fold(self) -> None:
        """Drop the cached device, which was not needed recently; it is rebuilt on demand."""
        self.device, self.stale = None, True

    def plain(self) -> Device:
        """Its device without attributes."""
        return Device(
            self.id, self.key, self.first, self.last, self.macs, self.addresses, self.vlan,
            self.names, NO_ATTRIBUTES, self.roles, service_texts(self.services),
        )  # fmt: skip

    def offer(self, service: int, offered: bool, limits: Limits) -> bool:
        """Add a service; returns True if it is new and there was room. Passive FTP opens a random port for each file
        (RFC 959, 4.1.2): ports without a name count only for hosts without FTP.
        """
        known = self.services if offered else self.used
        if service in known or len(known) >= limits.services or (FTP in known and not is_named(service)):
            return False
        if offered:
            self.serve(shared((*known, service)))
        else:
            self.used = shared((*known, service))
        return True

    def serve(self, services: tuple[int, ...]) -> None:
        """Set the services that it offers."""
        self.services = services
        if self.device is not None:
            self.device.services = service_texts(services)

    def sync(self) -> None:
        """Update the evidence with the sightings counted so far."""
        for attribute in self.device.attributes.values() if self.device is not None else ():
            for evidence in attribute.evidence:
                if isinstance(evidence, Proof):
                    evidence.renew()

    def _others(self, limits: Limits) -> set[str]:
        """Protocols in which it speaks for others too: it has more names than one host has, so it reflects, proxies or
        answers for others; or it is a name server and queries for its clients.
        """
        names: dict[str, set[str]] = {}
        for fact in self.facts.values():
            if fact.rank >= 0 and fact.kind.endswith(".hostname"):
                names.setdefault(identity.trait_of(fact.kind).family, set()).add(identity.stem(fact.value))
        others = {family for family, some in names.items() if len(some) > limits.names_of_one}
        if DNS_SERVER in self.roles:
            others.add("dns")
        return others

    def _is_own(self, fact: Fact) -> bool:
        """Whether a fact is of a packet that the host sent. A forwarded packet from an address that it claimed is one
        that it translated; others come from hosts behind it.
        """
        return fact.kind != identity.HOPS or fact.address in self.claimed

    def _names(self, facts: list[Fact], borrowed: Borrowed, limits: Limits) -> Iterator[tuple[str, int]]:
        """Names with the time they were last seen, most trusted first, without those that belong to another device."""
        given = sorted((fact for fact in facts if fact.rank >= 0), key=lambda fact: (fact.rank, fact.first))
        seen: set[str] = set()
        for fact in given:
            name = identity.bare(fact.value)
            if (
                name
                and UNREADABLE not in name
                and name.lower() not in seen
                and not (fact.rank and borrowed(self, name.lower(), fact.first))
            ):
                seen.add(name.lower())
                yield name, fact.last
                if len(seen) >= limits.names:
                    return

    def subject(self) -> Subject:
        """Its endpoint: MAC and the address seen last."""
        address = max(self.addresses, key=lambda address: self.addresses[address], default=0)
        return Subject(self.macs[-1] if self.macs else 0, address, self.vlan)
