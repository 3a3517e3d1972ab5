# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Kernel for detectors: flow changes as contacts of one host with another."""

from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

import numpy as np

from sensor.core.change cimport Change
from sensor.counting.contact_rows cimport (
    CHANGE_ANSWERED, CHANGE_ENDED, CHANGE_NEW, CHANGE_PROGRESS, CHANGE_REFUSED, CLIENT_INSIDE, DHCP6_CLIENT,
    DHCP6_SERVER, DHCP_CLIENT, DHCP_SERVER, ECHO, ECHO6, ICMP, ICMP6, LONE_PACKETS, MDNS, MINUTE, REASON_EVICTED,
    SCTP, SERVER_INSIDE, TCP, UDP, Attempt, Contact, End,
)
from sensor.counting.shared cimport ANSWERED, FAILED, OPENED, SKIP, joined, mix

CONTACT = np.dtype(
    [(name, "u8") for name in ("client", "server", "attempt_key", "block")]
    + [("ts", "i8"), ("since", "i8"), ("service", "u4"), ("row", "i4"), ("client_port", "u2"), ("spare", "u2")]
    + [("op", "i1"), ("step", "i1"), ("kind", "u1"), ("flags", "u1")]
)
ATTEMPT = np.dtype([
    ("key", "u8"), ("value", "u8"), ("ts", "i8"), ("since", "i8"), ("at", "i4"), ("op", "i1"), ("spare", "u1"),
    ("more", "u2"),
])
END = np.dtype([
    ("ts", "i8"), ("mac", "u8"), ("hi", "u8"), ("lo", "u8"), ("row", "i4"), ("vlan", "u2"), ("spare", "u2")
])


cdef inline uint64_t folded(uint64_t hi, uint64_t lo) noexcept nogil:  # arithmetic only
    return lo if hi == 0 else mix(mix(hi) ^ lo) | <uint64_t>1 << 63


def fold(const uint64_t[:] hi, const uint64_t[:] lo):
    """One 64-bit value per address. If ``hi`` is 0, as for IPv4-mapped addresses, it is ``lo`` itself; otherwise a hash
    with the highest bit set.
    """
    cdef Py_ssize_t i, n = hi.shape[0]
    if lo.shape[0] != n:
        raise ValueError(f"{n} high halves, {lo.shape[0]} low halves")
    out = np.empty(n, np.uint64)
    cdef uint64_t[::1] values = out
    with nogil:
        for i in range(n):
            values[i] = folded(hi[i], lo[i])
    return out


def combine(const uint64_t[:] one, const uint64_t[:] other):
    """A hash of two columns, row by row; the order of the two matters."""
    cdef Py_ssize_t i, n = one.shape[0]
    if other.shape[0] != n:
        raise ValueError(f"columns of {n} and {other.shape[0]} rows")
    out = np.empty(n, np.uint64)
    cdef uint64_t[::1] mixed = out
    with nogil:
        for i in range(n):
            mixed[i] = joined(one[i], other[i])
    return out


cdef inline bint is_group(Change* change) noexcept nogil:  # arithmetic only
    """Whether the destination is not a single host: group MAC, multicast, broadcast and unspecified addresses."""
    if change.server_mac >> 40 & 1 or change.server_hi >> 56 == 0xFF:
        return True
    return change.server_hi == 0 and (change.server_lo > <uint64_t>0xFFFFDFFFFFFF or <uint32_t>change.server_lo == 0)


cdef inline bint is_lease(Change* change) noexcept nogil:  # arithmetic only
    """Whether this is a DHCP server's message to a client: the request was a broadcast, so the reply looks like a first
    contact without an answer.
    """
    if change.proto != UDP:
        return False
    return (change.client_port == DHCP_SERVER and change.server_port == DHCP_CLIENT) or (
        change.client_port == DHCP6_SERVER and change.server_port == DHCP6_CLIENT
    )


cdef inline bint is_mdns_answer(Change* change) noexcept nogil:  # arithmetic only
    """Whether this is a unicast answer to a multicast query (RFC 6762 section 5.4), as a printer sends to many hosts
    when they wake up.
    """
    return change.proto == UDP and change.client_port == MDNS and change.server_port == MDNS


