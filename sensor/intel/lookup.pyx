# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Compiled threat lists: address or name → number of the entry that covers it, and fast readers of plain lists.

Prefixes become sorted boundaries of disjoint intervals, each owned by the longest prefix that covers it. IPv4 has a
separate table with 8 bytes per boundary, which pack its position and owner into one word, because lookups in a large
table are limited by memory latency. An index of the upper 16 bits narrows the search; the rest is a binary search over
128-bit numbers.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

import numpy as np

from sensor.intel.address_text cimport colons, dotted

cdef extern from *:
    """
    #if defined(__GLIBC__)
    #include <malloc.h>
    #define sensor_trim() malloc_trim(0)
    #else
    #define sensor_trim() 0
    #endif
    """
    int sensor_trim() nogil

cdef enum:
    NO_OWNER = -1
    DEEP = 129        # maximum of nested prefixes: one of each length


cdef class AddressTable:
    """``lo``/``hi``: 128-bit prefixes with host bits 0, IPv4-mapped for IPv4; ``bits``: their length (0 to 128);
    ``numbers``: results of lookups, at least 0; ``wider``: gets for each number that of the next wider prefix, -1 if
    there is none.

    The longest prefix wins; of equal ones the first.
    """

    cdef uint64_t[::1] starts
    cdef int32_t[::1] index
    cdef uint64_t[::1] wide_hi, wide_lo
    cdef int32_t[::1] wide_owners
    cdef readonly Py_ssize_t nbytes

    def __init__(self, hi, lo, bits, numbers, wider=None):
        short = (hi == 0) & (lo >> np.uint64(32) == 0xFFFF) & (bits >= 96)
        _, low, owners = boundaries(hi[short], lo[short], bits[short], numbers[short], wider)
        inside = low <= 0xFFFFFFFFFFFF  # a block up to 255.255.255.255 has no boundary after it
        low, owners = low[inside], owners[inside]
        starts = low << np.uint64(32) | owners.view(np.uint32)
        index = np.zeros(65537, np.int32)
        if len(starts):
            index[:65536] = np.searchsorted(
                low, (np.arange(65536, dtype=np.uint64) << np.uint64(16)) | np.uint64(0xFFFF << 32)
            )
        index[65536] = len(starts)
        self.starts, self.index = starts, index
        wide_hi, wide_lo, wide_owners = boundaries(hi[~short], lo[~short], bits[~short], numbers[~short], wider)
        self.wide_hi, self.wide_lo, self.wide_owners = wide_hi, wide_lo, wide_owners
        self.nbytes = starts.nbytes + index.nbytes + wide_hi.nbytes + wide_lo.nbytes + wide_owners.nbytes

    def listed(self, const uint64_t[:] hi, const uint64_t[:] lo):
        """For each address the number of the entry that covers it, -1 if there is none."""
        cdef Py_ssize_t i, n = hi.shape[0]
        if lo.shape[0] != n:
            raise ValueError(f"{n} high halves, {lo.shape[0]} low halves")
        out = np.empty(n, np.int32)
        cdef int32_t[::1] numbers = out
        with nogil:
            for i in range(n):
                if hi[i] == 0 and lo[i] >> 32 == 0xFFFF:
                    numbers[i] = self.short_owner(<uint32_t>lo[i])
                else:
                    numbers[i] = self.wide_owner(hi[i], lo[i])
        return out

    cdef inline int32_t short_owner(self, uint32_t address) except -2 nogil:
        cdef Py_ssize_t block = address >> 16
        cdef uint64_t last = <uint64_t>address << 32 | <uint64_t>0xFFFFFFFF
        cdef int32_t low = self.index[block], high = self.index[block + 1], middle
        while low < high:  # number of boundaries at or before the address
            middle = low + (high - low) // 2
            if self.starts[middle] <= last:
                low = middle + 1
            else:
                high = middle
        return NO_OWNER if low == 0 else <int32_t><uint32_t>self.starts[low - 1]

    cdef inline int32_t wide_owner(self, uint64_t hi, uint64_t lo) except -2 nogil:
        cdef Py_ssize_t low = 0, high = self.wide_hi.shape[0], middle
        while low < high:
            middle = low + (high - low) // 2
            if self.wide_hi[middle] < hi or (self.wide_hi[middle] == hi and self.wide_lo[middle] <= lo):
                low = middle + 1
            else:
                high = middle
        return NO_OWNER if low == 0 else self.wide_owners[low - 1]


