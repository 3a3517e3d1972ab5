# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Bodies of HTTP/1.x messages (RFC 9112, 6 and 7) as files. Heads are parsed only as far as bodies require it.

Forms, JSON, XML and text that clients send are not treated as files: they may contain passwords, which a hash of few
bytes could reveal.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t

import re
from urllib.parse import unquote_to_bytes

from sensor.native.http_head cimport head_end
from sensor.records.files.http_fields cimport Fields, fields_of
from sensor.records.files.body import LARGEST, ends_of
from sensor.records.files.seen import FileBegun, State

cdef enum:
    OPEN = -1              # as a length: until the connection ends
    HEAD_LIMIT = 32768
    CHUNK_LINE_LIMIT = 256
    CHUNK_DIGITS = 8
    LENGTH_DIGITS = 15
    PENDING_MOST = 16

SERVICE = "http"
TEXTUAL = re.compile(
    rb"\s*(?:$|text/|multipart/|application/(?:x-www-form-urlencoded|.*json|.*xml|ipp|ocsp))", re.IGNORECASE
)


cdef class Side:
    """One direction: an incomplete head, or an incomplete body. ``request``: the message is a request."""

    def __init__(self):
        self.kept, self.body, self.left = b"", None, 0
        self.chunked = self.trailer = self.request = False


