"""DCE/RPC over TCP (C706, [MS-RPCE]) at the endpoint mapper and on any port: requested interfaces, calls by name,
responses by status, NTLM names.

Parses the beginning of each message (``_dcerpc``); resumes after gaps, and in connections that began before the
capture. RPC over SMB named pipes uses the same parser there. Ignores encrypted data, later fragments, datagrams
(version 4) and RPC over HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.packet import Packet
from sensor.dissectors._dcerpc import RpcConversation, size
from sensor.dissectors.shared.message_splitter import MessageSplitter

MAPPER = 135
# Payloads of each message that the select pass passes on, and bytes parsed of it: less than that many payloads have, if
# they are small (WEIGHT in ``decode/flows.pxd``).
OPENING, KEEP = 2, 1984
UNPARSED_LIMIT = 32  # number of payloads without the beginning of a message after which a connection is ignored
# First bytes of messages: version 5.0, a type, its flags (first, last, header signing, multiplexing, with an object).
STARTS = tuple(
    b"\5\0" + bytes((kind, flags))
    for kind, several in (
        (0, (0x01, 0x03, 0x13, 0x81, 0x83, 0x93)), (2, (0x01, 0x03)), (3, (0x03, 0x23)),
        (11, (0x03, 0x07, 0x13, 0x17)), (12, (0x03, 0x07, 0x13, 0x17)),
        (13, (0x03,)), (14, (0x03, 0x07, 0x13, 0x17)), (15, (0x03, 0x07, 0x13, 0x17)), (16, (0x03, 0x07)),
    )
    for flags in several
)  # fmt: skip


class Dcerpc(Dissector):
    """Messages on any port are recognized by their first bytes; only the first segments of each are needed."""

    interest = Interest(tcp=(MAPPER,), starts=STARTS, stream=True, opening=OPENING)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())  # datagrams carry version 4

    def stream(self, packet: Packet) -> Stream:
        return RpcStream()


class RpcStream(Stream):
    """One connection. Message types show which side is the client, regardless of which one sent first."""

    def __init__(self) -> None:
        self._directions = (MessageSplitter(size, KEEP), MessageSplitter(size, KEEP))
        self._conversation = RpcConversation()
        self._unparsed = 0

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        direction = self._directions[not from_client]
        direction.lost = direction.lost and size(data) <= 0
        if direction.lost:
            self._unparsed += 1
            self.done = self._unparsed > UNPARSED_LIMIT
            return
        for message, _ in direction.messages(data):
            self._unparsed = 0
            parsed: list[Parsed] = []
            self._conversation.read(packet, message, parsed)
            yield from parsed

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        """Parse the available part of the message."""
        kept = self._directions[not from_client].gap(missing)
        parsed: list[Parsed] = []
        if kept and size(kept) > 0:
            self._conversation.read(packet, kept, parsed)
        yield from parsed
