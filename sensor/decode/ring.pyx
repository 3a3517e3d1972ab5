# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Parses the blocks of an AF_PACKET ring, version 3 (Linux, Documentation/networking/packet_mmap.rst), and writes one
row for each frame.

Frames are not copied: rows point into the ring. Offsets come from the operating system's kernel, yet every one is
checked against its block, so that a corrupt block costs rows and never memory. Stateless:
``sensor.capture.packet_ring`` keeps track of blocks in use.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset

from sensor.core.row cimport Row

cdef extern from *:
    """
    #if defined(__GNUC__)
    static inline unsigned int sensor_load(const void *at) {
        return __atomic_load_n((const unsigned int *)at, __ATOMIC_ACQUIRE);
    }
    static inline void sensor_store(void *at, unsigned int value) {
        __atomic_store_n((unsigned int *)at, value, __ATOMIC_RELEASE);
    }
    #else
    static inline unsigned int sensor_load(const void *at) { return *(const volatile unsigned int *)at; }
    static inline void sensor_store(void *at, unsigned int value) { *(volatile unsigned int *)at = value; }
    #endif
    """
    uint32_t sensor_load(const void* at) nogil
    void sensor_store(void* at, uint32_t value) nogil

# struct tpacket_block_desc with tpacket_hdr_v1
cdef enum:
    BLOCK_STATUS = 8
    BLOCK_PACKETS = 12
    BLOCK_FIRST = 16
    BLOCK_FIRST_SEC = 32
    BLOCK_LAST_SEC = 40
    BLOCK_HEADER = 48
    BLOCK_OURS = 1         # TP_STATUS_USER

# struct tpacket3_hdr, and the struct sockaddr_ll behind it
cdef enum:
    NEXT_OFFSET = 0
    SEC = 4
    NSEC = 8
    SNAPLEN = 12
    LEN = 16
    STATUS = 20
    MAC = 24
    NET = 26
    VLAN_TCI = 32
    FRAME_HEADER = 48
    LL_PROTOCOL = 50
    LL_HARDWARE = 56
    LL_PACKET_TYPE = 58
    LL_ADDRESS_LENGTH = 59
    LL_ADDRESS = 60
    FRAME_HEADERS = 68     # size of both
    VLAN_VALID = 16        # TP_STATUS_VLAN_VALID

# Where a frame begins: values of ``layer``.
cdef enum:
    AT_LINK = 0            # at its link header
    AT_NETWORK = 1         # at its network header; earlier bytes are left out
    COOKED = 2             # at a cooked header (link type 113), which is written before the network header
    COOKED_HEADER = 16


cdef inline int inside(const uint8_t[::1] data, Py_ssize_t off, Py_ssize_t size) except -1 nogil:
    if off < 0 or off + size > data.shape[0]:
        raise IndexError("outside the ring")
    return 0


cdef inline int64_t u32(const uint8_t[::1] data, Py_ssize_t off) except -1 nogil:
    cdef uint32_t value
    inside(data, off, 4)
    memcpy(&value, &data[off], 4)
    return value


cdef inline int u16(const uint8_t[::1] data, Py_ssize_t off) except -1 nogil:
    cdef uint16_t value
    inside(data, off, 2)
    memcpy(&value, &data[off], 2)
    return value


cdef inline int cook(uint8_t[::1] data, Py_ssize_t at, Py_ssize_t out) except -1 nogil:
    """Write a cooked header (tcpdump.org, LINKTYPE_LINUX_SLL) at ``out`` from the address structure of the frame at
    ``at``. There is room: the kernel reserves 16 bytes.
    """
    cdef uint16_t hardware = u16(data, at + LL_HARDWARE)
    cdef uint8_t header[COOKED_HEADER]
    inside(data, out, COOKED_HEADER)
    memset(header, 0, COOKED_HEADER)
    header[1] = data[at + LL_PACKET_TYPE]
    header[2] = hardware >> 8
    header[3] = hardware & 0xFF
    header[5] = data[at + LL_ADDRESS_LENGTH]
    memcpy(&header[6], &data[at + LL_ADDRESS], 8)
    memcpy(&header[14], &data[at + LL_PROTOCOL], 2)  # both in network byte order
    memcpy(&data[out], header, COOKED_HEADER)
    return 0


