"""QDP, the discovery protocol of Q-SYS: processors, peripherals, cameras and panels announce themselves in XML to
224.0.23.175, ports 2467 to 2470.

The protocol is proprietary; its format is that of public programs. Reads the name, the type, the part number and the
addresses of a device. Ignores queries, and which processor controls what.
"""

from __future__ import annotations

from sensor.core.addresses import Address
from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared import xml_tree
from sensor.dissectors.shared.discovery import Discovery, address_of, is_own, mac_of
from sensor.dissectors.shared.sender_facts import facts

PORTS = (2467, 2468, 2469, 2470)
START = b"<QDP>"
ADDRESSES = ("lan_a_ip", "lan_b_ip", "aux_a_ip", "aux_b_ip")


class QdpDevice(Event):
    """A device announces itself. ``reference``: its class and name (``device.ioframe.hall``); ``part``: the product;
    ``virtual``: an emulation on a computer. ``own``: one of its addresses is the sender's.
    """

    name: str
    type: str
    part: str
    reference: str
    mac: int
    addresses: tuple[Address, ...]
    virtual: bool
    own: bool


class Qdp(Discovery):
    """Devices repeat their announcement every second; an identical one within a minute is dropped."""

    interest = Interest(udp=PORTS, repeats_s=60, shares=True)

    def read(self, packet: Packet) -> list[Parsed]:
        if not packet.payload.startswith(START):
            return []
        device = xml_tree.read(packet.payload).root.first("device")
        if device is None:
            return []
        if not device.closed:
            raise Malformed("document without an end")
        value = device.value
        mac = mac_of(value("lan_a_mac"))
        addresses = tuple(filter(None, (address_of(value(name)) for name in ADDRESSES)))
        event = QdpDevice(
            packet, value("name") or value("n"), value("type"), value("part_number"), value("ref"), mac, addresses,
            value("is_virtual") == "true", packet.src in addresses or (not addresses and is_own(packet, mac)),
        )  # fmt: skip
        if not event.own or event.virtual:
            return [event]
        pairs = (("qdp.hostname", event.name), ("qdp.part", event.part), ("qdp.class", _class_of(event.reference)))
        return [event, *facts(packet, pairs)]


def _class_of(reference: str) -> str:
    """``ioframe`` of ``device.ioframe.hall``."""
    return reference.split(".", 2)[1] if reference.startswith("device.") else ""
