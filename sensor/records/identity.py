"""Which device is behind an endpoint, by the latest device records of the event log.

An address identifies its device. A MAC does so only if no address does, and never if it is a router's, which forwards
for other hosts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sensor.core import addresses
from sensor.core.addresses import Networks
from sensor.records.address_columns import Inside, hosts, multicast
from sensor.records.columns import Numbers, chosen

FORWARDING = frozenset(("router", "firewall"))
LOW = (1 << 64) - 1
# Indexed by two bits: whether the client, and whether the server is internal.
DIRECTIONS = ("external", "inbound", "outbound", "internal")


class Identity:
    """``bodies``: the latest record of each device, by id."""

    def __init__(self, networks: Networks, bodies: Mapping[str, dict[str, Any]] | None = None) -> None:
        self.bodies: dict[str, dict[str, Any]] = {}
        self._ips: dict[int, str] = {}
        self._macs: dict[int, str] = {}
        self._known: npt.NDArray[np.uint64] | None = None  # sorted low halves of the addresses
        self._inside = Inside(networks)
        for body in (bodies or {}).values():
            self.learn(body, "")

    def learn(self, body: dict[str, Any], action: str) -> None:
        """Process a device record. A device that was merged into another is removed."""
        name, self._known = body["id"], None
        for ip in self.bodies.pop(name, {}).get("ips", ()):
            if self._ips.get(number := addresses.parse(ip)) == name:
                del self._ips[number]
        if action == "merged":
            return
        self.bodies[name] = body
        for ip in body.get("ips", ()):
            self._ips[addresses.parse(ip)] = name
        for mac in body.get("macs", ()):
            self._macs[addresses.parse_mac(mac)] = name

    def devices(self, mac: Numbers, hi: Numbers, lo: Numbers) -> pa.Array:
        """The device id of each endpoint; null if there is none."""
        found: list[str | None] = [None] * len(hi)
        for place in np.flatnonzero(self._may_be_known(lo)).tolist():
            found[place] = self._ips.get(int(hi[place]) << 64 | int(lo[place]))
        for place in np.flatnonzero(self._of_their_macs(hi, lo)).tolist():
            if found[place] is None:
                found[place] = self._of_mac(int(mac[place]))
        return pa.array(found, pa.string())

    def _may_be_known(self, lo: Numbers) -> npt.NDArray[np.bool_]:
        """Whether an address with these low 64 bits is that of a device: most addresses are not."""
        if self._known is None:
            self._known = np.unique(np.array([ip & LOW for ip in self._ips if ip], np.uint64))
        if not len(self._known):
            return np.zeros(len(lo), np.bool_)
        place = np.minimum(np.searchsorted(self._known, lo), len(self._known) - 1)
        found: npt.NDArray[np.bool_] = self._known[place] == lo
        return found

    def _of_mac(self, mac: int) -> str | None:
        name = self._macs.get(mac)
        body = self.bodies.get(name or "", {})
        return None if body.get("type") in FORWARDING or "router" in body.get("roles", ()) else name

    def _of_their_macs(self, hi: Numbers, lo: Numbers) -> npt.NDArray[np.bool_]:
        """Whether frames come from the hosts themselves, by address: internal addresses, or none yet."""
        return ~multicast(hi, lo) & (~hosts(hi, lo) | self._inside.of(hi, lo))

    def _near(self, hi: Numbers, lo: Numbers) -> npt.NDArray[np.intp]:
        """1 for internal addresses, 0 for others. Multicast never leaves the segment and counts as internal."""
        return (self._inside.of(hi, lo) | multicast(hi, lo)).astype(np.intp)

    def directions(self, heads: npt.NDArray[np.void]) -> pa.Array:
        """Direction between client and server: internal, outbound, inbound or external; null if one has no address. A
        host without an IPv4 address yet communicates on its own segment.
        """
        ends = [(heads[f"{end}_hi"], heads[f"{end}_lo"]) for end in ("src", "dst")]
        client, server = (self._near(hi, lo) for hi, lo in ends)
        (hi, lo), _ = ends
        client = np.where((hi == 0) & (lo == addresses.V4), server, client)
        known = np.all([(hi | lo) != 0 for hi, lo in ends], axis=0)
        return chosen(pa.array(DIRECTIONS, pa.string()), pa.array(client * 2 + server, mask=~known))
