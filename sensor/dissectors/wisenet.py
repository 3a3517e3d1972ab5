"""Discovery of Hanwha Vision (formerly Samsung Techwin) cameras and recorders: requests on port 7701, responses on
7711, a fixed layout of 262 bytes.

Reads MAC, address, model and link of a response. Ignores the masks, the gateway and bytes of unpublished meaning. The
layout is that of public programs; parts on which they disagree are left out.
"""

from __future__ import annotations

from sensor.core.addresses import Address
from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.dissectors.shared.discovery import Discovery, address_of, field, is_own, mac_of
from sensor.dissectors.shared.sender_facts import facts

REQUEST_PORT, ANSWER_PORT = 7701, 7711
REQUEST, ANSWER = 0x01, 0x0B
SIZE = 262
MAC, ADDRESS, MODEL, LINK = slice(0x13, 0x25), slice(0x25, 0x35), slice(0x6D, 0x77), slice(0x85, 0xAC)
_MAC_TEXT = lazy_pattern(rb"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}\0")


class WisenetSearch(Event):
    """A search for cameras."""


class WisenetAnswer(Event):
    """A camera or recorder describes itself; ``link``: the URL of its web pages."""

    model: str
    mac: int
    address: Address
    link: str
    own: bool


class Wisenet(Discovery):
    """The format has no signature: a textual MAC at its offset marks an answer, zeros there a query."""

    interest = Interest(udp=(REQUEST_PORT, ANSWER_PORT), repeats_s=60, shares=True)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if len(data) < SIZE:
            return []
        if data[0] == REQUEST and packet.dport == REQUEST_PORT and not any(data[MAC]):
            return [WisenetSearch(packet)]
        if data[0] != ANSWER or not _MAC_TEXT.match(data[MAC]):
            return []
        mac, address, model = mac_of(field(data[MAC])), address_of(field(data[ADDRESS])), field(data[MODEL])
        own = is_own(packet, mac, address)
        event = WisenetAnswer(packet, model, mac, address, field(data[LINK]), own)
        return [event, *facts(packet, (("wisenet.model", model),))] if own else [event]
