# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False
"""Packet: one selected row as a Python object, for dissectors and the events they make.

Fields are C values until read. The payload is a copy (at most 64 KiB), so a packet may outlive its batch; whoever keeps packets keeps
few of them. Addresses are 128-bit integers (IPv4 as ::ffff:a.b.c.d), MACs 48-bit integers, ``ts`` ns since the epoch.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from sensor.core.row cimport CUT, Row


cdef object address(uint64_t hi, uint64_t lo):
    if hi == 0:
        return lo
    return (<object>hi << 64) | lo


cdef class Packet:
    cdef readonly int64_t ts
    cdef readonly uint64_t src_mac, dst_mac, flow
    cdef readonly uint32_t wirelen, seq
    cdef readonly int32_t slot
    cdef readonly uint16_t source, link, vlan, ethertype, sport, dport, problem
    cdef readonly uint8_t ip_version, proto, ttl, fragment, tcp_flags, tunnels, direction
    cdef readonly bytes payload
    cdef readonly bytes frame
    cdef uint64_t src_hi, src_lo, dst_hi, dst_lo
    cdef object _src, _dst

    def __init__(
        self, bytes payload=b"", *, ts=0, src=0, dst=0, src_mac=0, dst_mac=0, sport=0, dport=0, vlan=0, ethertype=0x0800, ip_version=4, proto=17, ttl=64,
        tcp_flags=0, seq=0, fragment=0, problem=0, flow=0, slot=-1, source=0, link=1, tunnels=0, direction=0, wirelen=None, bytes frame=None,
    ):
        self.payload, self.frame = payload, payload if frame is None else frame
        self.ts, self.src_mac, self.dst_mac, self.flow, self.slot = ts, src_mac, dst_mac, flow, slot
        self.src_hi, self.src_lo, self.dst_hi, self.dst_lo = src >> 64, src & 0xFFFFFFFFFFFFFFFF, dst >> 64, dst & 0xFFFFFFFFFFFFFFFF
        self.sport, self.dport, self.vlan, self.ethertype, self.source, self.link, self.problem = sport, dport, vlan, ethertype, source, link, problem
        self.ip_version, self.proto, self.ttl, self.fragment, self.tcp_flags, self.tunnels, self.direction = ip_version, proto, ttl, fragment, tcp_flags, tunnels, direction
        self.seq, self.wirelen = seq, len(self.frame) if wirelen is None else wirelen

    @property
    def src(self):
        """Source address as an integer; 0 where the frame has none."""
        if self._src is None:
            self._src = address(self.src_hi, self.src_lo)
        return self._src

    @property
    def dst(self):
        """Destination address as an integer; 0 where the frame has none."""
        if self._dst is None:
            self._dst = address(self.dst_hi, self.dst_lo)
        return self._dst

    @property
    def truncated(self):
        """True where the capture holds fewer bytes than were on the wire, so that a message may rightly end early."""
        return bool(self.problem & CUT)

    def with_payload(self, bytes payload):
        """The same packet with other payload bytes: a message put together from a stream or from fragments."""
        cdef Packet other = Packet.__new__(Packet)
        other.ts, other.src_mac, other.dst_mac, other.flow, other.slot = self.ts, self.src_mac, self.dst_mac, self.flow, self.slot
        other.src_hi, other.src_lo, other.dst_hi, other.dst_lo = self.src_hi, self.src_lo, self.dst_hi, self.dst_lo
        other.sport, other.dport, other.vlan, other.ethertype, other.source, other.link, other.problem = self.sport, self.dport, self.vlan, self.ethertype, self.source, self.link, self.problem
        other.ip_version, other.proto, other.ttl, other.fragment, other.tcp_flags, other.tunnels, other.direction = self.ip_version, self.proto, self.ttl, self.fragment, self.tcp_flags, self.tunnels, self.direction
        other.seq, other.wirelen, other.payload, other.frame = self.seq, self.wirelen, payload, self.frame
        return other

    def __repr__(self):
        return f"Packet({len(self.payload)} bytes, ts={self.ts}, src={self.src:#x}:{self.sport}, dst={self.dst:#x}:{self.dport}, proto={self.proto})"


def packet_at(const uint8_t[::1] data, Row[::1] rows, Py_ssize_t index):
    """The packet of one decoded row. IndexError where the row points outside the block."""
    cdef Row row = rows[index]
    cdef Packet packet = Packet.__new__(Packet)
    cdef int64_t start = row.frame + row.payload
    if row.frame < 0 or row.frame + row.caplen > data.shape[0] or row.payload + row.payload_len > row.caplen:
        raise IndexError(f"row {index}: frame {row.frame}+{row.caplen}, payload {row.payload}+{row.payload_len}, block {data.shape[0]}")
    packet.payload = (<const char*>&data[0] + start)[:row.payload_len] if row.payload_len else b""
    packet.ts, packet.src_mac, packet.dst_mac, packet.flow, packet.slot = row.ts, row.src_mac, row.dst_mac, row.flow, row.slot
    packet.src_hi, packet.src_lo, packet.dst_hi, packet.dst_lo = row.src_hi, row.src_lo, row.dst_hi, row.dst_lo
    packet.sport, packet.dport, packet.vlan, packet.ethertype, packet.source, packet.link, packet.problem = row.sport, row.dport, row.vlan, row.ethertype, row.source, row.link, row.problem
    packet.ip_version, packet.proto, packet.ttl, packet.fragment, packet.tcp_flags, packet.tunnels, packet.direction = row.ip_version, row.proto, row.ttl, row.fragment, row.tcp_flags, row.tunnels, row.direction
    packet.seq, packet.wirelen = row.seq, row.wirelen
    packet.frame = (<const char*>&data[0] + row.frame)[:row.caplen] if row.caplen else b""
    return packet
