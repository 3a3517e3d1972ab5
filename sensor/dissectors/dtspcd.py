"""The subprocess control service of CDE (dtspcd) over TCP, port 6112. There is no standard; the header is that of
published analyses of the exploit (CVE-2001-0803).

Reads whether a request overflows a buffer. Ignores what clients start, and the service's responses. Games use the same
port: their messages begin otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.dissectors.shared.odd_arguments import odd_message

PORT = 6112
HEAD = 4096  # bytes that are read of a client
_BEGIN = lazy_pattern(rb"[0-9a-f]{14}")  # channel, type and size of a request


class Dtspcd(Dissector):
    """The first requests of each connection."""

    interest = Interest(tcp=(PORT,), stream=True, shares=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return DtspcdStream()


class DtspcdStream(Stream):
    """One connection: the first bytes of its client."""

    def __init__(self) -> None:
        self._head = b""

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if not from_client or self.done:
            return
        self._head += data[: HEAD - len(self._head)]
        odd = odd_message(packet, "dtspcd", "request", self._head) if _BEGIN.match(self._head) else []
        self.done = bool(odd) or len(self._head) >= HEAD
        yield from odd

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        self.done = self.done or from_client
        return iter(())
