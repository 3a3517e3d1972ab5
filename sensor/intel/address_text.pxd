# Parses addresses and networks in lines of threat lists.
from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef extern from "<sys/socket.h>" nogil:
    int AF_INET6

cdef extern from "<arpa/inet.h>" nogil:
    int inet_pton(int family, const char* text, void* address)


cdef enum:
    WORD = 45  # the longest IPv6 address as text


cdef inline Py_ssize_t length(
    const uint8_t[::1] data, Py_ssize_t i, Py_ssize_t stop, int most, int* bits
) except -1 nogil:
    """Parse the text after an address: ``/`` and a length of at most ``most``, or nothing; then a blank or the end, and
    no sign of a range. -2 otherwise.
    """
    cdef int number = 0, digits = 0
    bits[0] = most
    if i < stop and data[i] == 47:
        i += 1
        while i < stop and 48 <= data[i] <= 57 and digits < 3:
            number = number * 10 + data[i] - 48
            digits += 1
            i += 1
        if digits == 0 or number > most:
            return -2
        bits[0] = number
    if i < stop and not (data[i] == 32 or data[i] == 9 or data[i] == 13 or data[i] == 35 or data[i] == 59):
        return -2
    while i < stop and (data[i] == 32 or data[i] == 9):
        i += 1
    return -2 if i < stop and data[i] == 45 else i


cdef inline bint dotted(
    const uint8_t[::1] data, Py_ssize_t i, Py_ssize_t stop, uint64_t* hi, uint64_t* lo, int* bits
) except -1 nogil:
    """A dotted quad with or without a prefix length. Host bits are cleared."""
    cdef int part, digits
    cdef uint32_t number, whole = 0
    for part in range(4):
        number, digits = 0, 0
        while i < stop and 48 <= data[i] <= 57 and digits < 3:
            if digits and number == 0:
                return False
            number = number * 10 + data[i] - 48
            digits += 1
            i += 1
        if digits == 0 or number > 255:
            return False
        whole = whole << 8 | number
        if part < 3:
            if i >= stop or data[i] != 46:
                return False
            i += 1
    if length(data, i, stop, 32, bits) == -2:
        return False
    hi[0], lo[0] = 0, <uint64_t>0xFFFF << 32 | (0 if bits[0] == 0 else whole & (<uint32_t>0xFFFFFFFF << (32 - bits[0])))
    bits[0] += 96
    return True


cdef inline bint colons(
    const uint8_t[::1] data, Py_ssize_t i, Py_ssize_t stop, uint64_t* hi, uint64_t* lo, int* bits
) except -1 nogil:
    """An IPv6 address with or without a prefix length. Host bits are cleared."""
    cdef char[WORD + 1] word
    cdef uint8_t[16] raw
    cdef int size = 0, k
    while (
        i < stop
        and size < WORD
        and (48 <= data[i] <= 58 or 65 <= data[i] <= 70 or 97 <= data[i] <= 102 or data[i] == 46)
    ):
        word[size] = data[i]
        size += 1
        i += 1
    word[size] = 0
    if inet_pton(AF_INET6, word, raw) != 1 or length(data, i, stop, 128, bits) == -2:
        return False
    hi[0] = lo[0] = 0
    for k in range(8):
        hi[0], lo[0] = hi[0] << 8 | raw[k], lo[0] << 8 | raw[8 + k]
    if bits[0] <= 64:
        lo[0] = 0
        hi[0] &= 0 if bits[0] == 0 else <uint64_t>0xFFFFFFFFFFFFFFFF << (64 - bits[0])
    else:
        lo[0] &= <uint64_t>0xFFFFFFFFFFFFFFFF << (128 - bits[0])
    return True
