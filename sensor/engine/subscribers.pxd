# For native messages: whether the subscribers changed.
from sensor.boundary cimport Boundary


cdef class Subscribers:
    cdef Boundary boundary
    cdef dict by_class              # class of event → ClassSubscribers
    cdef readonly dict known        # compiled_wants.Known
    cdef readonly Py_ssize_t blamed  # number of conditions that raised an exception
    cpdef list deliver(self, event)
    cdef tuple blame(self, event, subscribers)
