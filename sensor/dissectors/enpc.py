"""ENPC, the discovery protocol of Epson printers and projectors: ``EPSON`` and a letter on port 3289, upper case in
requests and lower case in responses.

Reads requests, and from responses the MAC and the name, the only published parts of the layout. Ignores status and
settings.
"""

from __future__ import annotations

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.discovery import Discovery, field, is_own
from sensor.dissectors.shared.sender_facts import facts

PORT = 3289
HEADER = 14
KINDS = b"QPC"
MAGICS = tuple(b"EPSON" + bytes((letter,)) for letter in KINDS + KINDS.lower())
SEARCH_ANSWER_SIZE = 184
MAC, NAME = slice(14, 20), slice(56, SEARCH_ANSWER_SIZE)


class EnpcRequest(Event):
    """A request of a computer: ``form`` Q is discovery, P and C are sent to one device."""

    form: str


class EnpcAnswer(Event):
    """A response of a device. ``mac`` and ``name`` only in responses to discovery, otherwise 0 and empty."""

    form: str
    mac: int
    name: str
    own: bool


class Enpc(Discovery):
    """Drivers repeat requests; what is identical within a minute is dropped."""

    interest = Interest(udp=(PORT,), starts=MAGICS, repeats_s=60)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if not data.startswith(MAGICS):
            return []
        if len(data) < HEADER:
            raise Malformed("message ends early")
        form = chr(data[5])
        if form.isupper():
            return [EnpcRequest(packet, form)]
        mac, name = 0, ""
        if form == "q" and len(data) >= SEARCH_ANSWER_SIZE:
            mac, name = int.from_bytes(data[MAC], "big"), field(data[NAME])
        own = is_own(packet, mac)
        event = EnpcAnswer(packet, form, mac, name, own)
        return [event, *facts(packet, (("enpc.answer", form), ("enpc.name", name)))] if own else [event]
