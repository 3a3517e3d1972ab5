"""Present devices at the ends of alerts.

An alert names a device by its id at that time, which a merge may have replaced, or by its address alone if the device
was not known yet. The address of a named device does not count: another device may have it by now (DHCP).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sensor.core.foreign import part, texts, tidy
from sensor.core.record_parts import objects
from sensor.posture.latest import Known, Record

GONE = "gone"
# Detectors whose alerts show that external hosts reach a device.
INBOUND, MAPPING = "exposure.inbound_from_internet", "command_and_control.port_mapping"


class AlertEnds:
    """``devices``: addresses by device, none of one that is gone; ``former``: see ``former_ids``."""

    def __init__(self, devices: Mapping[str, Iterable[str]], former: Mapping[str, str]) -> None:
        self._devices, self._former = devices, former
        self._holders = {address: name for name, addresses in devices.items() for address in addresses}

    def device(self, end: Any) -> str:
        """The id of the device at an end; empty if it is not a device, or no longer known."""
        if not isinstance(end, dict):
            return ""
        name, ip = (tidy(end[key]) if isinstance(end.get(key), str) else "" for key in ("device", "ip"))
        if not name:
            return self._holders.get(ip, "")
        name = self._former.get(name, name)
        return name if name in self._devices else ""


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
    several = {tidy(one.get("id")): () if gone else texts(one.get("ips")) for one, gone in devices}
    return AlertEnds(several, former_ids(known))


def former_ids(known: Known) -> dict[str, str]:
    """Ids in alerts, from before a merge or of an earlier version, with the present ids."""
    named = {
        tidy(end.get("device"))
        for record in known.alerts.values()
        for end in (part(record, "src"), part(record, "dst"), *objects(record.get("targets")))
    }
    records = ((name, known.device(name)) for name in named - known.devices.keys() - {""})
    return {name: tidy(part(record, "device").get("id")) for name, record in records if record is not None}
