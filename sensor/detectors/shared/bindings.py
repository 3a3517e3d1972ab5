"""Bindings of MAC and IP addresses: claims in ARP and neighbor discovery, and their disputes."""

from __future__ import annotations

import msgspec

from sensor.core.bounded import Bounded
from sensor.core.named_tables import NamedTables
from sensor.core.time_units import SECOND
from sensor.dissectors.vrrp import VrrpAdvertisement

ADDRESSES_LIMIT, MACS_LIMIT, SHARED_LIMIT = 16384, 8192, 1024
OWN_LIMIT = 16
# Claims within this time count as one: a starting host announces itself several times.
APART = SECOND
# The last byte distinguishes the ports of a host, which has at most this many. LOCAL: the bit of locally administered
# MACs.
PORT_BITS, PORTS, LOCAL = 8, 8, 1 << 41
# Virtual MACs, which belong to their current holder, as (bits behind, first bits): VRRP and CARP (RFC 5798, 7.3), HSRP,
# GLBP, Windows load balancing clusters.
VIRTUAL = (
    (8, 0x00005E0001),
    (8, 0x00005E0002),
    (8, 0x00000C07AC),
    (12, 0x00000C9FF),
    (12, 0x000573A00),
    (16, 0x0007B400),
    (32, 0x02BF),
    (32, 0x03BF),
)


class Binding(msgspec.Struct):
    """An IP address: the MAC that holds it, its last claim, and a rival MAC: first and last claim, number of claims,
    and how many were unsolicited.

    ``forced``: unsolicited claims of the holder since then. ``announced``: the first claim was an announcement.
    """

    mac: int
    last: int
    rival: int = 0
    since: int = 0
    again: int = 0
    claims: int = 0
    unsolicited: int = 0
    forced: int = 0
    returns: int = 0
    announced: bool = False


class Owner(msgspec.Struct):
    """A MAC address: last seen, the IP addresses it claims, and those among them that others held: (since when,
    previous MAC).

    ``sends_as``: the sender address of its last undisputed request.
    """

    last: int
    own: Bounded[int, int]
    taken: Bounded[int, tuple[int, int]]
    sends_as: int = 0


class Bindings:
    """IP and MAC addresses of all segments, bounded; the least recently seen are evicted."""

    def __init__(self) -> None:
        self.tables = NamedTables()
        self._addresses: Bounded[tuple[int, int], Binding] = self.tables.add("addresses", Bounded(ADDRESSES_LIMIT))
        self._owners: Bounded[tuple[int, int], Owner] = self.tables.add("owners", Bounded(MACS_LIMIT))
        # VLAN, address and MAC of routers that announced the address as a virtual one.
        self._shared: Bounded[tuple[int, int, int], bool] = self.tables.add("shared", Bounded(SHARED_LIMIT))

    def share(self, event: VrrpAdvertisement) -> None:
        """The virtual addresses of a router that answers for them with its own MAC (RFC 9568, 7.3 requires a virtual
        one; keepalived and others do not use it by default).
        """
        for address in event.addresses:
            self._shared.put((event.packet.vlan, address, event.packet.src_mac), True)

    def is_shared(self, vlan: int, address: int, *macs: int) -> bool:
        """Whether each of these routers announced the address as a virtual one."""
        return all((vlan, address, mac) in self._shared for mac in macs)

    def owner(self, vlan: int, mac: int, ts: int) -> Owner:
        """The entry of a MAC, which is marked as active."""
        owner = self._owners.get((vlan, mac))
        if owner is None:
            owner = Owner(ts, Bounded(OWN_LIMIT), Bounded(OWN_LIMIT))
            self._owners.put((vlan, mac), owner)
        owner.last = ts
        return owner

    def known(self, vlan: int, mac: int) -> Owner | None:
        return self._owners.get((vlan, mac))

    def last_active(self, vlan: int, mac: int) -> int:
        """When a MAC was last active; 0 if never."""
        owner = self._owners.get((vlan, mac))
        return owner.last if owner else 0

    def claim(
        self,
        vlan: int,
        address: int,
        mac: int,
        ts: int,
        patience: int,
        *,
        unsolicited: bool = False,
        announced: bool = False,
    ) -> Binding | None:
        """A MAC claims the address, ``unsolicited`` or not. Returns the binding if another MAC holds it and claimed it
        within ``patience`` ns; None without a dispute, and between two routers that share a virtual address.
        """
        held = self._addresses.get((vlan, address))
        if held is None or held.mac == mac:
            return self._hold(vlan, address, held, mac, ts)
        if self.is_shared(vlan, address, mac, held.mac):
            self.settle(vlan, address, mac, ts)
            return None
        if ts - held.last > patience and held.rival != mac:
            self._addresses.put((vlan, address), Binding(mac, ts))
            return None
        if held.rival != mac or ts - held.again > patience:
            held.rival, held.since, held.again, held.claims, held.forced = mac, ts, ts, 1, 0
            held.unsolicited, held.announced = int(unsolicited), announced
        elif ts - held.again >= APART:
            held.again, held.claims, held.unsolicited = ts, held.claims + 1, held.unsolicited + unsolicited
        return held

    def _hold(self, vlan: int, address: int, held: Binding | None, mac: int, ts: int) -> Binding | None:
        if held is None:
            self._addresses.put((vlan, address), Binding(mac, ts))
            return None
        held.last = ts
        if held.rival and ts - held.again < 60 * SECOND and ts > held.again:
            held.returns += 1  # it lost the address a moment ago, and claims it again
            return held
        return None

    def settle(self, vlan: int, address: int, mac: int, ts: int) -> None:
        """Assign the address to this MAC."""
        self._addresses.put((vlan, address), Binding(mac, ts))


def are_ports(mac: int, other: int) -> bool:
    """Whether two MACs are consecutive, as on the ports of one host (not for locally administered ones, IEEE 802c)."""
    return mac >> PORT_BITS == other >> PORT_BITS and abs(mac - other) <= PORTS and mac >> 24 != 0 and not mac & LOCAL


def is_virtual(mac: int) -> bool:
    """Whether a MAC moves between hosts by design."""
    return any(mac >> bits == first for bits, first in VIRTUAL)
