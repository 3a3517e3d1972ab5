"""HL7 version 2 in MLLP (HL7 transport specification, release 1) over TCP, port 2575: applications and facilities in
the headers of messages.

Reads the first header of each side. Segments with the data of patients are not read.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.sender_facts import facts

PORT = 2575
START = b"\x0bMSH"
NAME = 3  # letters of a segment's name, before the separator
HEADER_LIMIT, FIELD_LIMIT = 1024, 64
# Fields; the first is the separator itself (HL7 2.5, 2.14.9).
SENDER, FACILITY, RECEIVER, KIND, VERSION = 2, 3, 4, 8, 11


class MllpMessage(Event):
    """The header of a message. ``type``: message type and trigger, such as ``ADT^A01``; ``answer``: from the server."""

    application: str
    facility: str
    receiver: str
    type: str
    version: str
    answer: bool


class Mllp(Dissector):
    """The beginning of each side, on any port."""

    interest = Interest(tcp=(PORT,), starts=(START,), stream=True, opening=1)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return MllpStream()


class MllpStream(Stream):
    """The first message of the client, and the acknowledgement."""

    def __init__(self) -> None:
        self._kept = {True: b"", False: b""}
        self._read: set[bool] = set()

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        self.done = from_client not in self._read
        return iter(())

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if self.done or from_client in self._read:
            return iter(())
        kept = self._kept[from_client] = (self._kept[from_client] + data)[:HEADER_LIMIT]
        if not START.startswith(kept[: len(START)]):
            self.done = True  # TLS, or another protocol
            return iter(())
        head, found, _ = kept[1:].partition(b"\r")
        if not found:
            self.done = len(kept) == HEADER_LIMIT
            return iter(())
        self._read.add(from_client)
        self._kept[from_client] = b""
        self.done = len(self._read) == 2
        return iter(_header(packet, head, answer=not from_client))


def _header(packet: Packet, head: bytes, *, answer: bool) -> list[Parsed]:
    """The fields of MSH. The character behind the name separates them."""
    fields = [clean(field, FIELD_LIMIT) for field in head.split(head[NAME : NAME + 1])] if len(head) > NAME else []
    if len(fields) <= VERSION:
        raise Malformed("header with too few fields")
    sender, facility, receiver, kind, version = (fields[at] for at in (SENDER, FACILITY, RECEIVER, KIND, VERSION))
    message = MllpMessage(packet, sender, facility, receiver, kind, version, answer)
    return [message, *facts(packet, [("mllp.application", sender), ("mllp.role", "receiver" if answer else "")])]
