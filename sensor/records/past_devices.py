"""Devices as they were at the time of a row: the context in which rules are evaluated on past traffic."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Any, NamedTuple

from sensor.core import addresses
from sensor.core.addresses import Networks
from sensor.core.device import Attribute, Device
from sensor.core.observation import Evidence, Subject
from sensor.records.query import Query

# Limit on versions of devices that are remembered, the newest first.
VERSIONS_MOST = 50_000
ABOUT = ("name", "type", "vendor", "model", "os", "vlan")
_HISTORY = (
    "SELECT epoch_us(ts), device, name, type, vendor, model, os, coalesce(vlan, 0), ips, macs FROM device_history "
    "WHERE action NOT IN ('gone', 'merged') ORDER BY ts DESC"
)


class RowEndpoint(NamedTuple):
    """An endpoint of a row; ``device``: its id, empty if unknown."""

    address: int
    mac: int
    device: str


class PastDevices:
    """The context of rules (``core.detector.Context``). ``at`` sets the row: its time and the devices at its ends."""

    intel: Any = None
    baseline: Any = None
    profiles: Any = None
    more_bits = 0

    def __init__(self, query: Query, networks: Networks) -> None:
        """Raises QueryError."""
        self.networks = networks
        self._times: dict[str, list[int]] = {}
        self._versions: dict[str, list[Sequence[Any]]] = {}
        for row in reversed(query.run(_HISTORY, most=VERSIONS_MOST).rows):
            self._times.setdefault(row[1], []).append(row[0])
            self._versions.setdefault(row[1], []).append(row)
        self._ts, self._places = 0, tuple[RowEndpoint, ...]()

    def at(self, ts: int, places: tuple[RowEndpoint, ...]) -> None:
        """``ts``: ns."""
        self._ts, self._places = ts, places

    def device(self, subject: Subject) -> Device | None:
        """The device of an endpoint of the row, in the version of that time; before the first version, the first."""
        for place in self._places:
            if (place.address, place.mac) == (subject.address, subject.mac) and place.device in self._times:
                at = max(bisect.bisect_right(self._times[place.device], self._ts // 1000) - 1, 0)
                ts, name, *about, ips, macs = self._versions[place.device][at]
                return device_of(ts * 1000, name, about, ips or (), macs or ())
        return None

    def names_of(self, address: int) -> tuple[str, ...]:
        """Unknown: rules with conditions on domains of addresses are not evaluated on records."""
        return ()


def device_of(ts: int, name: str, about: Sequence[Any], ips: Sequence[str], macs: Sequence[str]) -> Device:
    """A device by a row of its history. ``ts``: ns; ``about``: the values of ``ABOUT``."""
    known = dict(zip(ABOUT, about, strict=True))
    found = {
        key: Attribute(key, value, 1.0, (Evidence(key, value, 1.0, "records", "records", "records", value, ts, ts),))
        for key in ("type", "vendor", "model", "os")
        if (value := known[key])
    }
    return Device(
        name, name, ts, ts, tuple(map(addresses.parse_mac, macs)), {addresses.parse(ip): ts for ip in ips},
        known["vlan"], {known["name"]: ts} if known["name"] else {}, found,
    )  # fmt: skip