cdef inline int one(uint8_t[::1] data, Py_ssize_t at, Py_ssize_t end, Row* row, int layer) except -1 nogil:
    """Fill the row of the frame whose header is at ``at``; returns 1, or 0 if its offsets are invalid."""
    cdef Py_ssize_t mac = u16(data, at + MAC), net = u16(data, at + NET), caplen = u32(data, at + SNAPLEN)
    cdef Py_ssize_t wirelen = u32(data, at + LEN)
    cdef Py_ssize_t start = mac
    if mac < FRAME_HEADERS or at + mac + caplen > end:
        return 0
    if layer != AT_LINK:
        start = net - COOKED_HEADER if layer == COOKED else net
        if net < mac or start < FRAME_HEADERS or net > mac + caplen:
            return 0
        if layer == COOKED:
            cook(data, at, at + start)
        caplen += mac - start
        wirelen += mac - start
    memset(row, 0, sizeof(Row))
    row.ts = <int64_t>u32(data, at + SEC) * 1000000000 + u32(data, at + NSEC)
    row.frame = at + start
    row.caplen = <uint32_t>caplen
    row.wirelen = <uint32_t>(wirelen if wirelen > caplen else caplen)
    if u32(data, at + STATUS) & VLAN_VALID:  # the kernel or the network card removed the tag from the frame
        row.vlan = u32(data, at + VLAN_TCI) & 0x0FFF
        row.spare = 1
    return 1


def ours(const uint8_t[::1] data, Py_ssize_t start):
    """Whether the kernel has released the block at ``start`` to the reader."""
    inside(data, start, BLOCK_HEADER)
    return bool(sensor_load(&data[start + BLOCK_STATUS]) & BLOCK_OURS)


def give_back(uint8_t[::1] data, Py_ssize_t start):
    """Return the block at ``start`` to the kernel, which may then overwrite its frames."""
    inside(data, start, BLOCK_HEADER)
    sensor_store(&data[start + BLOCK_STATUS], 0)


def packets(const uint8_t[::1] data, Py_ssize_t start):
    """Number of frames that the block at ``start`` claims to hold."""
    inside(data, start, BLOCK_HEADER)
    return u32(data, start + BLOCK_PACKETS)


def times(const uint8_t[::1] data, Py_ssize_t start):
    """Capture times of the first and last frame in the block, ns since the epoch.

    The first time is read from the first frame: the one in the block header is when the block was opened, possibly long
    before.
    """
    inside(data, start, BLOCK_HEADER)
    cdef int64_t first = <int64_t>u32(data, start + BLOCK_FIRST_SEC) * 1000000000 + u32(
        data, start + BLOCK_FIRST_SEC + 4
    )
    cdef int64_t last = <int64_t>u32(data, start + BLOCK_LAST_SEC) * 1000000000 + u32(data, start + BLOCK_LAST_SEC + 4)
    cdef Py_ssize_t at = start + u32(data, start + BLOCK_FIRST)
    if u32(data, start + BLOCK_PACKETS) and start + BLOCK_HEADER <= at <= data.shape[0] - FRAME_HEADERS:
        first = <int64_t>u32(data, at + SEC) * 1000000000 + u32(data, at + NSEC)
    return first, last


def walk(
    uint8_t[::1] data, Py_ssize_t start, Py_ssize_t size, Row[::1] rows, Py_ssize_t filled, int link, int source,
    int layer,
):
    """Write the frames of the block ``data[start:start + size]`` to ``rows``, starting at index ``filled``.

    Returns (number of rows filled, number of frames left out). A frame is left out if its offsets leave the block,
    together with all frames after it if the next one is outside; frames without a free row are left out too, so pass at
    least ``packets(data, start)`` free rows.
    """
    cdef Py_ssize_t at, end, step
    cdef int64_t left
    if size < BLOCK_HEADER:
        raise IndexError("a block is larger than its header")
    inside(data, start, size)
    if filled < 0 or filled > rows.shape[0]:
        raise IndexError("outside the rows")
    cdef int64_t broken = 0
    with nogil:
        end = start + size
        left = u32(data, start + BLOCK_PACKETS)
        at = start + u32(data, start + BLOCK_FIRST)
        while left > 0 and filled < rows.shape[0] and at >= start + BLOCK_HEADER and at + FRAME_HEADERS <= end:
            left -= 1
            if one(data, at, end, &rows[filled], layer):
                rows[filled].link = <uint16_t>link
                rows[filled].source = <uint16_t>source
                filled += 1
            else:
                broken += 1
            step = u32(data, at + NEXT_OFFSET)
            if step < FRAME_HEADERS:
                break
            at += step
    return filled, broken + left
