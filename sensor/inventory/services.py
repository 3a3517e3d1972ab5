"""Services: ports that answered, as ``protocol << 16 | port``. Ephemeral ports (RFC 6335, 6, and the wider range of
Linux) are not services.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

from sensor.core.bounded import Bounded
from sensor.core.ip_protocols import TCP
from sensor.core.named_tables import NamedTables
from sensor.core.service_names import service_text

# First ephemeral port of Linux (ip_local_port_range).
EPHEMERAL = 32768
# Hosts whose services are remembered before they are devices, and services of each.
EARLY_HOSTS, EARLY_SERVICES = 4096, 8
FTP = TCP << 16 | 21


class Sighted(NamedTuple):
    """An endpoint of a flow and the service that it offers or uses."""

    ts: int
    mac: int
    address: int
    vlan: int
    service: int
    offered: bool


class EarlyServices:
    """Services of hosts that are not devices yet: a first connection comes before other evidence of its server."""

    def __init__(self) -> None:
        self.tables = NamedTables()
        self._held: Bounded[tuple[int, int], tuple[Sighted, ...]] = self.tables.add("services", Bounded(EARLY_HOSTS))

    def hold(self, seen: Sighted) -> None:
        """Remember a service until its host is a device."""
        key = seen.mac, seen.address
        held = self._held.get(key) or ()
        if len(held) < EARLY_SERVICES:
            self._held.put(key, (*held, seen))

    def take(self, mac: int, address: int) -> tuple[Sighted, ...]:
        """The remembered services of a host, which has become a device."""
        return self._held.pop((mac, address)) or ()


@functools.lru_cache(maxsize=4096)
def shared(services: tuple[int, ...]) -> tuple[int, ...]:
    """Services sorted by port, one shared object for equal ones."""
    return tuple(sorted(services, key=lambda service: (service & 0xFFFF, service >> 16)))


@functools.lru_cache(maxsize=4096)
def service_texts(services: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(map(service_text, shared(services)))