cdef class HttpFiles(Conversation):
    """The messages of one connection."""

    def __init__(self, emit, budget):
        super().__init__(emit, budget)
        self.client, self.server, self.pending = Side(), Side(), []

    cpdef feed(self, int way, bytes data, BytesSource place):
        cdef Side side = self.server if way else self.client
        cdef int64_t size
        while data and not (self.over or self.paused):
            if side.body is None and side.left:  # part of a body that is skipped
                size = min(side.left, <int64_t>len(data))
                side.left -= size
                data = data[size:]
            elif side.body is None:
                data = self.head(side, data, place)
            elif side.chunked:
                data = self.chunks(side, data)
            elif side.left == OPEN or side.left > len(data):
                if side.left != OPEN:
                    side.left -= len(data)
                side.body.take(data)
                return
            else:
                size, side.left = side.left, 0
                side.body.take(data[:size])
                data = data[size:]
                self.close(side)

    def gap(self, int way, int64_t missing):
        """A gap within a body of known length is part of it; otherwise bytes are skipped until a message begins."""
        cdef Side side = self.server if way else self.client
        if side.body is not None:
            side.body.lost()
        if not side.chunked and side.left >= missing:
            side.left -= missing
            if side.left == 0:
                self.close(side)
            return
        side.left = 0
        self.close(side)
        self.pause(side)

    def ended(self, int way, bint whole):
        cdef Side side = self.server if way else self.client
        if side.body is not None and (not whole or side.left != OPEN or side.chunked):
            side.body.lost(State.CUT_OFF)
        self.close(side)

    cdef int pause(self, Side side) except -1:
        side.kept, side.left, self.paused, self.pending = b"", 0, True, []
        return 0

    cdef bytes head(self, Side side, bytes data, BytesSource place):
        """Add bytes of a head; returns the bytes after it."""
        cdef bytes kept = data, head, line
        cdef Fields fields
        cdef uint32_t after = 0
        cdef int64_t end
        if side.kept or data[0] == 13 or data[0] == 10:
            kept = (side.kept + data).lstrip(b"\r\n")
        end = head_end(<const uint8_t*><const char*>kept, <uint32_t>len(kept), 0, &after)
        if end < 0:
            side.kept, self.over = kept, len(kept) > HEAD_LIMIT
            return b""
        side.kept = b""
        head = kept[:end]
        fields = fields_of(head)
        line = head.partition(b"\n")[0].rstrip()
        if line.startswith(b"HTTP/1."):
            self.response(side, line, fields, place)
        elif len(line) > 9 and line[len(line) - 9:len(line) - 1] == b" HTTP/1.":
            self.request(side, line, fields, place)
        else:
            self.over = True
        return kept[after:]

    cdef int request(self, Side side, bytes line, Fields fields, BytesSource place) except -1:
        cdef bytes method, target
        method, _, target = line[:len(line) - 9].partition(b" ")
        target = target.strip()
        if len(self.pending) < PENDING_MOST:
            self.pending.append((method, target))
        self.over = method == b"CONNECT"
        if fields.transfer is not None or length(fields) > 0:
            side.request = True
            if (
                TEXTUAL.match(fields.type or b"") is None
                or (method == b"PUT" and fields.type is None)
            ):
                self.open(side, target, fields, place)
            elif fields.transfer is not None:
                self.paused = True
            else:
                side.left = length(fields)
        return 0

    cdef int response(self, Side side, bytes line, Fields fields, BytesSource place) except -1:
        cdef int status = int(line[9:12]) if line[9:12].isdigit() else 0
        cdef bytes method = b"", target = b""
        if 100 <= status < 200 and status != 101:
            return 0
        if self.pending:
            method, target = self.pending.pop(0)
        if status == 101:
            self.over = True
        if method == b"HEAD" or status in (101, 204, 304) or length(fields) == 0:
            return 0
        side.request = False
        self.open(side, target, fields, place)
        if side.body is not None:
            if status == 206:
                side.body.lost(State.PARTIAL)
            self.emit(FileBegun(side.body.packet, *ends_of(side.body.packet, False)))
        return 0

    cdef int open(self, Side side, bytes target, Fields fields, BytesSource place) except -1:
        cdef bytes name = name_of(target, fields.disposition or b"")
        side.chunked, side.trailer = b"chunked" in (fields.transfer or b"").lower(), False
        side.left = 0 if side.chunked else length(fields)
        side.body = Body(
            place.packet(), self.budget, name, fields.type or b"", fields.encoding or b""
        )
        if side.left > LARGEST:
            side.body.lost(State.LARGE)
            side.body.size = side.left
            self.close(side)
            side.left, self.paused = 0, True
        return 0

    cdef int close(self, Side side) except -1:
        cdef Body body = side.body
        side.body = None
        if body is not None:
            self.emit(body.ended(SERVICE, side.request, ends_of(body.packet, side.request)))
        return 0

    cdef bytes chunks(self, Side side, bytes data):
        """Process chunks; returns the bytes after the last one."""
        cdef bytes line, rest
        cdef int64_t size
        if side.kept:
            data, side.kept = side.kept + data, b""
        while data and side.body is not None:
            if side.left > 0:  # bytes of a chunk, its line end included
                size = min(side.left, <int64_t>len(data))
                side.body.take(data[:max(min(side.left - 2, size), <int64_t>0)])
                side.left -= size
                data = data[size:]
                continue
            line, found, rest = data.partition(b"\n")
            if not found:
                side.kept, self.over = data, len(data) > CHUNK_LINE_LIMIT
                return b""
            data = rest
            if side.trailer:
                if not line.strip():
                    self.close(side)
                    side.left = 0
                continue
            size = chunk_size(line)
            if size < 0:
                side.body.lost()
                self.close(side)
                self.over = True
                return b""
            side.left, side.trailer = (size + 2 if size else 0), size == 0
        return data


cdef int64_t length(Fields fields) except -2:
    """Content-Length in bytes; OPEN if it is absent or implausible."""
    if fields.length is None:
        return OPEN
    cdef bytes text = fields.length.strip()
    return int(text) if text.isdigit() and len(text) <= LENGTH_DIGITS else OPEN


cdef int64_t chunk_size(bytes line) except -2:
    """Size of a chunk; -1 if the line is invalid."""
    cdef bytes text = line.partition(b";")[0].strip()
    if not 0 < len(text) <= CHUNK_DIGITS or b"_" in text or b"+" in text or b"-" in text:
        return -1
    try:
        return int(text, 16)
    except ValueError:
        return -1


cdef bytes name_of(bytes target, bytes disposition):
    """The file name that the sender declares, else the last part of the path, without its query."""
    if b"filename" in disposition:
        from email.message import Message  # few captures need it

        message = Message()
        message["content-disposition"] = disposition.decode("latin-1")
        given = message.get_filename()
        if given:
            return given.encode("utf-8", "replace")
    cdef bytes name = target.partition(b"?")[0].rpartition(b"/")[2]
    return unquote_to_bytes(name) if b"%" in name else name
