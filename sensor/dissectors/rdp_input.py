"""Input of encrypted remote desktop sessions, by the sizes and times of TLS records.

A client sends a small message for each key ([MS-RDPBCGR] 2.2.8.1.2: header of 2 or 3 bytes, 2 bytes for each key
pressed or released) or movement of the pointer (7 bytes). TLS 1.3 adds 17 bytes, TLS 1.2 16 or 24 (RFC 8446, 5.2;
RFC 5288; RFC 7905). A program types faster than a person: dozens of keys with a few milliseconds between them.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.shared.tls_records import Records

PORT = 3389
REQUEST, HEADER = b"\3", 4
PROTECTION = (16, 17, 24)
KEY = frozenset(size + more for size in (4, 5) for more in PROTECTION)
# also of two keys in one message
KEYS = KEY | frozenset(size + more for size in (6, 7) for more in PROTECTION)
SMALL = 64  # bytes; larger messages are no input
FAST = SECOND // 50
RECORDS_LIMIT = 1500  # of a client
LONGEST = 180 * SECOND


class RdpInput(Event):
    """A short session ended. ``keys``: messages of keys, ``burst``: the most of them in a row with less than 20 ms
    between two; ``pointer``: messages as long as those of the pointer; ``seconds``: from the first encrypted message to
    the last. The packet is the client's last one.
    """

    keys: int
    burst: int
    pointer: int
    seconds: int


class RdpInputs(Dissector):
    """Sessions on the port of remote desktop, whose data before TLS is skipped."""

    interest = Interest(tcp=(PORT,), stream=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return RdpInputStream()


class RdpInputStream(Stream):
    """The client's records until the session is longer than those of programs. The server's data is not needed."""

    idle = (False, True)

    def __init__(self) -> None:
        self._request = b""  # of the client, the first message (RFC 1006, 6)
        self._client: Records | None = None
        self._last: Packet | None = None
        self._first = self._records = self._run = self._burst = self._size = self._key = 0
        self._sizes = [0] * SMALL

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if from_client and not self.done:
            for size in self._sizes_in(data):
                self._count(packet, size)
            self.done |= self._records > RECORDS_LIMIT or packet.ts - (self._first or packet.ts) > LONGEST
        return iter(())

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        if from_client:
            self._client = self._client or Records(at_record=False)
            self._client.gap(missing)
        return iter(())

    def _sizes_in(self, data: bytes) -> list[int]:
        """Sizes of the records that begin in the client's data, which follow its request."""
        if self._client is None:
            self._request += data
            size = int.from_bytes(self._request[2:HEADER], "big") if self._request[:1] == REQUEST else 0
            if self._request[:1] == REQUEST and len(self._request) < max(HEADER, size):
                return []
            self._client, data, self._request = Records(at_record=size > 0), self._request[size:], b""
        sizes = self._client.begun(data)
        self.done = self._client.other
        return sizes

    def _count(self, packet: Packet, size: int) -> None:
        self._first = self._first or packet.ts
        self._records += 1
        if size < SMALL:
            self._sizes[size] += 1
        if size in KEYS:
            quick = self._last is not None and packet.ts - self._last.ts < FAST
            self._run = self._run + 1 if quick and size == self._size else 1
            if self._run > self._burst:
                self._burst, self._key = self._run, size
        self._last, self._size = packet, size

    def finish(self) -> Iterator[Parsed]:
        if self._last is not None and not self.done:
            seconds = (self._last.ts - self._first) // SECOND
            pointer = self._key + (5 if self._key in KEY else 3)
            yield RdpInput(self._last, self._sizes[self._key], self._burst, self._sizes[pointer], seconds)
