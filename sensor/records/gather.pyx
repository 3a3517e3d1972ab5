# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Arrow string columns, offsets and bytes: texts that spans refer to, and addresses as text."""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

import numpy as np

cdef enum:
    MOST = 0x7FFFFFFF  # bytes of a column: its offsets have 31 bits
    ADDRESS = 40  # longest IPv6 text, and a separator that is written before the end is known
    MAC = 18  # the same for a MAC address

cdef const char *DIGITS = b"0123456789abcdef"


def gather(const uint8_t[::1] text not None, const uint64_t[:] spans not None):
    """Offsets (one more than spans) and bytes. Raises IndexError if a span is outside the text, ValueError if a column
    becomes too large.
    """
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
    """A 64-bit hash of each text (FNV-1a), for grouping only, since different texts may collide."""
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


def ips(const uint64_t[::1] hi not None, const uint64_t[::1] lo not None):
    """Addresses as text, dotted quads or RFC 5952; empty if there is none. Offsets and bytes as in ``gather``."""
    cdef Py_ssize_t i, used = 0, rows = hi.shape[0]
    if lo.shape[0] != rows:
        raise ValueError(f"{rows} and {lo.shape[0]} halves of addresses")
    if rows > MOST // ADDRESS:
        raise ValueError(f"{rows} addresses in one column")
    offsets, data = np.empty(rows + 1, np.int32), np.empty(rows * ADDRESS + 1, np.uint8)
    cdef int32_t[::1] at = offsets
    cdef uint8_t[::1] to = data
    at[0] = 0
    for i in range(rows):
        if hi[i] == 0 and lo[i] >> 32 == 0xFFFF:
            used += quad(&to[used], <uint32_t>lo[i])
        elif hi[i] or lo[i]:
            used += groups(&to[used], hi[i], lo[i])
        at[i + 1] = <int32_t>used
    return offsets, data[:used]


def macs(const uint64_t[::1] numbers not None):
    """MAC addresses as text, lower case with colons; empty if there is none. Offsets and bytes as in ``gather``."""
    cdef Py_ssize_t i, used = 0, rows = numbers.shape[0]
    cdef int shift
    if rows > MOST // MAC:
        raise ValueError(f"{rows} addresses in one column")
    offsets, data = np.empty(rows + 1, np.int32), np.empty(rows * MAC + 1, np.uint8)
    cdef int32_t[::1] at = offsets
    cdef uint8_t[::1] to = data
    at[0] = 0
    for i in range(rows):
        if numbers[i]:
            for shift in range(40, -1, -8):
                to[used] = DIGITS[numbers[i] >> (shift + 4) & 15]
                to[used + 1] = DIGITS[numbers[i] >> shift & 15]
                to[used + 2] = b":"
                used += 3
            used -= 1
        at[i + 1] = <int32_t>used
    return offsets, data[:used]


cdef Py_ssize_t quad(uint8_t *to, uint32_t address) noexcept nogil:  # arithmetic only: nothing can fail
    """Write an address in dotted-quad notation; at most 15 bytes."""
    cdef Py_ssize_t used = 0
    cdef int shift
    cdef uint32_t number
    for shift in range(24, -1, -8):
        number = address >> shift & 255
        if number >= 100:
            to[used] = DIGITS[number // 100]
            used += 1
        if number >= 10:
            to[used] = DIGITS[number // 10 % 10]
            used += 1
        to[used] = DIGITS[number % 10]
        to[used + 1] = b"."
        used += 2
    return used - 1


cdef Py_ssize_t groups(uint8_t *to, uint64_t hi, uint64_t lo) noexcept nogil:  # arithmetic only: nothing can fail
    """Write eight groups of hexadecimal digits, with the first longest run of two or more zero groups omitted; at most
    39 bytes (RFC 5952, section 4).
    """
    cdef uint32_t group[8]
    cdef int i, run = 0, first = -1, most = 1
    cdef Py_ssize_t used = 0
    for i in range(4):
        group[i], group[i + 4] = <uint32_t>(hi >> (48 - 16 * i) & 0xFFFF), <uint32_t>(lo >> (48 - 16 * i) & 0xFFFF)
    for i in range(8):
        run = run + 1 if group[i] == 0 else 0
        if run > most:
            most, first = run, i + 1 - run
    i = 0
    while i < 8:
        if i == first:
            to[used] = b":"
            used += 1
            i += most
            if i == 8:
                to[used] = b":"
                used += 1
            continue
        if i:
            to[used] = b":"
            used += 1
        used += hexadecimal(&to[used], group[i])
        i += 1
    return used


cdef Py_ssize_t hexadecimal(uint8_t *to, uint32_t number) noexcept nogil:  # arithmetic only: nothing can fail
    """Write 16 bits without leading zeros."""
    cdef Py_ssize_t used = 0
    cdef int shift
    for shift in range(12, -1, -4):
        if number >> shift or shift == 0:
            to[used] = DIGITS[number >> shift & 15]
            used += 1
    return used
