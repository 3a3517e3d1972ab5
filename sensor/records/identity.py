"""Which device is behind an endpoint, as the device records of the event log said it last.

An address names its device. A MAC names one only where no address does, and never a router's, which forwards for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sensor.core import addresses
from sensor.core.addresses import Networks
from sensor.records.columns import Numbers, coded

FORWARDING = frozenset(("router", "firewall"))
KNOWN_LIMIT = 200_000


class Identity:
    """``bodies``: what was said of each device last, by id."""

    def __init__(self, networks: Networks, bodies: Mapping[str, dict[str, Any]] | None = None) -> None:
        self.networks = networks
        self.bodies: dict[str, dict[str, Any]] = {}
        self._ips: dict[int, str] = {}
        self._macs: dict[int, str] = {}
        self._found: dict[tuple[int, ...], str | None] = {}
        for body in (bodies or {}).values():
            self.learn(body, "")

    def learn(self, body: dict[str, Any], action: str) -> None:
        """What a device record says. A device that was merged into another is no more."""
        name = body["id"]
        self._found.clear()
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
        host = address and addresses.is_host(address)
        if found is not None or addresses.is_multicast(address) or (host and not self.networks.inside(address)):
            return found
        name = self._macs.get(mac)
        body = self.bodies.get(name or "", {})
        return None if body.get("type") in FORWARDING or "router" in body.get("roles", ()) else name

    def devices(self, mac: Numbers, hi: Numbers, lo: Numbers) -> pa.Array:
        """The same for columns."""
        places, different = coded([mac, hi, lo])
        known = self._found
        if len(known) > KNOWN_LIMIT:
            known.clear()
        for key in different:
            if key not in known:
                known[key] = self.device(key[0], key[1] << 64 | key[2])
        return pa.array([known[key] for key in different], pa.string()).take(pa.array(places))

    def _direction(self, client: int, server: int) -> str | None:
        """A machine that has no address yet speaks on its own segment."""
        if not client or not server:
            return None
        return self.networks.direction(client if client != addresses.V4 else server, server)

    def directions(self, heads: npt.NDArray[np.void]) -> pa.Array:
        """internal, outbound, inbound or external, of client and server."""
        places, different = coded([heads["src_hi"], heads["src_lo"], heads["dst_hi"], heads["dst_lo"]])
        found = [self._direction(a << 64 | b, c << 64 | d) for a, b, c, d in different]
        return pa.array(found, pa.string()).take(pa.array(places))
