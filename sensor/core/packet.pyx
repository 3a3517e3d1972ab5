# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False
"""Packet: one selected row as a Python object, for dissectors and their events.

Fields are C values until they are read. The payload is a copy (at most 64 KiB), so a packet may outlive its batch;
store only few packets. Addresses are 128-bit integers (IPv4 as ::ffff:a.b.c.d), MACs 48-bit integers, ``ts`` ns since
the epoch. For an IP fragment, ``fragment_at`` is the offset in bytes, ``seq`` the identification of its datagram and
``tcp_flags`` 1 if more fragments follow. ``ack`` is -1 if the segment acknowledges nothing.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from sensor.core.row cimport CUT, ONE_SIDED, Row, acknowledged


cdef object address(uint64_t hi, uint64_t lo):
    if hi == 0:
        return lo
    return (<object>hi << 64) | lo


cdef class Packet:
    def __init__(
        self, bytes payload=b"", *, ts=0, src=0, dst=0, src_mac=0, dst_mac=0, sport=0, dport=0, vlan=0,
        ethertype=0x0800, ip_version=4, proto=17,
        ttl=64, tcp_flags=0, seq=0, fragment=0, problem=0, flow=0, slot=-1, source=0, link=1, tunnels=0, direction=0,
        wirelen=None, fragment_at=0, ack=-1,
        bytes frame=None,
    ):
        self.payload, self.frame = payload, payload if frame is None else frame
        self.ts, self.src_mac, self.dst_mac, self.flow, self.slot = ts, src_mac, dst_mac, flow, slot
        self.src_hi, self.src_lo = src >> 64, src & 0xFFFFFFFFFFFFFFFF
        self.dst_hi, self.dst_lo = dst >> 64, dst & 0xFFFFFFFFFFFFFFFF
        self.sport, self.dport, self.vlan, self.ethertype = sport, dport, vlan, ethertype
        self.source, self.link, self.problem, self.ip_version = source, link, problem, ip_version
        self.proto, self.ttl, self.tcp_flags, self.fragment = proto, ttl, tcp_flags, fragment
        self.tunnels, self.direction, self.fragment_at = tunnels, direction, fragment_at
        self.ack, self.seq, self.wirelen = ack, seq, len(self.frame) if wirelen is None else wirelen

    @property
    def src(self):
        """Source address as an integer; 0 if the frame has none."""
        if self._src is None:
            self._src = address(self.src_hi, self.src_lo)
        return self._src

    @property
    def dst(self):
        """Destination address as an integer; 0 if the frame has none."""
        if self._dst is None:
            self._dst = address(self.dst_hi, self.dst_lo)
        return self._dst

    @property
    def truncated(self):
        """Whether fewer bytes were captured than sent, so that a message may end early."""
        return bool(self.problem & CUT)

    @property
    def cut_off(self):
        """Bytes of a TCP segment behind the captured payload."""
        return self.ethertype if self.problem & CUT and self.proto == 6 and self.ip_version else 0

    @property
    def one_sided(self):
        """Whether the capture holds no packet of the other end of the TCP connection although both ends must have sent
        some.
        """
        return bool(self.problem & ONE_SIDED)

    def with_payload(self, bytes payload):
        """A copy of the packet, not truncated, with another payload: a message reassembled from a stream or from
        fragments.
        """
        return Packet(
            payload, ts=self.ts, src=self.src, dst=self.dst, src_mac=self.src_mac, dst_mac=self.dst_mac,
            sport=self.sport, dport=self.dport,
            vlan=self.vlan, ethertype=self.ethertype, ip_version=self.ip_version, proto=self.proto, ttl=self.ttl,
            tcp_flags=self.tcp_flags, seq=self.seq, ack=self.ack, problem=self.problem, flow=self.flow,
            slot=self.slot, source=self.source, link=self.link,
            tunnels=self.tunnels, direction=self.direction, wirelen=self.wirelen, frame=self.frame,
        )

    def __repr__(self):
        ends = f"src={self.src:#x}:{self.sport}, dst={self.dst:#x}:{self.dport}, proto={self.proto}"
        return f"Packet({len(self.payload)} bytes, ts={self.ts}, {ends})"


cdef class Packets:
    """Makes packets from the decoded rows of one batch."""

    def __init__(self, const uint8_t[::1] data, Row[::1] rows):
        self.data, self.rows = data, rows

    cdef bytes cut(self, int64_t start, uint32_t size):
        """A copy of some bytes of the block. Raises IndexError if they lie outside, which only a faulty source can
        cause.
        """
        if size == 0:
            return b""
        if start < 0 or start + size > self.data.shape[0]:
            raise IndexError(f"bytes {start}+{size} of a block of {self.data.shape[0]}")
        return (<const char*>&self.data[0] + start)[:size]

    cpdef Packet at(self, Py_ssize_t index):
        """The packet of row ``index``."""
        cdef Row* row = &self.rows[index]
        cdef Packet packet = Packet.__new__(Packet)
        packet.payload = self.cut(row.frame + row.payload, row.payload_len)
        packet.frame = self.cut(row.frame, row.caplen)
        packet.ts = row.ts
        packet.src_mac = row.src_mac
        packet.dst_mac = row.dst_mac
        packet.flow = row.flow
        packet.slot = row.slot
        packet.src_hi, packet.src_lo, packet.dst_hi, packet.dst_lo = row.src_hi, row.src_lo, row.dst_hi, row.dst_lo
        packet.sport, packet.dport, packet.vlan, packet.ethertype = row.sport, row.dport, row.vlan, row.ethertype
        packet.source = row.source
        packet.link = row.link
        packet.problem = row.problem
        packet.ip_version = row.ip_version
        packet.proto, packet.ttl, packet.fragment, packet.tcp_flags = row.proto, row.ttl, row.fragment, row.tcp_flags
        packet.tunnels, packet.direction, packet.seq, packet.wirelen = row.tunnels, row.direction, row.seq, row.wirelen
        packet.ack = acknowledged(row, &self.data[row.frame]) if row.proto == 6 and row.caplen else -1
        packet.fragment_at = <uint32_t>row.spare * 8 if row.fragment else 0
        return packet
