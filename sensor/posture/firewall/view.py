"""The network data for firewall rules: alerts with the devices at their ends, the learned baseline, and destinations of
the sensor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sensor.core.addresses import Networks, is_v4
from sensor.core.foreign import Record, address_of, part, texts, tidy
from sensor.core.record_parts import objects
from sensor.inventory.habits import Habits
from sensor.inventory.identity import is_link_local
from sensor.posture.alert_ends import GONE, AlertEnds
from sensor.posture.firewall.model import Host
from sensor.posture.firewall.simulate import Machine, Seen
from sensor.posture.latest import Details, Known

# Limit of addresses of one host in rules; the number of others is reported.
ADDRESSES_LIMIT = 16


class Baseline(NamedTuple):
    """``habits`` by device, None without an inventory; ``watched``: since and until when, ns."""

    habits: Mapping[str, Habits] | None = None
    watched: tuple[int, int] = (0, 0)


class View(NamedTuple):
    """``owners``: device by address, the current one if several had it; ``ends``: devices at the ends of alerts;
    ``details``: function for the leases of a device, None without an inventory.
    """

    known: Known
    networks: Networks
    seen: Seen
    owners: Mapping[int, str]
    ends: AlertEnds
    details: Details | None = None

    def party(self, end: Record, alert: Record) -> Host | None:
        """One end of an alert: its device, with the observed address first, unless another device has it by now; None
        without an address. ``alert``: its record.
        """
        address, reassigned = address_of(end.get("ip")), self.reassigned(end, alert)
        record = self.known.device(self._holder(end, alert))
        machine = self.seen.machines.get(tidy(part(record, "device").get("id"))) if record is not None else None
        observed = (address,) if address and not reassigned else ()
        if machine is None:
            return Host("", tidy(end.get("hostname")), tidy(end.get("type")), observed) if observed else None
        mine = tuple(dict.fromkeys((*observed, *machine.party.addresses)))
        return machine.party._replace(addresses=mine) if mine else None

    def reassigned(self, end: Record, alert: Record) -> bool:
        """Whether another device has the address of an end by now (DHCP): a rule must not block that one."""
        address = address_of(end.get("ip"))
        if address not in self.owners:
            return False
        device = part(self.known.device(self._holder(end, alert)) or {}, "device")
        return self.owners[address] != device.get("id") and address not in map(address_of, texts(device.get("ips")))

    def _holder(self, end: Record, alert: Record) -> str:
        """The device that an end names, or the one that had its address then; empty if that is unknown."""
        ip, device = tidy(end.get("ip")), tidy(end.get("device")) or self.ends.device(end, alert)
        if device or self.known.leases.get(ip) or ip in self.ends.holders:
            return device
        # An address of a gateway that only alerts contain, or one of a device that is gone.
        return self.owners.get(address_of(ip), "")

    def moved(self, parties: Iterable[Host]) -> frozenset[str]:
        """Devices that had other IPv4 addresses before."""
        return frozenset(party.id for party in parties if party.id and self._moved(party))

    def _moved(self, party: Host) -> bool:
        record = self.known.device(party.id)
        if self.details is None or record is None:
            return False
        former = [
            address_of(lease.get("address"))
            for lease in objects(self.details(record).get("leases"))
            if not lease.get("held")
        ]
        return any(is_v4(address) and not is_link_local(address) for address in former)


def view_of(
    known: Known,
    networks: Networks,
    baseline: Baseline,
    ends: AlertEnds,
    outputs: Mapping[str, frozenset[str]] | None = None,
    details: Details | None = None,
) -> View:
    """``outputs``: names and addresses of each output's hosts."""
    owners = _owners(known)
    inside = _inside_addresses(known, networks, owners)
    machines = {
        one.party.id: one
        for one in (_machine(record, inside) for record in known.devices.values())
        if one.party.addresses
    }
    owners = {address: name for name, one in machines.items() for address in one.party.addresses} | owners
    return View(
        known, networks, Seen(machines, baseline.habits, baseline.watched, outputs or {}), owners, ends, details
    )


def _owners(known: Known) -> dict[int, str]:
    """Device by address: the last known device of those that are gone, if no present one has it."""
    ordered = sorted(known.devices.values(), key=lambda record: record.get("action") != GONE)
    devices = [part(record, "device") for record in ordered]
    return {address_of(ip): tidy(one.get("id")) for one in devices for ip in texts(one.get("ips"))}


def _inside_addresses(known: Known, networks: Networks, owners: Mapping[int, str]) -> dict[str, list[int]]:
    """Internal addresses in alerts, by device: a gateway has more than its record. Those that another device has by
    now are left out.
    """
    # Few hosts are in most alerts: each is looked up once.
    hosts = dict.fromkeys(
        (tidy(end.get("device")), end["ip"])
        for record in known.alerts.values()
        for end in (part(record, "src"), part(record, "dst"), *objects(record.get("targets")))
        if end.get("device") and isinstance(end.get("ip"), str)
    )
    found: dict[str, list[int]] = {}
    for device, ip in hosts:
        owner, address = tidy(part(known.device(device) or {}, "device").get("id")), address_of(ip)
        if owner and networks.inside(address) and owners.get(address, owner) == owner:
            found.setdefault(owner, []).append(address)
    return found


def _machine(record: Record, inside: Mapping[str, Iterable[int]]) -> Machine:
    device = part(record, "device")
    named = dict.fromkeys([*map(address_of, texts(device.get("ips"))), *inside.get(tidy(device.get("id")), ())])
    held = [address for address in named if address and not is_link_local(address)]
    party = Host(
        tidy(device.get("id")), tidy(device.get("hostname")), tidy(device.get("type")), tuple(held[:ADDRESSES_LIMIT])
    )
    roles, services = (frozenset(texts(device.get(name))) for name in ("roles", "services"))
    return Machine(party, roles, services, len(held[ADDRESSES_LIMIT:]))
