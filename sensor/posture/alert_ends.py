"""Devices at the ends of alerts.

An alert names a device by its id at that time, which a merge may have replaced, or by its address alone if the device
was not known yet. The address of a named device does not count: another device may have it by now (DHCP). For the same
reason, an address alone means the device that had it at the time of the alert or got it soon after. Without stored
leases of the address, its present holder counts if it was seen by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sensor.core.device import Lease
from sensor.core.foreign import part, texts, tidy
from sensor.core.record_parts import objects
from sensor.posture.latest import Known, Record

GONE = "gone"
# Detectors whose alerts show that external hosts reach a device.
INBOUND, MAPPING = "exposure.inbound_from_internet", "command_and_control.port_mapping"
# A host is a device some time after its first packets.
KNOWN_AFTER_NS = 3600 * 10**9


class AlertEnds:
    """``devices``: addresses by device, none of one that is gone; ``former``: see ``former_ids``; ``first``: when each
    device was first seen, in the format of records; ``leases``: by address. ``holders``: current device by address.
    """

    def __init__(
        self,
        devices: Mapping[str, Iterable[str]],
        former: Mapping[str, str],
        first: Mapping[str, str],
        leases: Mapping[str, Sequence[Lease]],
    ) -> None:
        self._devices, self.former, self._first, self._leases = devices, former, first, leases
        self.holders = {address: name for name, addresses in devices.items() for address in addresses}

    def device(self, end: Any, record: Record) -> str:
        """The id of the device at an end of the record of an alert; empty if it is not a device, or not known."""
        if not isinstance(end, dict):
            return ""
        name, ip = _named(end)
        name = name or self._holder(ip, _ns(part(record, "alert").get("last") or record.get("ts")))
        name = self.former.get(name, name)
        return name if name in self._devices else ""

    def _holder(self, ip: str, ts: int | None) -> str:
        """The device that had an address at a time or got it soon after. Without a time, the current one."""
        present = self.holders.get(ip, "")
        if ts is None:
            return present
        if leases := self._leases.get(ip):
            return _at(leases, ts)
        first = _ns(self._first.get(present))
        return present if first is None or first - ts <= KNOWN_AFTER_NS else ""


def _at(leases: Iterable[Lease], ts: int) -> str:
    """The last lease that began before a time and lasted until then, otherwise the next one."""
    near = [one for one in leases if one.first - KNOWN_AFTER_NS <= ts and (one.held or ts <= one.last)]
    before = [one for one in near if one.first <= ts]
    if before:
        return max(before, key=lambda one: one.first).device
    return min(near, key=lambda one: one.first).device if near else ""


def _named(end: Record) -> tuple[str, str]:
    """(device, address) of an end; empty what it does not have."""
    name, ip = end.get("device"), end.get("ip")
    return tidy(name) if isinstance(name, str) else "", tidy(ip) if isinstance(ip, str) else ""


def _ns(text: Any) -> int | None:
    """A time in the format of records; None if it has another."""
    try:
        return int(datetime.fromisoformat(tidy(text)).timestamp() * 10**6) * 1000
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def reached(record: Record) -> list[Any]:
    """The ends of an alert of these detectors that external hosts reach. A port mapping is requested from a router, for
    the client itself or for another host, which then precedes the router among the targets.
    """
    targets = objects(record.get("targets"))
    if part(record, "alert").get("detector") == MAPPING:
        return [targets[0] if len(targets) > 1 else record.get("src")]
    return [record.get("dst"), *targets]


def alert_ends(known: Known) -> AlertEnds:
    """Those of all alerts."""
    devices = ((part(record, "device"), record.get("action") == GONE) for record in known.devices.values())
    several = [(tidy(one.get("id")), one, gone) for one, gone in devices]
    return AlertEnds(
        {name: () if gone else texts(one.get("ips")) for name, one, gone in several},
        former_ids(known),
        {name: tidy(one.get("first_seen")) for name, one, _ in several},
        known.leases,
    )


def unnamed(known: Known) -> set[str]:
    """Addresses in alerts without a device: their leases are needed."""
    return {ip for end in _ends(known) if not end.get("device") and (ip := _named(end)[1])}


def former_ids(known: Known) -> dict[str, str]:
    """Ids in alerts and leases, from before a merge or of an earlier version, with the present ids."""
    named = {name for end in _ends(known) if isinstance(name := end.get("device"), str)}
    named |= {one.device for leases in known.leases.values() for one in leases}
    records = ((name, known.device(name)) for name in {tidy(one) for one in named - known.devices.keys()} - {""})
    return {name: tidy(part(record, "device").get("id")) for name, record in records if record is not None}


def _ends(known: Known) -> Iterator[Record]:
    for record in known.alerts.values():
        yield from (part(record, "src"), part(record, "dst"), *objects(record.get("targets")))
