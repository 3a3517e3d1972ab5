# The header fields of HTTP messages that determine their bodies.
cdef class Fields:
    cdef readonly bytes length, transfer, encoding, type, disposition  # None: absent

cdef Fields fields_of(bytes head)
