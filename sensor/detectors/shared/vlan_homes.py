"""VLANs of stations: those in which a MAC sent ARP messages, and the addresses that it claimed there."""

from __future__ import annotations

from sensor.core.bounded import Bounded
from sensor.core.named_tables import NamedTables
from sensor.core.packet import Packet
from sensor.core.wants import Want, armed, held
from sensor.dissectors.arp import ArpMessage

STATIONS_LIMIT = 8192
VLANS_LIMIT = 4
HOSTS_OF_A_VLAN = 2


class VlanHomes:
    """Learns from ARP messages. A station sends them in its own VLAN, a router in many."""

    def __init__(self, tables: NamedTables) -> None:
        # VLANs and claimed address by MAC; (MAC, VLAN) of a station; the stations of a VLAN.
        self._vlans: Bounded[int, tuple[tuple[int, ...], int]] = tables.add("vlans", Bounded(STATIONS_LIMIT))
        self._homes: Bounded[tuple[int, int], bool] = tables.add("homes", Bounded(STATIONS_LIMIT))
        self._stations: Bounded[int, int] = tables.add("stations", Bounded(STATIONS_LIMIT))
        self._visits: Bounded[tuple[int, int], int] = tables.add("visits", Bounded(STATIONS_LIMIT))

    def unknown(self) -> Want:
        """The condition of ARP messages that show something new."""
        return ~held(self._homes, "packet.src_mac", "packet.vlan")

    def strange(self) -> Want:
        """The condition of messages from a known station in another VLAN than its own."""
        return held(self._vlans, "packet.src_mac") & self.unknown()

    def answer(self) -> Want:
        """The condition of messages to a station in a VLAN to which it does not belong."""
        return armed(self._visits) & held(self._visits, "packet.dst_mac", "packet.vlan")

    def learn(self, event: ArpMessage) -> None:
        packet = event.packet
        key = (packet.src_mac, packet.vlan)
        if not packet.src_mac or packet.tunnels or key in self._homes:
            return
        vlans, address = self._vlans.get(packet.src_mac) or ((), 0)
        self._homes.put(key, True)
        self._vlans.put(packet.src_mac, ((*vlans, packet.vlan)[-VLANS_LIMIT:], address or event.sender))
        self._stations.put(packet.vlan, (self._stations.get(packet.vlan) or 0) + 1)

    def of(self, mac: int) -> tuple[int, ...]:
        """The VLANs in which a MAC sent ARP messages."""
        return (self._vlans.get(mac) or ((), 0))[0]

    def visit(self, packet: Packet) -> tuple[int, int]:
        """Count a message of a station in a VLAN of others; returns its home and the number of messages, or (0, 0). The
        sender must use its own address: a router forwards those of others.
        """
        vlans, address = self._vlans.get(packet.src_mac) or ((), 0)
        key = (packet.src_mac, packet.vlan)
        populated = (self._stations.get(packet.vlan) or 0) >= HOSTS_OF_A_VLAN
        if len(vlans) != 1 or key in self._homes or packet.src != address or not populated or packet.tunnels:
            return 0, 0
        count = (self._visits.get(key) or 0) + 1
        self._visits.put(key, count)
        return vlans[0], count

    def answered(self, packet: Packet) -> None:
        """The station got a message in this VLAN: it belongs to it."""
        key = (packet.dst_mac, packet.vlan)
        if self._visits.pop(key) is not None:
            self._homes.put(key, True)
