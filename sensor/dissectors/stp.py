"""Spanning tree: 802.1D-1998 (STP), 802.1w (RSTP) and 802.1s (MSTP), now IEEE 802.1D-2004 clause 9 and 802.1Q clause
14, and Cisco's per-VLAN spanning tree.

The sender of these messages is a bridge, and names its root bridge. Reads configuration and topology change messages.
Ignores timers, and of MSTP all but its region and the id of the sender.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator

from sensor.core.addresses import is_group_mac, mac_text
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.observation import Observation, Subject
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.shared.truncation import incomplete

SAP = 0x42
PER_VLAN = 0x010B
SNAP = bytes.fromhex("00000c010b")  # Cisco and its protocol
CONFIGURATION, CHANGE, RAPID = 0x00, 0x80, 0x02
VERSIONS = {0: "stp", 2: "rstp", 3: "mstp", 4: "spb"}
LATER = "spb"  # name for later versions
REGIONAL = ("mstp", "spb")
TOPOLOGY_CHANGED = 0x01
REGION, REGION_SIZE = 39, 32  # of MSTP: offset and size of the name
OWN_BRIDGE = 93  # of MSTP: offset of the sender's id; the original offset has that of its region's root (802.1Q, 14.4)
VLAN_FIELD = bytes.fromhex("00000002")  # after the message of one VLAN: type 0, two bytes
_HEADER = struct.Struct("!HBB")  # protocol, version, type
_BRIDGE = struct.Struct("!HHI")  # priority, the MAC in two parts
# Flags; root, cost, bridge, port; age, greatest age, hello time, delay.
_CONFIGURATION = struct.Struct("!BHHIIHHIHHHHH")


class StpConfiguration(Event):
    """A bridge's view of the tree. It considers itself the root if ``root`` equals ``bridge`` (MACs). ``changed``: the
    topology is changing.

    ``vlan``: of the tree, 0 if there is one for all. ``cost``: of the path to the root. Priorities as in 802.1D: the
    lowest becomes root.
    """

    version: str
    root: int
    root_priority: int
    cost: int
    bridge: int
    bridge_priority: int
    port: int
    changed: bool
    vlan: int
    region: str


class StpTopologyChange(Event):
    """A bridge notifies its root that the topology changed; all bridges then shorten the ageing of their MAC tables."""


class Stp(Dissector):
    """A bridge repeats its messages every two seconds; of a flood of identical ones, 50 a second are read."""

    interest = Interest(ethertypes=(SAP, PER_VLAN), repeats_s=0.02)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        if packet.ethertype == PER_VLAN:
            if not data.startswith(SNAP):
                return iter(())
            data = data[len(SNAP) :]
        if len(data) < _HEADER.size:
            return incomplete(packet)
        protocol, version, kind = _HEADER.unpack_from(data)
        if protocol or kind not in (CONFIGURATION, CHANGE, RAPID):
            return iter(())
        if kind == CHANGE:
            return iter((StpTopologyChange(packet), *_facts(packet, 0)))
        if len(data) < _HEADER.size + _CONFIGURATION.size:
            return incomplete(packet)
        event = _configuration(packet, data, VERSIONS.get(version, LATER))
        return iter((event, *_facts(packet, event.bridge)))


def _configuration(packet: Packet, data: bytes, version: str) -> StpConfiguration:
    """The low twelve bits of a priority are the tree's number (802.1D-2004, 9.2.5)."""
    flags, root_priority, root_hi, root_lo, cost, priority, hi, lo, port, *_ = _CONFIGURATION.unpack_from(
        data, _HEADER.size
    )
    at = data.find(VLAN_FIELD, _HEADER.size + _CONFIGURATION.size) if packet.ethertype == PER_VLAN else -1
    vlan = int.from_bytes(data[at + 4 : at + 6], "big") if at >= 0 else 0
    region = (
        _region(data[REGION : REGION + REGION_SIZE]) if version == "mstp" and len(data) >= REGION + REGION_SIZE else ""
    )
    if version in REGIONAL and len(data) >= OWN_BRIDGE + _BRIDGE.size:
        priority, hi, lo = _BRIDGE.unpack_from(data, OWN_BRIDGE)
    return StpConfiguration(
        packet, version, root_hi << 32 | root_lo, root_priority & 0xF000, cost, hi << 32 | lo, priority & 0xF000, port,
        bool(flags & TOPOLOGY_CHANGED), vlan, region,
    )  # fmt: skip


@functools.lru_cache(maxsize=256)
def _region(name: bytes) -> str:
    return clean(name)


def _facts(packet: Packet, bridge: int) -> list[Parsed]:
    """The sender is a bridge with this id."""
    ts, subject, flow = packet.ts, Subject(packet.src_mac, 0, packet.vlan), packet.flow
    parsed: list[Parsed] = [Observation(ts, subject, "stp.role", "bridge", flow)]
    if bridge and not is_group_mac(bridge):
        parsed.append(Observation(ts, subject, "stp.bridge", mac_text(bridge), flow))
    return parsed