cdef class Blocks:
    """The internal address blocks, as sorted (first, last) pairs of 128-bit numbers; IPv4 is looked up in a table of
    the upper 16 bits.
    """

    cdef uint64_t[:, ::1] bounds
    cdef uint8_t[::1] table

    def __init__(self, blocks):
        low = 2**64 - 1
        self.bounds = np.array(
            [(first >> 64, first & low, last >> 64, last & low) for first, last in blocks], np.uint64
        ).reshape(-1, 4)
        self.table = np.zeros(65536, np.uint8)
        for first, last in blocks:
            if first >> 32 == 0xFFFF:
                for part in range((first & 0xFFFFFFFF) >> 16, ((last & 0xFFFFFFFF) >> 16) + 1):
                    self.table[part] = max(
                        self.table[part],
                        2 if (part << 16) >= first & 0xFFFFFFFF and (part << 16 | 0xFFFF) <= last & 0xFFFFFFFF else 1,
                    )

    cdef inline bint hold(self, uint64_t hi, uint64_t lo) except -1 nogil:
        """Whether one of the blocks contains an address."""
        cdef Py_ssize_t k
        cdef int known
        if hi == 0 and lo >> 32 == 0xFFFF:
            known = self.table[<uint16_t>(lo >> 16)]
            if known != 1:
                return known == 2
        for k in range(self.bounds.shape[0]):
            if hi < self.bounds[k, 0] or (hi == self.bounds[k, 0] and lo < self.bounds[k, 1]):
                continue
            if hi < self.bounds[k, 2] or (hi == self.bounds[k, 2] and lo <= self.bounds[k, 3]):
                return True
        return False


def contacts(Change[::1] changes, Blocks inside, uint8_t[::1] seen):
    """The changes that are contacts of one host with another over TCP, SCTP, UDP or ping, as compact rows of CONTACT.

    Changes of kind PROGRESS are not contacts. ``row``: index in ``changes``; ``client`` and ``server``: folded;
    ``service``: port << 8 | protocol; ``op``: operation for DistinctWindow.follow; ``step``: for RateWindow, for flows
    without an answer; ``attempt_key`` and ``block``: hashes of client and service, and of the server's /24 (IPv6: the
    server) and protocol, 0 if neither ``op`` nor ``step`` is set and, for ``block``, no flow begins; ``flags``: client
    internal 1, server internal 2. ``seen`` records for TCP, UDP and ping whether both directions of a flow were seen so
    far, and is updated.

    A capture may show only one direction, in which all flows look unanswered. So an opening counts only if both
    directions of its protocol were seen before; until then, a TCP flow that ended after at most three packets of its
    client failed: one that was answered unseen would have continued.

    Answers to a broadcast or multicast request look like failed contacts of the server, many on one port: those of DHCP
    servers (67 to 68, DHCPv6 547 to 546) are not contacts; those of multicast DNS (5353 to 5353) are skipped by
    DistinctWindow, but count as a flood, because reflected ones are one. SSDP, WS-Discovery and LLMNR answers go to a
    new port each time, so that they do not add up; NetBIOS name answers go from 137 to 137, but scanners query from
    there too, so they count. No other unanswered traffic goes to many hosts: SNMP traps, syslog and flow records go to
    a collector or two, TFTP and RTP to individual ports, and TFTP is acknowledged.
    """
    cdef Py_ssize_t i, n = changes.shape[0], used = 0
    out = np.empty(n, CONTACT)
    cdef Contact[::1] found = out
    cdef Change* change
    cdef Contact* contact
    cdef int group
    if seen.shape[0] != 3:
        raise ValueError(f"seen has {seen.shape[0]} places: 3 are wanted")
    with nogil:
        for i in range(n):
            change = &changes[i]
            group = 0 if change.proto == TCP or change.proto == SCTP else 1 if change.proto == UDP else 2
            if (
                group == 2
                and not (
                    change.proto == ICMP and change.server_port == ECHO
                    or change.proto == ICMP6 and change.server_port == ECHO6
                )
            ):
                continue
            if change.kind == CHANGE_PROGRESS or is_group(change) or is_lease(change):
                continue
            if change.kind != CHANGE_NEW and change.client_packets and change.server_packets:
                seen[group] = 1
            contact = &found[used]
            used += 1
            contact.client = folded(change.client_hi, change.client_lo)
            contact.server = folded(change.server_hi, change.server_lo)
            contact.service = <uint32_t>change.server_port << 8 | change.proto
            contact.client_port = change.client_port
            contact.spare = 0
            contact.ts, contact.since, contact.row, contact.kind = change.ts, change.first, <int32_t>i, change.kind
            contact.flags = CLIENT_INSIDE if inside.hold(change.client_hi, change.client_lo) else 0
            if inside.hold(change.server_hi, change.server_lo):
                contact.flags |= SERVER_INSIDE
            contact.attempt_key = contact.block = 0
            classify(change, contact, seen[group])
            if is_mdns_answer(change):
                contact.op = SKIP
            if contact.op or contact.step:
                contact.attempt_key = joined(contact.client, contact.service)
            if contact.op or contact.step or change.kind == CHANGE_NEW:
                contact.block = joined(
                    contact.server & <uint64_t>0xFFFFFFFFFFFFFF00 if change.server_hi == 0 else contact.server,
                    change.proto,
                )
    return out[:used]


