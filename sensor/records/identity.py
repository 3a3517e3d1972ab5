"""Which device is behind an endpoint, by the latest device records of the event log.

An address identifies its device. A MAC does so only if no address does, and never a router's, which forwards for all
hosts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sensor.core import addresses
from sensor.core.addresses import Networks
from sensor.core.bounded import Bounded
from sensor.records.columns import Numbers, coded

FORWARDING = frozenset(("router", "firewall"))
KNOWN_LIMIT = 100_000
# By two bits: whether the client, and whether the server is inside.
DIRECTIONS = ("external", "inbound", "outbound", "internal")


class Identity:
    """``bodies``: the latest record of each device, by id."""

    def __init__(self, networks: Networks, bodies: Mapping[str, dict[str, Any]] | None = None) -> None:
        self.networks = networks
        self.bodies: dict[str, dict[str, Any]] = {}
        self._ips: dict[int, str] = {}
        self._macs: dict[int, str] = {}
        self._own: Bounded[int, bool] = Bounded(KNOWN_LIMIT)
        self._near: Bounded[int, bool] = Bounded(KNOWN_LIMIT)
        for body in (bodies or {}).values():
            self.learn(body, "")

    def learn(self, body: dict[str, Any], action: str) -> None:
        """Take in a device record. A device that was merged into another is removed."""
        name = body["id"]
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

    def device(self, mac: int, address: int) -> str | None:
        """The id of the device behind an endpoint; None where there is none."""
        found = self._ips.get(address) if address else None
        if found is not None or not self._is_of_its_mac(address):
            return found
        name = self._macs.get(mac)
        body = self.bodies.get(name or "", {})
        return None if body.get("type") in FORWARDING or "router" in body.get("roles", ()) else name

    def devices(self, mac: Numbers, hi: Numbers, lo: Numbers) -> pa.Array:
        """The same for columns."""
        places, different = coded([mac, hi, lo])
        found = [self.device(mac, hi << 64 | lo) for mac, hi, lo in different]
        return pa.array(found, pa.string()).take(pa.array(places))

    def _is_of_its_mac(self, address: int) -> bool:
        """Whether the frame comes from the host itself, by its address: an internal one, or none yet."""
        known = self._own.get(address)
        if known is None:
            host = address and addresses.is_host(address)
            known = not addresses.is_multicast(address) and (not host or self.networks.inside(address))
            self._own.put(address, known)
        return known

    def _is_near(self, address: int) -> bool:
        known = self._near.get(address)
        if known is None:
            known = self.networks.inside(address) or addresses.is_multicast(address)
            self._near.put(address, known)
        return known

    def _nearness(self, hi: Numbers, lo: Numbers) -> npt.NDArray[np.intp]:
        """1 of addresses that are inside, 0 of those that are not."""
        places, different = coded([hi, lo])
        return np.array([self._is_near(hi << 64 | lo) for hi, lo in different], np.intp)[places]

    def directions(self, heads: npt.NDArray[np.void]) -> pa.Array:
        """internal, outbound, inbound or external, of client and server; null where one has no address. A machine that
        has no IPv4 address yet speaks on its own segment.
        """
        ends = [(heads[f"{end}_hi"], heads[f"{end}_lo"]) for end in ("src", "dst")]
        client, server = (self._nearness(hi, lo) for hi, lo in ends)
        (hi, lo), _ = ends
        client = np.where((hi == 0) & (lo == addresses.V4), server, client)
        known = np.logical_and.reduce([(hi | lo) != 0 for hi, lo in ends])
        return pa.array(DIRECTIONS, pa.string()).take(pa.array(client * 2 + server, mask=~known))
