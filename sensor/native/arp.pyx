# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native ARP for IPv4 (RFC 826, 5227); ``sensor.dissectors.arp`` is the reference and also reads malformed messages."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from sensor.core.row cimport Row
from sensor.native.kinds cimport (
    ARP_ANNOUNCEMENT, ARP_REPLY, ARP_REQUEST, ARP_REQUEST_SENDER, ARP_REQUEST_SENDER_MAC, ARP_REQUEST_SLOTS,
    ARP_REQUEST_TARGET, FACT_ARP_ADDRESS,
)
from sensor.native.out cimport PUNT, TAKEN, Out, fact_about, message
from sensor.native.read cimport Bytes, u16, u32
from sensor.native.text cimport quad
from sensor.native.unit cimport native

cdef enum:
    SIZE = 28
    ETHERNET = 1
    IEEE_802 = 6
    IPV4 = 0x0800
    REQUEST = 1
    REPLY = 2
    ADDRESS_SIZES = 0x0604
    FIRST_HOST = 0x01000000  # lowest address that is not "this network"
    BEHIND_HOSTS = 0xE0

cdef uint64_t V4 = <uint64_t>0xFFFF << 32
cdef uint64_t GROUP = <uint64_t>1 << 40


cdef int dissect(const uint8_t* payload, uint32_t size, const Row* row, Out* out) except -1 nogil:
    cdef Bytes b
    cdef uint32_t link, network, sizes, operation, sender, target
    cdef uint64_t mac
    cdef uint64_t* fields
    if size < SIZE:
        return PUNT
    b.data, b.at, b.end, b.bad = payload, 0, size, False
    link, network, sizes, operation = u16(&b), u16(&b), u16(&b), u16(&b)
    if not (link == ETHERNET or link == IEEE_802) or network != IPV4 or not REQUEST <= operation <= REPLY:
        return TAKEN
    if sizes != ADDRESS_SIZES:
        return PUNT
    mac = <uint64_t>u16(&b) << 32
    mac |= u32(&b)
    sender = u32(&b)
    b.at += 6
    target = u32(&b)
    # All three have the same fields.
    fields = message(
        out,
        ARP_ANNOUNCEMENT if sender == target else ARP_REQUEST if operation == REQUEST else ARP_REPLY,
        ARP_REQUEST_SLOTS,
    )
    fields[ARP_REQUEST_SENDER_MAC] = mac
    fields[ARP_REQUEST_SENDER + 1] = V4 | sender if sender else 0
    fields[ARP_REQUEST_TARGET + 1] = V4 | target
    if mac and not mac & GROUP and sender >= FIRST_HOST and sender >> 24 < BEHIND_HOSTS:
        fact_about(out, FACT_ARP_ADDRESS, quad(out, sender), mac, 0, V4 | sender)
    return TAKEN


UNIT = native(dissect)
