"""Discovery of Wi-Fi modules of Hi-Flying and USR, used in lamps, plugs and data loggers: text on port 48899.

Reads the well-known search strings, the response ``address,MAC,name``, and the names of AT commands, which change a
module without a password. Their values, including network keys, are never stored.
"""

from __future__ import annotations

from sensor.core.addresses import Address
from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.dissectors.shared.discovery import Discovery, address_of, is_own, mac_of
from sensor.dissectors.shared.sender_facts import facts

PORT = 48899
SEARCHES = (b"HF-A11ASSISTHREAD", b"WIFIKIT-214028-READ", b"www.usr.cn")
_ANSWER = lazy_pattern(rb"([0-9.]{7,15}),([0-9A-Fa-f]{12}),([\x20-\x7e]{0,64})[\r\n\0]*\Z")
_ORDER = lazy_pattern(rb"AT\+([A-Z0-9]{1,16})(=?)")


class HiflyingSearch(Event):
    """A search for modules."""


class HiflyingAnswer(Event):
    """A module describes itself. ``own``: address or MAC is the sender's."""

    model: str
    mac: int
    address: Address
    own: bool


class HiflyingOrder(Event):
    """A query or change (``change``) of a module's setting: ``order`` without its values."""

    order: str
    change: bool


class Hiflying(Discovery):
    """Apps search every few seconds; what is identical within a minute is dropped."""

    interest = Interest(udp=(PORT,), starts=(b"HF-A11AS", b"WIFIKIT-"), repeats_s=60)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if data.startswith(SEARCHES):
            return [HiflyingSearch(packet)]
        if order := _ORDER.match(data):
            return [HiflyingOrder(packet, order[1].decode("ascii"), bool(order[2]))]
        answer = _ANSWER.match(data)
        if not answer:
            return []
        address = address_of(answer[1].decode("ascii"))
        mac = mac_of(answer[2].decode("ascii"))
        model = answer[3].decode("ascii").strip()
        own = is_own(packet, mac, address)
        event = HiflyingAnswer(packet, model, mac, address, own)
        return [event, *facts(packet, (("hiflying.model", model),))] if own else [event]
