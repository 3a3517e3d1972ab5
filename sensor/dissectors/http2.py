"""HTTP/2 without TLS (RFC 9113): requests and responses at the beginning of a connection, as events of HTTP.

A connection begins with the preface of its client (3.4), or switches to it (``Upgrade: h2c``, RFC 7540, 3.2). Reads the
header blocks and the beginning of a request's body. Ignores pushes, priorities, settings and the bodies of responses,
and ends at a gap: each header block depends on those before it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.bounded import Bounded
from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.http import HttpRequest, is_foreign, request, response, sent
from sensor.dissectors.shared.hpack import Hpack
from sensor.dissectors.shared.http_message import METHOD_LIMIT, VALUE_LIMIT, Head

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME = struct.Struct("!HBBBI")  # size (24 bits), type, flags, stream
DATA, HEADERS, CONTINUATION = 0, 1, 9
END_HEADERS, PADDED, PRIORITY = 4, 8, 32
PRIORITY_SIZE = 5
FRAME_LIMIT, BLOCK_LIMIT, BODY_LIMIT = 16_384, 65_536, 4096  # the first: all that an end must accept (4.2)
STREAMS_LIMIT = 32


class Http2(Dissector):
    """Connections on any port that begin with the preface."""

    interest = Interest(starts=(PREFACE[:8],), stream=True, opening=4)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return Http2Stream()


class _Side:
    """One direction: unparsed bytes, the header table, and an incomplete header block."""

    def __init__(self) -> None:
        self.kept, self.table, self.block = bytearray(), Hpack(), bytearray()


class Http2Stream(Stream):
    """One connection: both directions, and requests by stream, with whether their body is pending."""

    def __init__(self) -> None:
        self._client, self._server = _Side(), _Side()
        self._begun = False
        self._requests: Bounded[int, tuple[Head, HttpRequest, bool]] = Bounded(STREAMS_LIMIT)

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if self.done:
            return
        side = self._client if from_client else self._server
        kept = side.kept
        kept += data
        if from_client and not self._begun:
            if not kept.startswith(PREFACE[: len(kept)]):
                raise Malformed("no preface")
            if len(kept) < len(PREFACE):
                return
            self._begun = True
            del kept[: len(PREFACE)]
        while len(kept) >= FRAME.size:
            high, low, kind, flags, stream = FRAME.unpack_from(kept)
            size = high << 8 | low
            if size > FRAME_LIMIT:
                raise Malformed("frame too long")
            if len(kept) < FRAME.size + size:
                return
            body = bytes(kept[FRAME.size : FRAME.size + size])
            del kept[: FRAME.size + size]
            yield from self._frame(packet, side, kind, flags, stream & 0x7FFFFFFF, body)

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        self.done = True
        return iter(())

    def _frame(self, packet: Packet, side: _Side, kind: int, flags: int, stream: int, body: bytes) -> Iterator[Parsed]:
        if kind in (DATA, HEADERS) and flags & PADDED:
            body = body[1 : max(len(body) - body[0], 1)] if body else b""
        if kind == DATA and side is self._client:
            yield from self._body(packet, stream, body)
        if kind not in (HEADERS, CONTINUATION):
            return
        side.block += body[PRIORITY_SIZE:] if kind == HEADERS and flags & PRIORITY else body
        if len(side.block) > BLOCK_LIMIT:
            raise Malformed("headers too long")
        if flags & END_HEADERS:
            block = bytes(side.block)
            side.block.clear()
            yield from self._message(packet, stream, side.table.fields(block), side is self._client)

    def _message(
        self, packet: Packet, stream: int, pairs: list[tuple[bytes, bytes]], from_client: bool
    ) -> Iterator[Parsed]:
        """The event of a request or response; trailers (8.1) are neither."""
        fields: dict[bytes, bytes] = {}
        for name, value in pairs:
            between = b"; " if name == b"cookie" else b", "
            fields[name] = (fields[name] + between + value if name in fields else value)[:VALUE_LIMIT]
        method, target, status = (fields.pop(name, b"") for name in (b":method", b":path", b":status"))
        fields.pop(b":scheme", None)
        host = fields.pop(b":authority", b"")
        if from_client and method:
            head = Head(clean(method, METHOD_LIMIT), target, 0, {b"host": host, **fields} if host else fields)
            event, parsed = request(packet, head)
            self._requests.put(stream, (head, event, True))
            yield from parsed
        elif not from_client and status.isdigit() and len(status) == 3 and status >= b"200":
            pending = self._requests.pop(stream)
            path = (pending[1].method, pending[1].path) if pending is not None else ("", "")
            head = Head("", b"", int(status), fields)
            yield from response(packet, head, *path, pending is None, is_foreign(packet))[1]

    def _body(self, packet: Packet, stream: int, body: bytes) -> Iterator[Parsed]:
        """The beginning of a request's body: of its first frame."""
        pending = self._requests.get(stream)
        if pending is not None and pending[2] and body:
            self._requests.put(stream, (*pending[:2], False))
            yield from sent(packet, pending[0], body[:BODY_LIMIT])