cdef inline int classify(Change* change, Contact* contact, bint lit) except -1 nogil:
    """Determine the contact operation of a change: fills ``op`` and ``step``."""
    cdef bint lone
    contact.op, contact.step = SKIP, 0
    if change.kind == CHANGE_NEW:
        if lit:
            contact.op, contact.step = OPENED, 1
    elif change.kind == CHANGE_ANSWERED:
        contact.op = ANSWERED
        if lit and change.ts - change.first < MINUTE * <int64_t>1000000000:
            contact.step = -1
    elif change.kind == CHANGE_REFUSED:
        contact.op = FAILED
    elif not change.answered:
        lone = change.proto == TCP or change.proto == SCTP
        lone = lone and change.client_packets <= LONE_PACKETS and change.server_packets == 0
        if lone and not lit:
            contact.step = 1
        if change.reason != REASON_EVICTED and (lit or lone):
            contact.op = FAILED
    return 0


def contact_attempts(Contact[::1] rows, const uint8_t[::1] far_ports):
    """The contacts with an ``op``, by client and service: those of internal servers, and those of external servers on a
    port of ``far_ports`` (65536 entries, 0: does not count). Two arrays of ATTEMPT: ``key`` is the contact's
    ``attempt_key``, ``value`` the server, ``at`` the index in ``rows``.
    """
    cdef Py_ssize_t i, n = rows.shape[0], near = 0, far = 0
    cdef Contact* contact
    close, distant = np.empty(n, ATTEMPT), np.empty(n, ATTEMPT)
    cdef Attempt[::1] inner = close, outer = distant
    if far_ports.shape[0] != 65536:
        raise ValueError(f"{far_ports.shape[0]} ports: 65536 are wanted")
    with nogil:
        for i in range(n):
            contact = &rows[i]
            if contact.op == SKIP:
                continue
            if contact.flags & SERVER_INSIDE:
                attempt(&inner[near], contact, i, contact.attempt_key, contact.server)
                near += 1
            elif far_ports[<uint16_t>(contact.service >> 8)]:
                attempt(&outer[far], contact, i, contact.attempt_key, contact.server)
                far += 1
    return close[:near], distant[:far]


def service_attempts(Contact[::1] rows, const uint8_t[::1] answer_ports, int udp_end):
    """The contacts with an ``op`` that request a service of TCP or SCTP, or of UDP below port ``udp_end`` unless the
    client's port is in ``answer_ports`` (65536 entries, not 0: an answer). An array of ATTEMPT: ``key`` is client,
    server and protocol, ``value`` the port.
    """
    cdef Py_ssize_t i, n = rows.shape[0], used = 0
    cdef Contact* contact
    cdef uint32_t proto, port
    cdef bint requests
    out = np.empty(n, ATTEMPT)
    cdef Attempt[::1] found = out
    if answer_ports.shape[0] != 65536:
        raise ValueError(f"{answer_ports.shape[0]} ports: 65536 are wanted")
    with nogil:
        for i in range(n):
            contact = &rows[i]
            if contact.op == SKIP:
                continue
            proto, port = contact.service & 0xFF, contact.service >> 8
            requests = proto == UDP and <int>port < udp_end and not answer_ports[contact.client_port]
            if proto == TCP or proto == SCTP or requests:
                attempt(&found[used], contact, i, joined(joined(contact.client, contact.server), proto), port)
                used += 1
    return out[:used]


