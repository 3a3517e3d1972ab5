"""SAP (RFC 2974): sessions that their source announces to a multicast group: audio over IP (AES67, Dante), encoders,
players and conferences.

Reads the name, the origin and the tool of the session description (RFC 8866). Ignores encrypted and compressed
announcements, authentication data, and payloads of other types. Facts are derived only if source and origin are the
sender: announcers may speak for others.
"""

from __future__ import annotations

from sensor.core.addresses import Address
from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Reader
from sensor.dissectors.shared import sdp
from sensor.dissectors.shared.discovery import Discovery, address_of
from sensor.dissectors.shared.neighbour import address_of as packed_address
from sensor.dissectors.shared.sender_facts import facts

PORT = 9875
VERSION = 1
IPV6, DELETION, ENCRYPTED, COMPRESSED = 0x10, 0x04, 0x02, 0x01
TYPE = b"application/sdp\0"
DANTE = b"a=keywds:Dante"
LOOPBACK = 127  # origin in the descriptions of some libraries


class SapAnnouncement(Event):
    """A session is announced, or with ``deleted`` withdrawn. ``source``: address of the announcer; ``user`` and
    ``origin``: who created the session; ``media``: type and port. ``own``: source and origin are the sender.
    """

    source: Address
    user: str
    origin: str
    session: str
    tool: str
    media: tuple[str, ...]
    deleted: bool
    own: bool


class Sap(Discovery):
    """Announcements are repeated at least every five minutes; an identical one within a minute is dropped."""

    interest = Interest(udp=(PORT,), repeats_s=60, shares=True)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        flags = data[0]
        if flags >> 5 != VERSION or flags & (ENCRYPTED | COMPRESSED):
            return []
        reader = Reader(data, 1)
        words = reader.u8()
        reader.skip(2)  # hash of the message
        source = packed_address(reader.take(16 if flags & IPV6 else 4))
        reader.skip(4 * words)
        body = reader.rest().removeprefix(TYPE)
        found = sdp.read(body)
        if found is None:
            return []
        deleted = bool(flags & DELETION)
        own = source == packet.src and _is_host(found.address, packet.src)
        event = SapAnnouncement(
            packet, source, found.user, found.address, found.session, found.tool, found.media, deleted, own
        )
        if deleted or not own:
            return [event]
        dante = DANTE in body
        pairs = (
            ("sap.tool", found.tool),
            ("sap.session", found.session),
            ("sap.keywords", "Dante" if dante else ""),
            ("sap.clock", found.clock),
            # Dante names a session after its device, with the number of the flow.
            ("sap.hostname", found.session.rpartition(" : ")[0] if dante else ""),
        )
        return [event, *facts(packet, pairs)]


def _is_host(origin: str, sender: int) -> bool:
    """Whether the origin can be the sender: its address, the loopback address, or a host name."""
    address = address_of(origin)
    return address in (0, sender) or address >> 24 & 0xFF == LOOPBACK
