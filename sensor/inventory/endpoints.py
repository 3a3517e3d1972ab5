"""The device behind an endpoint: the rules of identity, applied to subjects in packet order.

A stable MAC is a device. An address is leased: the host that claims it by ARP, NDP or DHCP has it until another host
claims it. A host that only uses an address gets it if its holder was silent for some minutes; until then that MAC
forwards for the holder, as routers on both sides of a mirror do. A MAC with more internal addresses than one host has
is a router: hosts behind it are identified by address. External addresses are not devices; they only show that a MAC is
a gateway. A randomized MAC joins the device with the same DHCP client id or name if that device's former MAC fell
silent before the new one appeared.
"""

from __future__ import annotations

from sensor.core import addresses
from sensor.core.addresses import Networks
from sensor.core.bounded import Bounded
from sensor.core.named_tables import NamedTables
from sensor.core.observation import Observation, Subject
from sensor.inventory import evidence, identity
from sensor.inventory.identity import Trait
from sensor.inventory.limits import Limits
from sensor.inventory.record import Record, without
from sensor.inventory.table import Table

_VIRTUAL_ADDRESSES = 4096
# Roles of a MAC itself, whatever addresses come with it; other roles may be those of hosts behind it.
_OF_A_MAC = frozenset(("router", "gateway", "bridge", "querier", "authenticator", "randomised_mac"))
# Pairs of devices that the operator split.
_APART = 65_536


