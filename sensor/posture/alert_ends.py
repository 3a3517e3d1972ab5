"""Present devices at the ends of alerts.

An alert names a device by its id at that time, which a merge may have replaced, or by its address alone if the device
was not known yet. The address of a named device does not count: another device may have it by now (DHCP). For the same
reason, the present holder of an address counts only if it was seen at the time of the alert or soon after.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sensor.core.foreign import part, texts, tidy
from sensor.core.record_parts import objects
from sensor.posture.latest import Known, Record

GONE = "gone"
# Detectors whose alerts show that external hosts reach a device.
INBOUND, MAPPING = "exposure.inbound_from_internet", "command_and_control.port_mapping"
# A host is a device some time after its first packets.
KNOWN_AFTER = timedelta(hours=1)


class AlertEnds:
    """``devices``: addresses by device, none of one that is gone; ``former``: see ``former_ids``; ``first``: when each
    device was first seen, in the format of records.
    """

    def __init__(
        self, devices: Mapping[str, Iterable[str]], former: Mapping[str, str], first: Mapping[str, str]
    ) -> None:
        self._devices, self._former, self._first = devices, former, first
        self._holders = {address: name for name, addresses in devices.items() for address in addresses}

    def device(self, end: Any, record: Record) -> str:
        """The id of the device at an end of the record of an alert; empty if it is not a device, or not known."""
        if not isinstance(end, dict):
            return ""
        name, ip = (tidy(end[key]) if isinstance(end.get(key), str) else "" for key in ("device", "ip"))
        if not name:
            holder = self._holders.get(ip, "")
            return holder if holder and not self._is_later(holder, record) else ""
        name = self._former.get(name, name)
        return name if name in self._devices else ""

    def _is_later(self, device: str, record: Record) -> bool:
        """Whether a device appeared long after an alert."""
        last = tidy(part(record, "alert").get("last") or record.get("ts"))
        try:
            return datetime.fromisoformat(self._first.get(device, "")) - datetime.fromisoformat(last) > KNOWN_AFTER
        except (TypeError, ValueError, OverflowError):
            return False


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
    )


def former_ids(known: Known) -> dict[str, str]:
    """Ids in alerts, from before a merge or of an earlier version, with the present ids."""
    named = {
        tidy(end.get("device"))
        for record in known.alerts.values()
        for end in (part(record, "src"), part(record, "dst"), *objects(record.get("targets")))
    }
    records = ((name, known.device(name)) for name in named - known.devices.keys() - {""})
    return {name: tidy(part(record, "device").get("id")) for name, record in records if record is not None}