cdef inline int last_of(uint64_t hi, uint64_t lo, int bits, uint64_t* last_hi, uint64_t* last_lo) except -1 nogil:
    """The last address of a prefix."""
    last_hi[0], last_lo[0] = hi, lo
    if bits < 64:
        last_hi[0] |= <uint64_t>0xFFFFFFFFFFFFFFFF >> bits
        last_lo[0] = <uint64_t>0xFFFFFFFFFFFFFFFF
    elif bits < 128:
        last_lo[0] |= <uint64_t>0xFFFFFFFFFFFFFFFF >> (bits - 64)
    return 0


def boundaries(hi, lo, bits, numbers, int32_t[::1] wider=None):
    """Prefixes → (hi, lo, owner) of the positions where the owner changes, in order; owner -1 where unassigned space
    begins. ``wider``: gets for each number that of the next wider prefix, -1 if there is none.
    """
    order = np.lexsort((bits, lo, hi))
    cdef uint64_t[::1] his = np.ascontiguousarray(hi[order], np.uint64)
    cdef uint64_t[::1] los = np.ascontiguousarray(lo[order], np.uint64)
    cdef uint8_t[::1] lengths = np.ascontiguousarray(bits[order], np.uint8)
    cdef int32_t[::1] names = np.ascontiguousarray(numbers[order], np.int32)
    cdef Py_ssize_t i, n = his.shape[0], used = 0
    out_hi, out_lo, out_owner = np.empty(2 * n, np.uint64), np.empty(2 * n, np.uint64), np.empty(2 * n, np.int32)
    cdef uint64_t[::1] at_hi = out_hi, at_lo = out_lo
    cdef int32_t[::1] at_owner = out_owner
    cdef uint64_t[DEEP] stack_hi, stack_lo
    cdef int32_t[DEEP] stack_owner
    cdef uint64_t last_hi = 0, last_lo = 0
    cdef int depth = 0
    del order
    for i in range(n + 1):
        while (
            depth
            and (
                i == n
                or stack_hi[depth - 1] < his[i]
                or (stack_hi[depth - 1] == his[i] and stack_lo[depth - 1] < los[i])
            )
        ):
            depth -= 1
            last_hi, last_lo = stack_hi[depth], stack_lo[depth] + 1
            if last_lo == 0:
                last_hi += 1
            if last_hi or last_lo:  # not past the last address
                used = append_boundary(
                    at_hi, at_lo, at_owner, used, last_hi, last_lo, stack_owner[depth - 1] if depth else NO_OWNER
                )
        if i == n:
            break
        if i and his[i] == his[i - 1] and los[i] == los[i - 1] and lengths[i] == lengths[i - 1]:
            continue
        if wider is not None:
            wider[names[i]] = stack_owner[depth - 1] if depth else NO_OWNER
        last_of(his[i], los[i], lengths[i], &last_hi, &last_lo)
        stack_hi[depth], stack_lo[depth], stack_owner[depth] = last_hi, last_lo, names[i]
        depth += 1
        used = append_boundary(at_hi, at_lo, at_owner, used, his[i], los[i], names[i])
    return out_hi[:used].copy(), out_lo[:used].copy(), out_owner[:used].copy()


cdef Py_ssize_t append_boundary(
    uint64_t[::1] at_hi, uint64_t[::1] at_lo, int32_t[::1] at_owner, Py_ssize_t used, uint64_t hi, uint64_t lo,
    int32_t owner,
) except -1:
    """Append a change of owner at an address; a second one at the same address replaces the first."""
    if used and at_hi[used - 1] == hi and at_lo[used - 1] == lo:
        used -= 1
    if used and at_owner[used - 1] == owner:
        return used
    at_hi[used], at_lo[used], at_owner[used] = hi, lo, owner
    return used + 1


