# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Texts that spans point to, one behind the other, as Arrow lays out a column of strings."""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

import numpy as np

cdef enum:
    MOST = 0x7FFFFFFF  # bytes of a column: its offsets have 31 bits


def gather(const uint8_t[::1] text not None, const uint64_t[:] spans not None):
    """Offsets (one more than there are spans) and bytes. IndexError where a span does not lie in the text; ValueError where it is too much for a column."""
    cdef Py_ssize_t i, rows = spans.shape[0]
    cdef uint64_t size = 0, used = 0
    offsets = np.empty(rows + 1, np.int32)
    cdef int32_t[::1] at = offsets
    for i in range(rows):
        if (spans[i] >> 32) + <uint32_t>spans[i] > <uint64_t>text.shape[0]:
            raise IndexError(f"text {spans[i] >> 32}+{<uint32_t>spans[i]} of {text.shape[0]}")
        size += <uint32_t>spans[i]
    if size > MOST:
        raise ValueError(f"{size} bytes in one column")
    data = np.empty(size + 1, np.uint8)
    cdef uint8_t[::1] to = data
    at[0] = 0
    for i in range(rows):
        size = <uint32_t>spans[i]
        if size:
            memcpy(&to[used], &text[spans[i] >> 32], size)
        used += size
        at[i + 1] = <int32_t>used
    return offsets, data[:used]


def hashes(const uint8_t[::1] text not None, const uint64_t[:] spans not None):
    """A number of 64 bits for each text, the same for the same text (FNV-1a): to bring together, never to prove."""
    cdef Py_ssize_t i
    cdef uint64_t j, number
    out = np.empty(spans.shape[0], np.uint64)
    cdef uint64_t[::1] to = out
    for i in range(spans.shape[0]):
        if (spans[i] >> 32) + <uint32_t>spans[i] > <uint64_t>text.shape[0]:
            raise IndexError(f"text {spans[i] >> 32}+{<uint32_t>spans[i]} of {text.shape[0]}")
        number = <uint64_t>0xCBF29CE484222325
        for j in range(spans[i] >> 32, (spans[i] >> 32) + <uint32_t>spans[i]):
            number = (number ^ text[j]) * <uint64_t>0x100000001B3
        to[i] = number
    return out
