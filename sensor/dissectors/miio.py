"""miIO, the discovery and control protocol of Xiaomi appliances: 32 bytes of header on port 54321; the rest is
encrypted and not read.

A device without an owner may reveal its token, which grants full control, in its answer to a greeting: that it did is
reported, the token never.
"""

from __future__ import annotations

import struct

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.discovery import Discovery
from sensor.dissectors.shared.sender_facts import facts

PORT = 54321
MAGIC = b"\x21\x31"
GREETING = b"\x21\x31\0\x20" + b"\xff" * 28
UNKNOWN_TOKENS = (b"\xff" * 16, bytes(16))
_HEADER = struct.Struct("!2sHIII16s")  # magic, size, unknown, device, uptime in seconds, checksum or token


class MiioGreeting(Event):
    """A discovery request."""


class MiioAnswer(Event):
    """A device answers a greeting. ``token_shown``: its secret key is in the answer."""

    device: int
    uptime_s: int
    token_shown: bool


class MiioMessage(Event):
    """An encrypted message to or from a device."""

    device: int
    size: int


class Miio(Discovery):
    """Greetings repeat; what is identical within a minute is dropped, uptime aside."""

    interest = Interest(udp=(PORT,), starts=(MAGIC + b"\0\x20",), repeats_s=60, volatile=(12, 16))

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if not data.startswith(MAGIC):
            return []
        if data == GREETING:
            return [MiioGreeting(packet)]
        if len(data) < _HEADER.size:
            raise Malformed("message ends early")
        _, size, _, device, uptime, token = _HEADER.unpack_from(data)
        if size != len(data):
            raise Malformed("size that does not fit the message")
        if size > _HEADER.size:
            return [MiioMessage(packet, device, size)]
        event = MiioAnswer(packet, device, uptime, token not in UNKNOWN_TOKENS)
        return [event, *facts(packet, (("miio.device", str(device)),))] if packet.sport == PORT else [event]
