"""Discovery of Moxa device servers and gateways, UDP port 4800. Moxa has not published it; formats are those of public
descriptions: a code, whose first bit is set in responses, the result, the size of the message and its number.

Reads which code is sent, and the MAC and address in the response to a search. Settings are ignored.
"""

from __future__ import annotations

from sensor.core.addresses import v4
from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.shared.discovery import Discovery, is_own
from sensor.dissectors.shared.sender_facts import fact

PORT = 4800
HEAD, RESPONSE, SEARCH = 8, 0x80, 0x01
FOUND_SIZE, MAC_AT, ADDRESS_AT = 24, 14, 20


class MoxaMessage(Event):
    """A message. ``code``: what is requested, without the first bit; ``answer``: whether it is set."""

    code: int
    answer: bool
    result: int


class Moxa(Discovery):
    """Searches repeat; an identical one within a minute is dropped."""

    interest = Interest(udp=(PORT,), repeats_s=60, shares=True)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if len(data) < HEAD or int.from_bytes(data[2:4], "big") != len(data) or not data[0] & ~RESPONSE:
            return []
        answer, code = bool(data[0] & RESPONSE), data[0] & ~RESPONSE
        event = MoxaMessage(packet, code, answer, data[1])
        if not answer or code != SEARCH or data[1] or len(data) != FOUND_SIZE:
            return [event]
        mac, address = int.from_bytes(data[MAC_AT:ADDRESS_AT], "big"), int.from_bytes(data[ADDRESS_AT:], "big")
        own = is_own(packet, mac, v4(address) if address else 0)
        return [event, *([fact(packet, "moxa.role", "device server")] if own else [])]