def plain_lines(const uint8_t[::1] data):
    """Parse a plain list: (hi, lo, bits, offset of the line) of lines with a single address or block, as prefixes of
    128 bits, and the offsets of the other lines that are neither empty nor comments. Lines end with LF; a word ends at
    a blank, ``#``, ``;`` or CR.
    """
    cdef Py_ssize_t start = 0, stop, n = data.shape[0], lines = 1, found = 0, odd = 0, i
    cdef uint64_t hi = 0, lo = 0
    cdef int bits = 0
    with nogil:
        for i in range(n):
            lines += data[i] == 10
    out_hi, out_lo, out_bits = np.empty(lines, np.uint64), np.empty(lines, np.uint64), np.empty(lines, np.uint8)
    out_offset, out_odd = np.empty(lines, np.uint32), np.empty(lines, np.uint32)
    cdef uint64_t[::1] his = out_hi, los = out_lo
    cdef uint32_t[::1] offsets = out_offset, odds = out_odd
    cdef uint8_t[::1] lengths = out_bits
    with nogil:
        while start < n:
            stop = start
            while stop < n and data[stop] != 10:
                stop += 1
            i = start
            while i < stop and (data[i] == 32 or data[i] == 9 or data[i] == 13):
                i += 1
            if i < stop and data[i] != 33 and data[i] != 35 and data[i] != 59:
                if dotted(data, i, stop, &hi, &lo, &bits) or colons(data, i, stop, &hi, &lo, &bits):
                    his[found], los[found], lengths[found], offsets[found] = hi, lo, bits, <uint32_t>start
                    found += 1
                else:
                    odds[odd] = <uint32_t>start
                    odd += 1
            start = stop + 1
    columns = [column[:found].copy() for column in (out_hi, out_lo, out_bits, out_offset)]
    return *columns, out_odd[:odd].copy()


def expiries(const uint8_t[::1] data, const uint32_t[::1] offsets):
    """The time (s) until which the line of ``Indicator.line`` at each offset is valid: its fourth field, 0 if absent,
    negative for an exception.
    """
    cdef Py_ssize_t k, i, n = offsets.shape[0], size = data.shape[0]
    cdef int tabs, sign
    cdef int64_t number
    out = np.zeros(n, np.int64)
    cdef int64_t[::1] until = out
    with nogil:
        for k in range(n):
            i = offsets[k]
            tabs, number, sign = 0, 0, 1
            while i < size and data[i] != 10 and tabs < 4:
                if data[i] == 9:
                    tabs += 1
                elif tabs == 3 and data[i] == 45:
                    sign = -1
                elif tabs == 3 and 48 <= data[i] <= 57 and number < <int64_t>100_000_000_000:
                    number = number * 10 + data[i] - 48
                i += 1
            if tabs == 4:
                until[k] = sign * number
    return out


def give_back():
    """Return free memory to the system after compiling a list; the allocator would keep most of it."""
    sensor_trim()


cdef enum:
    NAME = 253        # the longest domain name as text


cdef inline uint64_t grown(uint64_t hashed, uint8_t byte) noexcept nogil:  # arithmetic only
    """FNV-1a over one more byte, in lower case."""
    return (hashed ^ (byte + 32 if 65 <= byte <= 90 else byte)) * <uint64_t>0x100000001B3


cdef inline uint64_t mixed(uint64_t hashed) noexcept nogil:  # arithmetic only
    hashed ^= hashed >> 32
    hashed *= <uint64_t>0x9E3779B97F4A7C15
    hashed ^= hashed >> 29
    return hashed if hashed else 1


def hash_of(bytes text):
    """The case-insensitive hash of a name or another text, computed from its end, so that hashes of all parent domains
    are intermediate results.
    """
    cdef const uint8_t[::1] data = text
    cdef uint64_t hashed = <uint64_t>0xCBF29CE484222325
    cdef Py_ssize_t i
    for i in range(data.shape[0] - 1, -1, -1):
        hashed = grown(hashed, data[i])
    return mixed(hashed)