class Endpoints:
    """Finds and creates records; merges and splits them when new evidence about identity requires it."""

    def __init__(self, table: Table, networks: Networks, limits: Limits) -> None:
        self.table, self.networks, self.limits = table, networks, limits
        self.tables = NamedTables()
        self._virtual: Bounded[int, bool] = self.tables.add("virtual", Bounded(_VIRTUAL_ADDRESSES))
        self._joins: Bounded[str, Record] = self.tables.add("joins", Bounded(limits.devices))
        self._shared: Bounded[str, bool] = self.tables.add("shared", Bounded(limits.devices))
        self._apart: Bounded[frozenset[str], bool] = self.tables.add("apart", Bounded(_APART))

    def find(self, subject: Subject) -> Record | None:
        """The record behind an endpoint currently; creates and moves nothing."""
        mac, address = subject[0], identity.usable(subject[1])
        holder = self.table.leases.get(address) if address else None
        record = self.table.by_mac.get(mac)  # MACs that identify no device have no record
        if record is None:
            return (
                holder
                if not identity.is_machine(mac)
                or identity.is_virtual(mac)
                or (holder and self._keeps(holder, address, holder.last))
                else None
            )
        if not address or holder is record:
            return record
        if holder is not None and (record.router or self._keeps(holder, address, record.last)):
            # The MAC had the address until another host claimed it, legitimately or not: it does not forward for the
            # new holder.
            return record if self.table.claimed_from.get(address) is record else holder
        return record if self.networks.inside(address) and not record.router else None

    def device(self, subject: Subject) -> Record | None:
        """``find``, but only for devices. Optimized for endpoints that are not devices: most have neither a MAC nor an
        address of one.
        """
        bearer, holder = self.table.by_mac.get(subject[0]), self.table.leases.get(subject[1])
        if (bearer is None or not bearer.admitted) and (holder is None or not holder.admitted):
            return None
        record = self.find(subject)
        return record if record is not None and record.admitted else None

    def sender(self, ts: int, subject: Subject, trait: Trait) -> Record | None:
        """The record that a fact belongs to, created if there is none; None if the endpoint is no device. Addresses
        move as the fact requires.
        """
        mac, address, vlan = subject
        record = self.table.by_mac.get(mac)
        if record is not None and not trait.bound and (not vlan or record.vlan == vlan) and address in record.addresses:
            record.addresses[address] = ts
            return record
        address = identity.usable(address)
        if not identity.is_machine(mac):
            return self._host(ts, address, vlan) if mac == 0 else None
        if identity.is_virtual(mac):
            return self._behind_virtual(ts, address, vlan, trait)
        if record is None:
            record = self.table.create(ts, f"mac:{mac.to_bytes(6, 'big').hex(':')}", mac, vlan)
        if vlan and record.vlan != vlan and not record.router:
            record.vlan = vlan
        if trait.bound:
            self._claim(ts, record, address, trait)
            return record
        return self._user(ts, record, address, vlan) if address else record

    def _host(self, ts: int, address: int, vlan: int) -> Record | None:
        """The holder of an internal address, else a device identified by that address."""
        holder = self.table.leases.get(address) if address else None
        if holder is not None or not address or not self.networks.inside(address) or address in self._virtual:
            return holder
        record = self.table.create(ts, f"ip:{addresses.text(address)}", 0, vlan)
        self.table.lease(record, address, ts, claimed=False)
        return record

    def _behind_virtual(self, ts: int, address: int, vlan: int, trait: Trait) -> Record | None:
        """The MAC is a role of a redundant router: an address it claims is a role too, any other is a host behind
        it.
        """
        if trait.claim and address:
            self._virtual.put(address, True)
        return None if trait.bound else self._host(ts, address, vlan)

    def _claim(self, ts: int, record: Record, address: int, trait: Trait) -> None:
        """ARP, NDP or DHCP assigns the address to the record; other facts do so only if no record has it. New, possibly
        spoofed devices take no address from known ones.
        """
        holder = self.table.leases.get(address)
        if not address or (
            not trait.claim and (holder is not None or record.router or not self.networks.inside(address))
        ):
            return
        if holder is not None and holder is not record and not record.admitted and record.random:
            return
        if trait.lease:
            self._end_leases(ts, record, address)
        if address in record.behind:
            record.behind = without(record.behind, address)
        self._give(ts, record, address, claimed=trait.claim)

    def _end_leases(self, ts: int, record: Record, address: int) -> None:
        """A new lease replaces the device's addresses of the same family."""
        for old in list(record.addresses):
            if (
                old != address
                and addresses.is_v4(old) == addresses.is_v4(address)
                and (addresses.is_v4(old) or not identity.is_link_local(old))
            ):
                self.table.release(record, old, ts)

    def _give(self, ts: int, record: Record, address: int, claimed: bool) -> None:
        """Assign an address to the record. A device identified only by that address is merged if it was seen just now,
        and departs otherwise.
        """
        former = self.table.lease(record, address, ts, claimed)
        if former is None or former.macs or former.dead:
            return
        if ts - former.last < self.limits.claim_ns and not self.are_apart(record, former):
            self.merge(record, former, f"{addresses.text(address)} was seen through a router before its MAC was known")
        else:
            self.table.depart(former, f"{addresses.text(address)} now belongs to {record.key}")

    def _keeps(self, holder: Record, address: int, ts: int) -> bool:
        """Whether the holder used its address recently, so that another host that uses it is only forwarding."""
        return ts - holder.addresses.get(address, 0) < self.limits.claim_ns

    def _user(self, ts: int, record: Record, address: int, vlan: int) -> Record | None:
        """An address was used with the MAC of a record: by the device itself, or by a host for which it forwards."""
        holder = self.table.leases.get(address)
        if holder is record:
            record.addresses[address] = ts
            return record
        if not self.networks.inside(address):
            if holder is None:
                self._outside(ts, record, address)
            return holder
        if holder is not None and (record.router or self._keeps(holder, address, ts)):
            if not record.router and self.table.claimed_from.get(address) is record:
                return record  # it had the address until the holder claimed it: the packet is its own
            if len(record.behind) <= self.limits.own4 and address not in record.behind:
                record.behind += (address,)
            self._is_forwarder(ts, record)
            return holder
        if record.router and not identity.is_link_local(address):
            return self._host(ts, address, vlan)
        if holder is not None and record.random and not record.admitted:
            return record
        self._give(ts, record, address, claimed=False)
        return self._host(ts, address, vlan) if self._is_forwarder(ts, record) else record

    def _outside(self, ts: int, record: Record, address: int) -> None:
        """An external address came with this MAC. Several external networks make it a gateway."""
        if record.gateway or identity.is_link_local(address):
            return
        network = identity.network_of(address)
        if network not in record.networks:
            record.networks += (network,)
        if len(record.networks) >= self.limits.networks:
            record.gateway = True
            record.take_role("gateway", self.limits)
            record.learn(
                evidence.forwards(ts, "flow.outside", f"addresses of {len(record.networks)} external networks"),
                self.limits,
            )
            self.table.mark(record, ts)
            self._is_forwarder(ts, record)

    def _is_forwarder(self, ts: int, record: Record) -> bool:
        """Whether the record is a router; if it has just become one, it is split from the hosts behind it."""
        if not record.router and record.crowd(ts, self.limits):
            self._split(ts, record)
        return record.router

    def _split(self, ts: int, record: Record) -> None:
        """Many addresses behind one MAC: those it never claimed become separate devices, with the facts that came from
        them. The owner of its services and roles is unknown: they are learned again.
        """
        record.router = True
        record.roles &= _OF_A_MAC
        record.take_role("router", self.limits)
        record.serve(())
        record.used = ()
        hosts = [
            address
            for address in record.addresses
            if address not in record.claimed and not identity.is_link_local(address)
        ]
        if record.reported is not None:
            record.news += (
                (
                    "split",
                    (
                        f"{len(hosts) + len(record.behind)} addresses behind one MAC: a router; hosts behind it "
                        "are identified by address"
                    ),
                ),
            )
        for address in hosts:
            self.table.release(record, address, ts)
            self._move_out(ts, record, address)
        record.learn(
            evidence.forwards(
                ts, "flow.behind", f"{len(hosts) + len(record.behind)} internal addresses behind one MAC"
            ),
            self.limits,
        )
        self.table.mark(record, ts)

    def _move_out(self, ts: int, record: Record, address: int) -> None:
        """Move the facts that came from an address behind a router to the record of that address."""
        facts = [
            fact for fact in record.facts.values() if fact.address == address and not identity.trait_of(fact.kind).bound
        ]
        host = self._host(ts, address, record.vlan)
        if host is None:
            return
        host.first = min([host.first, *(fact.first for fact in facts)])
        for fact in facts:
            record.forget(fact)
            host.learn(fact, self.limits)
        if record.admitted:
            self.table.admit(host, ts)

    def join(self, record: Record, observation: Observation, trait: Trait) -> Record:
        """Join a randomized MAC with the device that has the same id or name; returns the record that continues."""
        key = identity.join_key(trait.join, observation.value, observation.subject.mac)
        if not key or key in self._shared:
            return record
        other = self._joins.get(key)
        if other is None or other is record or other.dead or self.are_apart(record, other):
            return record
        if len(record.macs) == 1 and (trait.join == "id" or record.first - other.last >= self.limits.quiet_ns):
            self.merge(
                other,
                record,
                f"{observation.kind} {observation.value} now comes from {addresses.mac_text(observation.subject.mac)}",
            )
            return other
        self._shared.put(key, True)
        return record

    def enlist(self, record: Record, observation: Observation, trait: Trait) -> None:
        """Let later MACs find an admitted record by an id or name that no other device has. Newcomers are not
        registered: a flood would fill the list.
        """
        key = identity.join_key(trait.join, observation.value, observation.subject.mac)
        other = self._joins.get(key)
        if key and key not in self._shared and (other is None or other.dead):
            self._joins.put(key, record)
            if not record.joined or key.startswith("id:"):
                record.joined = key

    def found_by(self, record: Record, key: str) -> None:
        """Register the id or name of a device from an earlier run."""
        other = self._joins.get(key)
        if other is not None and other is not record:
            self._shared.put(key, True)
        elif key:
            self._joins.put(key, record)

    def keep_apart(self, one: str, other: str, apart: bool = True) -> None:
        """Prevent automatic merging of the devices of two keys, or allow it again."""
        if apart:
            self._apart.put(frozenset((one, other)), True)
        else:
            self._apart.pop(frozenset((one, other)))

    def are_apart(self, one: Record, other: Record) -> bool:
        return len(self._apart) > 0 and frozenset((one.key, other.key)) in self._apart

    def merge(self, keep: Record, lose: Record, reason: str) -> None:
        """Merge two records that are one device: all data of ``lose`` is moved to ``keep``."""
        table, held = self.table, dict(lose.addresses)
        if table.journal is not None:
            table.journal.merge(max(keep.last, lose.last), keep, lose, reason)
        if lose.key in table.corrections:
            table.corrections[keep.key] = table.corrections[lose.key] | table.corrections.get(keep.key, {})
        table.remove(lose)
        for mac in lose.macs:
            table.add_mac(keep, mac)
        for address, last in held.items():
            table.lease(keep, address, last, address in lose.claimed)
        for key, fact in lose.facts.items():
            known = keep.facts.get(key)
            if known is not None:
                known.absorb(fact)
            else:
                keep.learn(fact, self.limits)
        keep.first, keep.stale = min(keep.first, lose.first), True
        keep.roles |= lose.roles - {"randomised_mac"}
        keep.serve(tuple(dict.fromkeys(keep.services + lose.services))[: self.limits.services])
        keep.used = tuple(dict.fromkeys(keep.used + lose.used))[: self.limits.services]
        keep.neighbours = tuple({one.protocol: one for one in lose.neighbours + keep.neighbours}.values())[
            : self.limits.neighbours
        ]
        keep.touch(lose.last)
        if lose.reported is not None and lose.id:
            keep.news += (("merged", f"{lose.id} is the same device: {reason}"),)
        table.forget_endpoints()
        table.mark(keep, keep.last)
