"""The inventory: observations and sightings in, devices and their changes out. Driven by packet time alone, without a
clock or files.

It keeps devices in memory. The rules of identity are in ``endpoints.py``, limits and admission in ``table.py``,
reporting in ``reporting.py`` and ``changes.py``.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

from sensor.core.addresses import Networks
from sensor.core.bounded import Bounded
from sensor.core.device import Device, DeviceChange
from sensor.core.named_tables import NamedTables
from sensor.core.observation import Observation, Subject
from sensor.fingerprinting.names import KIND as OWN_MAC
from sensor.fingerprinting.names import own_mac_name
from sensor.inventory import identity, reporting
from sensor.inventory.changes import Changes
from sensor.inventory.compact import Claim, Fact
from sensor.inventory.endpoints import Endpoints
from sensor.inventory.evidence import Matcher, Oui, fact_of
from sensor.inventory.identity import SIGHTING, Trait
from sensor.inventory.limits import Limits
from sensor.inventory.record import Fuse, Neighbour, Record
from sensor.inventory.roster import Member, members
from sensor.inventory.services import EarlyServices, Sighted
from sensor.inventory.table import Table

# Endpoints of purged devices: what was seen of them before creates no device.
_PURGED = 4096
# Kinds whose meaning is cached; peers can invent kinds with TXT records and the like.
_KINDS = 1024
# Limits of the caches through which devices share equal texts and claims.
_TEXTS = 4096


@functools.lru_cache(maxsize=_TEXTS)
def _same(text: str) -> str:
    """One shared string for all devices with the same value."""
    return text


@functools.lru_cache(maxsize=_TEXTS)
def _together(some: tuple[Claim, ...], more: tuple[Claim, ...]) -> tuple[Claim, ...]:
    """The combined claims, one shared object for equal ones."""
    return some + more


class Inventory:
    """All devices of one sensor. Methods are called in packet order; ``settle`` once a second of packet time,
    ``finish`` at the end.
    """

    def __init__(
        self, matcher: Matcher, oui: Oui, networks: Networks, limits: Limits | None = None, fuse: Fuse | None = None,
        key: int = 0, scope: str = ""
    ) -> None:  # fmt: skip
        """``key``: a 128-bit hash key for the table of facts, secret where peers could provoke collisions; ``scope``:
        the sensor, for ids (``core.ids``).
        """
        if fuse is None:
            from sensor.fingerprinting.fuse import fuse as default

            fuse = default
        self.matcher, self.oui, self.fuse, self.networks = matcher, oui, fuse, networks
        self.limits = limits = limits or Limits()
        self.table = Table(limits, key, scope)
        self._seen_before = self.table.novelty.seen_before
        self.endpoints = Endpoints(self.table, networks, limits)
        self.unattributed = self.refused = 0
        self._named: Bounded[str, tuple[Record, int]] = Bounded(limits.devices)
        self._mute = functools.lru_cache(_KINDS)(self._means_nothing)
        self._purged: Bounded[int, int] = Bounded(_PURGED)
        self._early = EarlyServices()
        self._changes = Changes(self.table, self._view)

    @property
    def tables(self) -> NamedTables:
        """Its bounded tables, of the matcher and the MAC registry in use."""
        tables = NamedTables()
        tables.include("matcher", self.matcher)
        tables.include("oui", self.oui)
        tables.add("table", self.table)
        tables.include("table", self.table)
        tables.include("endpoints", self.endpoints)
        tables.add("named", self._named)
        tables.add("purged", self._purged)
        tables.include("early", self._early)
        return tables

    def observe(self, observation: Observation) -> None:
        """Process a raw fact about an endpoint. A known fact is only counted."""
        if self._seen_before(observation):
            return
        ts, subject, kind = observation.ts, observation.subject, observation.kind
        record = self.table.known.get(subject)
        if record is None or not record.still(subject[1]):
            if not self.table.is_unattributed(subject, ts) or identity.trait_of(kind).bound:
                self._observe(observation)
            else:
                self.unattributed += 1
            return
        fact: Fact | None = None
        if not self._mute(kind):
            key = (kind, observation.value)
            fact = record.facts.get(key)
            if fact is not None:
                fact.count += 1
                fact.last = ts
            elif not record.held.ignores(key):
                trait = identity.trait_of(kind)
                if not self._stays(record, subject, trait):
                    self._observe(observation)
                    return
                fact = self._learn(record, observation, trait)
                if not trait.rank:
                    self._enlist(record, observation, trait)
        self.table.novelty.enter(observation, record, fact)
        record.last = ts
        address = subject[1]
        if address in record.addresses:
            record.addresses[address] = ts

    def sight(self, ts: int, mac: int, address: int, vlan: int) -> None:
        """An endpoint took part in an answered flow."""
        # A bare tuple equals the Subject and is created in half the time.
        record = self.table.known.get((mac, address, vlan))  # type: ignore[arg-type]
        if record is not None and record.still(address):
            self._seen(record, ts, address)
            return
        if self._purged and ts <= max(self._purged.get(mac) or 0, self._purged.get(address) or 0):
            return
        subject = Subject(mac, address, vlan)
        sender = self.endpoints.sender(ts, subject, SIGHTING)
        # A host that forwards for another endpoint is on this network as well.
        for record in dict.fromkeys((sender, self.table.by_mac.get(mac))):
            if record is not None:
                self._touch(record, ts)
                if self._admitted(record, ts) and record is sender:
                    self._cache(subject, record)

    def device(self, subject: Subject) -> Device | None:
        """The device behind an endpoint currently; None for new hosts, external addresses and reserved ones."""
        record = self.table.known.get(subject)
        if record is None or not record.still(subject.address):
            if (record := self.endpoints.device(subject)) is None:
                return None
            self._cache(subject, record)
        return self._view(record)

    def devices(self) -> Iterator[Device]:
        """Every device, with updated evidence counts, unidentified ones first."""
        for queue in (self.table.unidentified, self.table.identified):
            for record in queue:
                record.sync()
                yield self._view(record)

    def members(self) -> Iterator[Member]:
        """Every device as last reported, which is cheap."""
        return members(self.table)

    def offer(self, seen: Sighted) -> None:
        """A host offered or used a service."""
        record = self.endpoints.device(Subject(seen.mac, seen.address, seen.vlan))
        if record is None or seen.address not in record.addresses:
            self._early.hold(seen)
        else:
            self._offer(record, seen)

    def _offer(self, record: Record, seen: Sighted) -> None:
        if record.offer(seen.service, seen.offered, self.limits):
            self.table.note(record)

    def neighbour(self, subject: Subject, neighbor: Neighbour) -> None:
        """A device announced its switch port."""
        record = self.table.by_mac.get(subject.mac)
        if record is None or not record.admitted:
            return
        others = tuple(one for one in record.neighbours if one.protocol != neighbor.protocol)
        if (*others, neighbor) != record.neighbours and len(others) < self.limits.neighbours:
            record.neighbours = (*others, neighbor)
            self.table.note(record)

    def doubt(self) -> None:
        """More senders appeared in this second than can be real."""
        self._changes.doubt()

    def settle(self, now: int, *, idle: bool = False) -> list[DeviceChange]:
        """Changes to report; called once each second of packet time. ``idle``: no packet began it."""
        return self._changes.settle(now, self.limits, idle=idle)

    def finish(self, now: int) -> list[DeviceChange]:
        """End of the run: report every change that waited."""
        return self._changes.report(now, self.limits, final=True)

    def telemetry(self) -> dict[str, int]:
        """``devices`` and ``pending`` at present; records ``evicted``; observations ``unattributed`` (of no device) and
        ``dropped`` (of new hosts in a flood).
        """
        table = self.table
        return {
            "devices": table.devices,
            "pending": len(table.pending),
            "evicted": table.evicted,
            "unattributed": self.unattributed,
            "dropped": self.refused,
        }

    def reset_watch(self) -> None:
        """Monitoring was interrupted: silence is counted again from the next second."""
        self._changes.resume()

    def know(self, matcher: Matcher, oui: Oui) -> None:
        """Use new fingerprints, or another registry, from the next fact on. Known facts are evaluated again as well
        (``reread.py``).
        """
        self.matcher, self.oui = matcher, oui
        self._mute.cache_clear()
        self.table.novelty.forget()

    def purge(self, record: Record) -> None:
        """Delete the device as if it had never been known. Its pending sightings do not create it again."""
        now = max(record.last, (self._changes.settled or 0) + 1_000_000_000)
        for end in (*record.macs, *record.addresses):
            self._purged.put(end, now)
        self.table.let_go(record)

    def find_again(self, record: Record, names: dict[str, int], joins: tuple[str, ...]) -> None:
        """Let a device of an earlier run be found by its names and their times, and by the keys that join randomized
        MACs.
        """
        for name, first in names.items():
            owner = self._named.get(name)
            if owner is None or owner[1] > first:
                self._named.put(name, (record, first))
        for key in joins:
            self.endpoints.found_by(record, key)

    def own_view(self, record: Record) -> Device:
        """A copy of the device from observations only, without operator values."""
        device = self.table.open(record)
        if record.key not in self.table.corrections:
            return reporting.snapshot(self._view(record))
        record.stale = True
        own = reporting.snapshot(record.view(device, self.fuse, self._borrowed, self.limits))
        record.stale = True
        return own

    def _seen(self, record: Record, ts: int, address: int) -> None:
        """Mark a record as seen. A flow may be reported after later packets were read."""
        record.last = max(record.last, ts)
        if ts > record.addresses.get(address, ts):
            record.addresses[address] = ts

    def _means_nothing(self, kind: str) -> bool:
        """Whether facts of a kind are mere sightings: no fingerprint matches, it identifies no device, and identity
        does not depend on it.
        """
        trait = identity.trait_of(kind)
        return trait.rank < 0 and not (trait.role or trait.bound or trait.join) and not self.matcher.knows(kind)

    def _stays(self, record: Record, subject: Subject, trait: Trait) -> bool:
        """Whether a new fact of a cached endpoint belongs to its record: no address is claimed, and no other host sends
        it.
        """
        if (
            trait.claim
            or record.gone
            or (trait.join and record.random)
            or (subject.vlan and subject.vlan != record.vlan)
        ):
            return False
        bearer = self.table.by_mac.get(subject.mac)
        return bearer is record or (not trait.bound and (bearer is not None or not subject.mac))

    def _observe(self, observation: Observation) -> None:
        """Process a fact that is new, or comes from an unknown endpoint."""
        ts, subject, trait = observation.ts, observation.subject, identity.trait_of(observation.kind)
        record = self.endpoints.sender(ts, subject, trait)
        if record is None:
            self.unattributed += 1
            self.table.unattributed.put(subject, ts)
            return
        self._touch(record, ts)
        fact = None if self._mute(observation.kind) else self._learn(record, observation, trait)
        if record.random and trait.join:
            record = self.endpoints.join(record, observation, trait)
        if (trait.identifies or not record.random) and self._admitted(record, ts):
            if self._cache(subject, record):
                # The record may have been merged since, with one that knew the fact.
                fact = record.facts.get((observation.kind, observation.value)) if fact is not None else None
                self.table.novelty.enter(observation, record, fact)
            self._enlist(record, observation, trait)
        elif not record.admitted and record.shown is not None:
            self.refused += 1

    def _learn(self, record: Record, observation: Observation, trait: Trait) -> Fact | None:
        """Add a fact to the record and return it; None if it has no meaning."""
        key = (observation.kind, observation.value)
        fact = record.facts.get(key)
        if fact is not None:
            fact.count, fact.last = fact.count + 1, observation.ts
            return fact
        if record.held.ignores(key) or (key[0] == identity.HOPS and observation.subject.mac not in record.macs):
            return None
        claims = self.claims(observation.kind, observation.value, trait, observation.subject.mac)
        if trait.role:
            record.take_role(observation.value, self.limits)
        if not claims and trait.rank < 0:
            record.held.ignore(key, self.limits.idle)
            return None
        subject, ts = observation.subject, observation.ts
        fact = Fact(observation.kind, _same(observation.value), subject.address, ts, ts, trait.rank, claims)
        record.learn(fact, self.limits)
        self.table.mark(record, observation.ts)
        return fact

    def claims(self, kind: str, value: str, trait: Trait, mac: int) -> tuple[Claim, ...]:
        """The claims that fingerprints derive from a fact."""
        claims = self.matcher.match(kind, value)
        if trait.rank >= 0 and (own := own_mac_name(value, mac)):
            claims = _together(claims, self.matcher.match(OWN_MAC, own))
        return claims

    def _admitted(self, record: Record, ts: int) -> bool:
        """Whether the record is a device, after new evidence. The vendor of a stable MAC is looked up once it is."""
        if record.admitted:
            return True
        if not self.table.admit(record, ts):
            return False
        if record.macs and not record.random:
            organisation = self.oui.organisation(record.macs[0])
            if organisation:
                observation = Observation(ts, Subject(record.macs[0]), "oui.organisation", organisation)
                record.learn(
                    fact_of(observation, self.matcher.match(observation.kind, observation.value), -1), self.limits
                )
        return True

    def _cache(self, subject: Subject, record: Record) -> bool:
        """Cache the record of an endpoint if every further fact of it belongs to this record; returns whether it was
        cached.
        """
        address = identity.usable(subject.address)
        if address and self.table.leases.get(address) is not record:
            return False
        bearer = self.table.by_mac.get(subject.mac)
        if bearer is None or bearer is record or bearer.router:
            self.table.known.put(subject, record)
            for seen in self._early.take(subject.mac, subject.address):
                self._offer(record, seen)
            return True
        return False

    def _touch(self, record: Record, ts: int) -> None:
        record.touch(ts)
        if record.gone:
            record.gone = False
            record.news += (("back", ""),)
            if not record.macs:
                # The lease of an address may be over by now: another host may have it.
                record.drop_facts()
            self.table.mark(record, ts)

    def _view(self, record: Record) -> Device:
        known = record.device
        if known is not None and not record.stale:  # called for most flows
            known.last, known.macs, known.vlan, known.roles = record.last, record.macs, record.vlan, record.roles
            return known
        device, corrections = self.table.open(record), self.table.corrections
        record.device, record.requested = device, True
        if record.stale:
            self.table.view(record)
        return record.view(
            device, self.fuse, self._borrowed, self.limits, corrections.get(record.key) if corrections else None
        )

    def _enlist(self, record: Record, observation: Observation, trait: Trait) -> None:
        """Let a device be found by its names: a host name belongs to the device that first gave it by DHCP, as long as
        that device exists.
        """
        if trait.rank == 0:
            name = identity.bare(observation.value).lower()
            owner = self._named.get(name)
            if owner is None or owner[0].dead:
                self._named.put(name, (record, observation.ts))
        if record.random and trait.join:
            self.endpoints.enlist(record, observation, trait)

    def _borrowed(self, record: Record, name: str, ts: int) -> bool:
        """Whether a name that a record has had since ``ts`` belonged to another device before: it was relayed or
        spoofed.
        """
        owner = self._named.get(name)
        return owner is not None and owner[0] is not record and not owner[0].dead and owner[1] <= ts
