"""The scan key of Brother devices: when it is pressed, text is sent to port 54925 of the selected computer.

Reads the function; the names of user and computer describe the receiver. The format is that of the open-source tools
that listen for it.
"""

from __future__ import annotations

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.shared.discovery import Discovery
from sensor.dissectors.shared.sender_facts import facts

PORT = 54925
HEADER = 4  # 02 00, length, 30
START = b"TYPE="
PARTS_LIMIT = 32


class SkeyPressed(Event):
    """The scan key was pressed: ``function`` IMAGE, OCR, EMAIL or FILE; ``user`` as configured on the computer."""

    type: str
    function: str
    user: str


class Skey(Discovery):
    """A press is repeated until the computer answers; what is identical within a minute is dropped."""

    interest = Interest(udp=(PORT,), repeats_s=60, shares=True)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if data[HEADER : HEADER + len(START)] != START or packet.dport != PORT:
            return []
        parts = [part.partition("=") for part in clean(data[HEADER:]).split(";", PARTS_LIMIT)]
        values = {key: value.strip('"') for key, _, value in reversed(parts)}
        event = SkeyPressed(packet, values["TYPE"], values.get("FUNC", ""), values.get("USER", ""))
        return [event, *facts(packet, (("skey.type", event.type),))]
