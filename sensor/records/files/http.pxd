# Bodies of HTTP messages as files.
from libc.stdint cimport int64_t

from sensor.records.files.body cimport Body
from sensor.records.files.conversation cimport Conversation, BytesSource
from sensor.records.files.http_fields cimport Fields


cdef class Side:
    cdef bytes kept            # an incomplete head or chunk line
    cdef Body body
    cdef int64_t left          # bytes left in the body, OPEN if its end is unknown; for chunks: in the current chunk
    cdef bint chunked, trailer, request


cdef class HttpFiles(Conversation):
    cdef Side client, server
    cdef list pending            # unanswered requests: method and target
    cdef bytes head(self, Side side, bytes data, BytesSource place)
    cdef int request(self, Side side, bytes line, Fields fields, BytesSource place) except -1
    cdef int response(self, Side side, bytes line, Fields fields, BytesSource place) except -1
    cdef int open(self, Side side, bytes target, Fields fields, BytesSource place) except -1
    cdef int close(self, Side side) except -1
    cdef bytes chunks(self, Side side, bytes data)
    cdef int pause(self, Side side) except -1