cdef class NameTable:
    """``hashes``: of names and other texts by ``hash_of``; ``numbers``: results of lookups, at least 0. Of equal ones
    the first counts. 12 bytes per slot.
    """

    cdef uint64_t[::1] keys
    cdef int32_t[::1] numbers
    cdef uint64_t mask
    cdef readonly Py_ssize_t nbytes

    def __init__(self, const uint64_t[::1] hashes, const int32_t[::1] numbers):
        cdef Py_ssize_t i, n = hashes.shape[0], size = 16
        cdef uint64_t slot
        if numbers.shape[0] != n:
            raise ValueError(f"{n} hashes, {numbers.shape[0]} numbers")
        while size < n + n // 2:
            size *= 2
        keys, values = np.zeros(size, np.uint64), np.zeros(size, np.int32)
        self.keys, self.numbers, self.mask = keys, values, size - 1
        self.nbytes = keys.nbytes + values.nbytes
        for i in range(n):
            slot = hashes[i] & self.mask
            while self.keys[slot] != 0 and self.keys[slot] != hashes[i]:
                slot = (slot + 1) & self.mask
            if self.keys[slot] == 0:
                self.keys[slot], self.numbers[slot] = hashes[i], numbers[i]

    cdef inline int32_t at(self, uint64_t hashed) except -2:
        cdef uint64_t slot = hashed & self.mask
        while self.keys[slot] != 0:
            if self.keys[slot] == hashed:
                return self.numbers[slot]
            slot = (slot + 1) & self.mask
        return NO_OWNER

    def find(self, bytes text):
        """The number of a text, -1 if absent."""
        return self.at(hash_of(text))

    def find_domain(self, bytes name):
        """The number of a name or of its closest listed parent, -1 if there is none."""
        cdef const uint8_t[::1] data = name
        cdef Py_ssize_t i, stop = data.shape[0]
        cdef uint64_t hashed = <uint64_t>0xCBF29CE484222325
        cdef int32_t best = NO_OWNER, one
        if stop and data[stop - 1] == 46:
            stop -= 1
        if stop > NAME:
            return NO_OWNER
        for i in range(stop - 1, -1, -1):
            if data[i] == 46:
                one = self.at(mixed(hashed))
                best = one if one >= 0 else best
            hashed = grown(hashed, data[i])
        one = self.at(mixed(hashed)) if stop else NO_OWNER
        return one if one >= 0 else best


cdef inline bint is_blank(uint8_t byte) except -1 nogil:
    return byte == 32 or byte == 9 or byte == 13


def name_lines(const uint8_t[::1] data, const uint32_t[::1] offsets):
    """Parse the lines at ``offsets`` that are one domain name: (hashes, offsets of their lines, offsets of the others).
    Supported forms: the bare name, ``*.name``, ``.name``, ``||name^`` of filter lists. Text after a blank is a comment.
    """
    cdef Py_ssize_t k, n = offsets.shape[0], size = data.shape[0], begin = 0, stop = 0, named = 0, odd = 0, i
    cdef uint64_t hashed
    out_hash, out_offset, out_odd = np.empty(n, np.uint64), np.empty(n, np.uint32), np.empty(n, np.uint32)
    cdef uint64_t[::1] hashes = out_hash
    cdef uint32_t[::1] found = out_offset, odds = out_odd
    with nogil:
        for k in range(n):
            if name_at(data, offsets[k], size, &begin, &stop):
                hashed = <uint64_t>0xCBF29CE484222325
                for i in range(stop - 1, begin - 1, -1):
                    hashed = grown(hashed, data[i])
                hashes[named], found[named] = mixed(hashed), offsets[k]
                named += 1
            else:
                odds[odd] = offsets[k]
                odd += 1
    return out_hash[:named].copy(), out_offset[:named].copy(), out_odd[:odd].copy()


cdef bint name_at(
    const uint8_t[::1] data, Py_ssize_t i, Py_ssize_t size, Py_ssize_t* begin, Py_ssize_t* stop
) except -1 nogil:
    """Find the name in a line; returns whether there is one."""
    cdef Py_ssize_t dots = 0, start, label
    cdef bint letter = False
    cdef uint8_t byte
    while i < size and is_blank(data[i]):
        i += 1
    if i + 1 < size and data[i] == 124 and data[i + 1] == 124:
        i += 2
    elif i + 1 < size and data[i] == 42 and data[i + 1] == 46:
        i += 2
    elif i < size and data[i] == 46:
        i += 1
    start = label = i
    while i < size:
        byte = data[i]
        if byte == 46:
            if i == label:
                return False
            dots += 1
            label = i + 1
            letter = False
        elif 97 <= byte <= 122 or 65 <= byte <= 90 or byte == 95 or byte == 45:
            letter = True
        elif not 48 <= byte <= 57:
            break
        i += 1
    if i < size and not (is_blank(data[i]) or data[i] == 10 or data[i] == 35 or data[i] == 59 or data[i] == 94):
        return False
    if dots == 0 or not letter or i == label or i - start > NAME:
        return False
    begin[0], stop[0] = start, i
    return True
