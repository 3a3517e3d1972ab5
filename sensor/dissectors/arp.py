"""ARP for IPv4 over links with 48-bit addresses (RFC 826), with probes and announcements (RFC 5227).

Reads requests and replies. Ignores reverse and inverse ARP (operations 3, 4, 8, 9), other link types and other network
protocols.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.addresses import NONE, V4, Address, is_group_mac, text
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.observation import Observation, Subject
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.truncation import incomplete

ETHERTYPE = 0x0806
LINKS = (1, 6)  # Ethernet and IEEE 802 networks
IPV4 = 0x0800
REQUEST, REPLY = 1, 2
FIRST_HOST, LAST_HOST = 0x01000000, 0xDFFFFFFF  # neither "this network" nor multicast nor reserved
_MESSAGE = struct.Struct("!HHBBHHIIHII")  # MACs in two parts, 16 and 32 bits


class ArpMessage(Event):
    """Common fields, as claimed in the message: the frame may come from another MAC (``packet.src_mac``)."""

    sender_mac: int
    sender: Address
    target: Address


class ArpRequest(ArpMessage):
    """Who has ``target``? ``sender`` is 0 in a probe, which asks whether an address is free and claims nothing (RFC
    5227, 1.1).
    """


class ArpReply(ArpMessage):
    """``sender`` is at ``sender_mac``, sent to ``target``."""


class ArpAnnouncement(ArpMessage):
    """Gratuitous ARP: a broadcast request or reply about the sender's own address (``sender`` equals ``target``)."""


class Arp(Dissector):
    """Identical messages are dropped for some seconds; other targets are other payloads, so that scans, and repeated
    claims of an address, remain visible.
    """

    interest = Interest(ethertypes=(ETHERTYPE,), repeats_s=4)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        try:
            link, network, hlen, plen, operation, mac_hi, mac_lo, sender, _, _, target = _MESSAGE.unpack_from(
                packet.payload
            )
        except struct.error:
            return incomplete(packet)
        if link not in LINKS or network != IPV4 or not REQUEST <= operation <= REPLY:
            return iter(())
        if hlen != 6 or plen != 4:
            raise Malformed("address sizes that do not fit the link")
        mac = mac_hi << 32 | mac_lo
        kind = ArpAnnouncement if sender == target else ArpRequest if operation == REQUEST else ArpReply
        address = V4 | sender if sender else NONE
        event = kind(packet, mac, address, V4 | target)
        if not mac or is_group_mac(mac) or not FIRST_HOST <= sender <= LAST_HOST:
            return iter((event,))
        return iter(
            (
                event,
                Observation(packet.ts, Subject(mac, address, packet.vlan), "arp.address", text(address), packet.flow),
            )
        )
