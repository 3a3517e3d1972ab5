"""One direction of an HTTP connection, split into heads and bodies (RFC 9112): message boundaries, and resuming after a
gap.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from sensor.core.dissector import Parsed
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.http_body import Body
from sensor.dissectors.shared.http_message import HEAD_END, Head, begins, is_request_line, read_head, whole_lines

HEAD_LIMIT = 32768
LINE_LIMIT = 8192
# Number of segments without the beginning of a message after which a direction is ignored.
LOST_LIMIT = 16
# Size of a large payload, and number of large ones after which no more of a message is selected (``Interest.opening``).
LARGE, LARGE_LIMIT = 1008, 4
# A piece of at most so many bytes, so long (ns) after the beginning of a message, is no part that was sent again: few
# messages have such a part that does not complete them.
PIECE, PAUSE = 128, 5_000_000_000
NEVER = 1 << 62


class HttpConnection(Protocol):
    """Interface of the connection for a direction. ``done``: it is no longer HTTP."""

    done: bool

    def message(self, packet: Packet, head: Head, parsed: list[Parsed]) -> Body | None:
        """Parse a head; return the body that follows it, None if there is none."""
        ...

    def forget(self) -> None:
        """A head may be missing."""
        ...


class HttpDirection:
    """Stores at most one head, and the wanted part of a body."""

    __slots__ = ("_begun", "_body", "_cut", "_kept", "_large", "_lost", "_searched", "_silent", "_since")

    def __init__(self) -> None:
        self._kept, self._searched, self._large, self._since = bytearray(), 0, 0, 0
        self._body: Body | None = None
        self._lost, self._silent, self._begun, self._cut = 0, False, False, False

    def feed(self, packet: Packet, data: bytes, both: HttpConnection) -> Iterator[Parsed]:
        """Parse the heads and bodies that these bytes complete, and of a head whose rest is truncated or not selected
        what is there.

        ``both``: the connection. It is not stored, because a reference cycle would keep both objects alive long after
        use.
        """
        if not self._kept and self._body is None:
            self._since = packet.ts
        self._large = (self._large if self._kept else 0) + (len(data) >= LARGE)
        yield from self._take(packet, data, both)
        ends = packet.truncated or self._large >= LARGE_LIMIT
        if ends and self._kept and self._body is None and not (self._lost or both.done):
            yield from self._truncated(packet, both)

    def _take(self, packet: Packet, data: bytes, both: HttpConnection) -> Iterator[Parsed]:
        """After a gap, parsing resumes at a segment that begins with a message."""
        if self._silent or both.done:
            return
        starts = begins(data) or (packet.truncated and is_request_line(data))
        if self._lost or (self._body is not None and self._body.open_ended and starts):
            yield from self.ended()
            if not starts:
                self._lose()
                return
            self._lost = 0
        kept = self._kept
        kept += data
        while kept and not both.done:
            if self._body is not None:
                yield from self._body.take(packet, kept)
                if not self._body.done:
                    return
                self._body = None
            elif kept[0] in b"\r\n":  # empty lines before a message are ignored (RFC 9112, 2.2)
                del kept[: len(kept) - len(kept.lstrip(b"\r\n"))]
            else:
                end = HEAD_END.search(kept, max(self._searched - 3, 0))
                if end is None:
                    self._searched = len(kept)
                    self._check_start()
                    return
                yield from self._head(packet, bytes(kept[: end.start()]), end.end(), both)

    @property
    def idle(self) -> bool:
        """Whether everything up to the next message is a body that is not parsed."""
        return self._body is not None and not self._body.wanted

    def stalls(self, packet: Packet, size: int) -> bool:
        """Whether the last ``size`` bytes are a late and small piece of a message that is still incomplete; True once
        for each message.
        """
        incomplete = self._kept if self._body is None else not self._body.open_ended
        if size > PIECE or packet.ts - self._since < PAUSE or not incomplete:
            return False
        self._since = NEVER
        return True

    def _head(self, packet: Packet, head: bytes, size: int, both: HttpConnection) -> Iterator[Parsed]:
        if len(head) > HEAD_LIMIT:
            raise Malformed("headers too long")
        if not self._begun and not begins(head):
            self._lose()
            return
        del self._kept[:size]
        self._searched, self._begun = 0, True
        parsed: list[Parsed] = []
        self._body = both.message(packet, read_head(head), parsed)
        yield from parsed

    def _truncated(self, packet: Packet, both: HttpConnection) -> Iterator[Parsed]:
        """Parse the lines of a truncated head; the position of its body is unknown."""
        head = whole_lines(bytes(self._kept))
        parsed: list[Parsed] = []
        if begins(head):
            both.message(packet, read_head(head), parsed)
            yield from parsed
            self._begun = self._cut = True
        self._lose()

    def gap(self, missing: int, both: HttpConnection) -> Iterator[Parsed]:
        """Discard the partial message; a gap inside a body, or after a truncated head, is part of the body."""
        if self._cut:
            self._cut = False
            return
        body = self._body
        if body is not None:
            inside = body.covers(missing)
            yield from body.missed(missing)
            if body.done:
                self._body = None
            if inside:
                return
        both.forget()
        self._lose()

    def ended(self) -> Iterator[Parsed]:
        """The current body has no more bytes."""
        if self._body is not None:
            yield from self._body.ended()
            self._body = None

    def _lose(self) -> None:
        self._kept.clear()
        self._searched = 0
        self._lost += 1
        self._silent = self._lost > LOST_LIMIT

    def _check_start(self) -> None:
        """Check whether incomplete data can still become a head. A connection captured from its middle is skipped to
        the next one.
        """
        kept = self._kept
        if len(kept) > HEAD_LIMIT:
            raise Malformed("headers too long")
        if not _can_begin(kept):
            if self._begun:
                raise Malformed("no start line")
            self._lose()


def _can_begin(kept: bytearray) -> bool:
    """Whether bytes without an empty line may be the beginning of a head."""
    end = kept.find(b"\n", 0, LINE_LIMIT)
    return begins(bytes(kept[:end])) if end >= 0 else len(kept) < LINE_LIMIT and 65 <= kept[0] <= 90
