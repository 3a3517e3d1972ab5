# One change of a flow: the memory layout of sensor.core.flow.CHANGE, field for field (tests compare the two).
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

ctypedef packed struct Change:
    int64_t ts
    int64_t first
    uint64_t flow
    uint64_t client_hi
    uint64_t client_lo
    uint64_t server_hi
    uint64_t server_lo
    uint64_t client_mac
    uint64_t server_mac
    uint64_t client_bytes
    uint64_t server_bytes
    uint32_t client_packets
    uint32_t server_packets
    int32_t row
    int32_t slot
    uint16_t client_port
    uint16_t server_port
    uint16_t vlan
    uint16_t source
    uint8_t kind
    uint8_t proto
    uint8_t reason
    uint8_t answered
    uint32_t spare
    int64_t last
