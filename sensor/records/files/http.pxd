# Bodies of HTTP messages as files.
from libc.stdint cimport int64_t

from sensor.records.files.body cimport Body
from sensor.records.files.conversation cimport Conversation, Place


cdef class Half:
    cdef bytes kept            # of a head or a chunk's line that is not whole
    cdef Body body
    cdef int64_t left          # bytes of it, OPEN where its end is unknown; of chunks: of the chunk at hand
    cdef bint chunked, trailer, request


cdef class HttpFiles(Conversation):
    cdef Half client, server
    cdef list asked            # requests that wait for their response: method and target
    cdef bytes head(self, Half half, bytes data, Place place)
    cdef int request(self, Half half, bytes line, dict fields, Place place) except -1
    cdef int response(self, Half half, bytes line, dict fields, Place place) except -1
    cdef int open(self, Half half, bytes target, dict fields, Place place) except -1
    cdef int close(self, Half half) except -1
    cdef bytes chunks(self, Half half, bytes data)
    cdef int pause(self, Half half) except -1