# assignments only
cdef inline void attempt(Attempt* place, Contact* contact, Py_ssize_t at, uint64_t key, uint64_t value) noexcept nogil:
    place.key = key
    place.value = value
    place.ts = contact.ts
    place.since = contact.since
    place.at = <int32_t>at
    place.op = contact.op
    place.spare, place.more = 0, 0


def sessions(Contact[::1] rows, const uint8_t[::1] ports):
    """The contacts over TCP between internal hosts on ``ports`` (65536 entries, 0: not wanted) that were not refused.

    An array of ATTEMPT: ``key`` is the client, ``value`` server, service and kind of change, ``at`` the index among the
    changes.
    """
    cdef Py_ssize_t i, n = rows.shape[0], used = 0
    cdef Contact* contact
    out = np.empty(n, ATTEMPT)
    cdef Attempt[::1] found = out
    if ports.shape[0] != 65536:
        raise ValueError(f"{ports.shape[0]} ports: 65536 are wanted")
    with nogil:
        for i in range(n):
            contact = &rows[i]
            if (
                contact.flags & (CLIENT_INSIDE | SERVER_INSIDE) != CLIENT_INSIDE | SERVER_INSIDE
                or contact.kind == CHANGE_REFUSED
            ):
                continue
            if contact.service & 0xFF == TCP and ports[<uint16_t>(contact.service >> 8)]:
                attempt(
                    &found[used], contact, contact.row, contact.client,
                    joined(contact.server, <uint64_t>contact.service << 8 | contact.kind),
                )
                used += 1
    return out[:used]


def ends(Change[::1] changes, Blocks inside, uint32_t patient):
    """The endpoints of flows: both of an answered flow, and the client that sent ``patient`` packets without an answer.

    Endpoints with neither a MAC nor an internal address are left out. Returns an array of END (``row``: index in
    ``changes``) and one key each, made of MAC and address; external addresses are reduced to eight per MAC, because
    they only show that the MAC is a gateway's.
    """
    cdef Py_ssize_t i, n = changes.shape[0], used = 0
    cdef Change* change
    out, names = np.empty(2 * n, END), np.empty(2 * n, np.uint64)
    cdef End[::1] found = out
    cdef uint64_t[::1] keys = names
    with nogil:
        for i in range(n):
            change = &changes[i]
            if change.kind == CHANGE_ANSWERED:
                used += end_of(
                    &found[used], &keys[used], change, i, inside, change.client_mac, change.client_hi, change.client_lo
                )
                used += end_of(
                    &found[used], &keys[used], change, i, inside, change.server_mac, change.server_hi, change.server_lo
                )
            elif change.kind == CHANGE_ENDED and not change.answered and change.client_packets >= patient:
                used += end_of(
                    &found[used], &keys[used], change, i, inside, change.client_mac, change.client_hi, change.client_lo
                )
    return out[:used], names[:used]


cdef inline int end_of(
    End* place, uint64_t* key, Change* change, Py_ssize_t row, Blocks inside, uint64_t mac, uint64_t hi, uint64_t lo
) except -1 nogil:
    """Fill one entry; returns 0 if this endpoint carries no information."""
    cdef bint near = inside.hold(hi, lo)
    if not near and mac == 0:
        return 0
    place.ts = change.ts
    place.mac = mac
    place.hi = hi
    place.lo = lo
    place.row = <int32_t>row
    place.vlan = change.vlan
    place.spare = 0
    key[0] = (mac + 1) * <uint64_t>0x9E3779B97F4A7C15 ^ (hi ^ lo if near else ((hi ^ lo >> 8) & 7) + 1)
    return 1
