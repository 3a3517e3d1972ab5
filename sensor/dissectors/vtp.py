"""Cisco's VLAN Trunking Protocol, versions 1 and 2: switches of a domain copy the list of VLANs from the message with
the highest revision. Cisco has not published it in full; the format is that of its public descriptions.

Reads domain and revision of summaries and lists. Ignores the VLANs themselves, requests, joins, and version 3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean

PROTOCOL = 0x2003
SNAP = bytes.fromhex("00000c2003")  # Cisco and its protocol
VERSIONS = (1, 2)
CODES = {1: "summary", 2: "list"}
DOMAIN_LIMIT = 32
_HEAD = struct.Struct("!BBxB32sI")  # version, code, length of the domain, domain, revision


class VtpMessage(Event):
    """A summary or a ``list`` of the VLANs of a domain, with its revision."""

    code: str
    domain: str
    revision: int


class Vtp(Dissector):
    """Servers repeat summaries every five minutes, and send them with each change."""

    interest = Interest(ethertypes=(PROTOCOL,))

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload.removeprefix(SNAP)
        if len(data) < 2 or data[0] not in VERSIONS or data[1] not in CODES:
            return
        if len(data) < _HEAD.size:
            if packet.truncated:
                return
            raise Malformed("message ends early")
        _, code, length, domain, revision = _HEAD.unpack_from(data)
        if length > DOMAIN_LIMIT:
            raise Malformed("domain longer than 32 bytes")
        yield VtpMessage(packet, CODES[code], clean(domain[:length]), revision)
