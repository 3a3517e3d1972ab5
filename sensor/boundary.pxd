# The error boundary, for kernels that call units.


cdef class Boundary:
    cdef readonly object malformed, faults, samples
    cdef object _report
    cdef bint call(self, list results, unit, unit_call, tuple args, packet, bint quiet) except -1
    cpdef tuple each(self, calls, tuple args, packet, bint quiet=*)
