"""ENPC, by which Epson printers and projectors are found: ``EPSON`` and a letter on port 3289, a large letter in
questions and a small one in answers.

Reads who asks, and of answers the MAC and the name, which alone of the layout are published. Ignores status and
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
    """A computer asks: ``form`` Q looks for devices, P and C speak to one."""

    form: str


class EnpcAnswer(Event):
    """A device answers. ``mac`` and ``name`` only in answers to a search, 0 and empty in others."""

    form: str
    mac: int
    name: str
    own: bool


class Enpc(Discovery):
    """Drivers ask again and again; what is identical within a minute is dropped."""

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
