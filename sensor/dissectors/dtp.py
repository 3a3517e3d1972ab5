"""Cisco's Dynamic Trunking Protocol: two ports of switches agree whether the link between them carries all VLANs. Cisco
has not published it; the format is that of public descriptions.

Reads the mode that a port is set to and whether it is a trunk now, the domain and the neighbor. Only switches have
such ports.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.shared.neighbour import fields

PROTOCOL = 0x2004
SNAP = bytes.fromhex("00000c2004")  # Cisco and its protocol
VERSION = 1
DOMAIN, STATUS, NEIGHBOR = 1, 2, 4
TRUNK, MODE = 0x80, 0x07
MODES = {1: "on", 2: "off", 3: "desirable", 4: "auto"}


class DtpMessage(Event):
    """A port offers to become a trunk (``mode`` ``on`` or ``desirable``), would follow (``auto``) or would not
    (``off``). ``trunk``: it is one now; ``neighbor``: the MAC it names, 0 where it names none.
    """

    mode: str
    trunk: bool
    domain: str
    neighbor: int


class Dtp(Dissector):
    """Ports repeat messages every 30 s, and every second while they negotiate."""

    interest = Interest(ethertypes=(PROTOCOL,))

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload.removeprefix(SNAP)
        if not data or data[0] != VERSION:
            return iter(())
        found = dict(fields(data, 1, packet.truncated))
        status = found.get(STATUS, b"")
        if len(status) != 1 or status[0] & MODE not in MODES:
            return iter(())
        domain = clean(found.get(DOMAIN, b"").rstrip(b"\0"))
        neighbor = int.from_bytes(found.get(NEIGHBOR, b"")[:6], "big")
        return iter((DtpMessage(packet, MODES[status[0] & MODE], bool(status[0] & TRUNK), domain, neighbor),))
