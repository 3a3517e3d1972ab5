# State of the recorder between batches: how messages are copied, counts, and ended flows as they are written.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from sensor.core.change cimport Change as ChangeRow

cdef enum:
    MOST_KINDS = 64
    NEW = 1
    ENDED = 4
    COUNTED = 1024           # (interface, VLAN) pairs counted separately; the last entry counts all others
    OTHER_VLANS = 0xFFFF
    COUNT_EVERY = 10         # seconds

# A field that is copied: its encoding, and its first slot in the native row.
cdef struct Field:
    int how
    uint32_t slot

cdef struct Program:
    int number               # number of the message kind; -1: not recorded
    int service              # index of its protocol; 0: none
    int fields
    Field[32] field

# Packets of one VLAN on one interface: sensor.records.block.COUNT, field for field.
ctypedef packed struct Count:
    int64_t first
    int64_t last
    uint64_t packets
    uint64_t bytes
    uint64_t lost
    uint64_t shed
    uint64_t dropped
    uint16_t source
    uint16_t vlan
    uint16_t used
    uint16_t spare

# Follows a Change, with further data of the flow: sensor.records.block.CONNECTION.
ctypedef packed struct Ended:
    ChangeRow change
    uint8_t first_flags      # TCP flags of its first packet, or its ICMP code
    uint8_t reset_by         # 1: the client, 2: the server, 0: none or unknown
    uint8_t traced           # whether the fields below are known
    uint8_t spare
    uint32_t missed          # bytes missing from the capture
    uint64_t letters         # sensor.records.traces.Trace
    uint64_t client_data     # bytes of payload
    uint64_t server_data
