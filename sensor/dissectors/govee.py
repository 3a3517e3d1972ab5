"""LAN interface of Govee lamps (vendor's guide): JSON to 239.255.255.250, port 4001, and the answer of a lamp to
port 4002.

Reads searches, and the product, the address and the version in answers; orders to lamps are ignored.
"""

from __future__ import annotations

from sensor.core.addresses import Address
from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.shared.discovery import Discovery, address_of, is_own
from sensor.dissectors.shared.json_values import inner, read_object, text
from sensor.dissectors.shared.sender_facts import facts

SEARCH_PORT, ANSWER_PORT = 4001, 4002
MARK = b'"msg"'


class GoveeSearch(Event):
    """An app searches for lamps."""


class GoveeAnswer(Event):
    """A lamp describes itself; ``own``: the address in the answer is the sender's."""

    model: str
    firmware: str
    address: Address
    own: bool


class Govee(Discovery):
    """Apps search every few seconds; what is identical within a minute is dropped."""

    interest = Interest(udp=(SEARCH_PORT, ANSWER_PORT), repeats_s=60, shares=True)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if data[:1] != b"{" or MARK not in data:
            return []
        message = inner(read_object(data), "msg")
        if text(message, "cmd") != "scan":
            return []
        values = inner(message, "data")
        model, firmware = text(values, "sku"), text(values, "wifiVersionSoft")
        if not model:
            return [GoveeSearch(packet)]
        address = address_of(text(values, "ip"))
        event = GoveeAnswer(packet, model, firmware, address, is_own(packet, 0, address))
        pairs = (("govee.model", model), ("govee.firmware", firmware))
        return [event, *facts(packet, pairs)] if event.own else [event]
