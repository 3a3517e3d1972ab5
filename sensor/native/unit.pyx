# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""The interface of native dissectors."""


cdef class Native:
    """A native dissector of datagrams or frames: ``UNIT`` of its module."""
