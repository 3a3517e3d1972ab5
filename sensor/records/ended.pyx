# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Ended flows: the ends of a connection, and its state in the terms of Zeek."""

from libc.stdint cimport int32_t, uint8_t, uint64_t

import numpy as np

from sensor.core.flow import Reason
from sensor.core.ip_protocols import ICMP, ICMPV6, TCP
from sensor.records.block import CONNECTION, HEAD
from sensor.records.buffer cimport Head
from sensor.records.recorded cimport Ended
from sensor.records.traces import LETTERS

STATES = ("OTH", "S0", "S1", "S2", "S3", "SF", "REJ", "RSTO", "RSTR", "RSTOS0", "SH", "SHR", "RSTRH")

cdef enum:
    SYN = 2
    ACK = 16
    OTH = 0
    S0
    S1
    S2
    S3
    SF
    REJ
    RSTO
    RSTR
    RSTOS0
    SH
    SHR
    RSTRH

cdef uint8_t IS_TCP = TCP, IS_ICMP = ICMP, IS_ICMPV6 = ICMPV6, FINISHED = Reason.FINISHED
cdef int CLIENT_FIN = LETTERS.index("F") + 1, SERVER_FIN = LETTERS.index("f") + 1


def heads(flows):
    """The ends of each flow, an array of CONNECTION, with the code of ICMP as the port of the server."""
    cdef const uint8_t[::1] raw = bytes_of(flows)
    out = np.zeros(len(flows), HEAD)
    cdef Head[::1] to = out
    cdef const Ended *one
    cdef Py_ssize_t i
    for i in range(to.shape[0]):
        one = <const Ended*>&raw[i * <Py_ssize_t>sizeof(Ended)]
        to[i].ts, to[i].flow = one.change.first, one.change.flow
        to[i].src_hi, to[i].src_lo = one.change.client_hi, one.change.client_lo
        to[i].dst_hi, to[i].dst_lo = one.change.server_hi, one.change.server_lo
        to[i].src_mac, to[i].dst_mac = one.change.client_mac, one.change.server_mac
        to[i].sport, to[i].dport = one.change.client_port, one.change.server_port
        to[i].vlan, to[i].source, to[i].proto = one.change.vlan, one.change.source, one.change.proto
        if one.change.proto == IS_ICMP or one.change.proto == IS_ICMPV6:
            to[i].dport = one.first_flags
    return out


def states(flows):
    """Zeek's connection state of each flow, an array of CONNECTION, as an index into ``STATES``."""
    cdef const uint8_t[::1] raw = bytes_of(flows)
    out = np.empty(len(flows), np.int32)
    cdef int32_t[::1] to = out
    cdef Py_ssize_t i
    for i in range(to.shape[0]):
        to[i] = state(<const Ended*>&raw[i * <Py_ssize_t>sizeof(Ended)])
    return out


def bytes_of(flows):
    """The bytes of an array of CONNECTION."""
    if flows.dtype != CONNECTION or CONNECTION.itemsize != sizeof(Ended):
        raise TypeError(f"found {flows.dtype}, expected ended flows of {sizeof(Ended)} bytes")
    return np.ascontiguousarray(flows).view(np.uint8)


cdef int state(const Ended *one) noexcept nogil:  # arithmetic only: nothing can fail
    cdef bint opened = one.first_flags & (SYN | ACK) == SYN, turned = one.first_flags & (SYN | ACK) == (SYN | ACK)
    cdef bint answered = one.change.answered != 0
    cdef bint closing = has(one.letters, CLIENT_FIN), closed = has(one.letters, SERVER_FIN)
    if one.change.proto != IS_TCP:
        if one.change.server_packets == 0:
            return S0
        return SF if one.change.client_packets else SHR
    if turned and one.reset_by == 2:
        return RSTRH
    if turned and not answered:
        return SHR
    if not opened:
        return OTH
    if not answered:
        return REJ if one.reset_by == 2 else RSTOS0 if one.reset_by == 1 else SH if closing else S0
    if one.change.reason == FINISHED:
        return SF
    if one.reset_by == 1 or one.reset_by == 2:
        return RSTO if one.reset_by == 1 else RSTR
    if closing != closed:
        return S2 if closing else S3
    return S1


cdef bint has(uint64_t letters, int letter) noexcept nogil:  # arithmetic only: nothing can fail
    """Whether a history, four bits for each letter, contains a letter."""
    while letters:
        if <int>(letters & 15) == letter:
            return True
        letters >>= 4
    return False
