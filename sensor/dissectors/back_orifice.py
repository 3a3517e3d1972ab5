"""Back Orifice, a remote access trojan over UDP, port 31337. There is no standard; the format is that of published
analyses.

Reads that a datagram begins with the mark of this protocol, encrypted with the key of a server without a password.
Other keys, and the commands behind the mark, are not read.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.packet import Packet
from sensor.dissectors.rat import RatMessage

PORT = 31337
MARK = bytes.fromhex("ce63d1d216e713cf")  # "*!*QWTY?"


class BackOrifice(Dissector):
    """Requests of an operator, and responses."""

    interest = Interest(udp=(PORT,), repeats_s=1, shares=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        if packet.payload.startswith(MARK):
            yield RatMessage(packet, "Back Orifice", "", packet.sport != PORT)
