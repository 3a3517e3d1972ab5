"""Tunnels: the row describes the inner packet, with the MACs and the VLAN of an inner frame."""

from __future__ import annotations

import struct

import pytest

from sensor.core.addresses import parse
from sensor.core.batch import Problem
from tests.decode.test_frames import address, first
from tests.decode.test_link_types import IP_SNAP
from tests.kit import MAC_A, MAC_B, ethernet, ipv4, ipv6, tcp, udp

INNER = ethernet(ipv4(udp(b"inside", 7000, 7001), 17, "192.168.9.1", "192.168.9.2"), 0x0800, src=0x0A0B0C0D0E0F)


@pytest.mark.parametrize(
    ("outer", "mac"),
    [
        (ipv4(struct.pack("!HH", 0, 0x0800) + INNER[14:], 47), 0),
        (ipv4(struct.pack("!HHI", 0x2000, 0x6558, 9) + INNER, 47), 0x0A0B0C0D0E0F),
        (ipv4(struct.pack("!HHHH", 0x2001, 0x6400, len(INNER), 9) + INNER, 47), 0x0A0B0C0D0E0F),
        (ipv4(struct.pack("!HH", 0, 0x88BE) + INNER, 47), 0x0A0B0C0D0E0F),
        (ipv4(struct.pack("!HHI", 0x1000, 0x88BE, 1) + bytes([0x10]) + bytes(7) + INNER, 47), 0x0A0B0C0D0E0F),
        (ipv4(struct.pack("!HHI", 0x1000, 0x22EB, 1) + bytes([0x20]) + bytes(11) + INNER, 47), 0x0A0B0C0D0E0F),
        (ipv4(INNER[14:], 4), 0),
        (ipv6(INNER[14:], 4), 0),
        (ipv4(udp(b"\x08\0\0\0\0\0\x05\0" + INNER, 5000, 4789), 17), 0x0A0B0C0D0E0F),
        (ipv4(udp(struct.pack("!BBHI", 1, 0, 0x6558, 0) + bytes(4) + INNER, 5000, 6081), 17), 0x0A0B0C0D0E0F),
        (ipv4(udp(struct.pack("!BBHI", 0x30, 255, len(INNER) - 14, 1) + INNER[14:], 2152, 2152), 17), 0),
        (
            ipv4(
                udp(struct.pack("!BBHI", 0x34, 255, 0, 1) + b"\0\0\0\x85" + b"\x01\0\0\0" + INNER[14:], 2152, 2152), 17
            ),
            0,
        ),
    ],
)
def test_tunnels(outer: bytes, mac: int) -> None:
    """The row describes the packet inside the tunnel; MACs are those of the inner frame, or none."""
    row = first(ethernet(outer, 0x86DD if outer[0] >> 4 == 6 else 0x0800))
    assert (row["tunnels"], row["sport"], row["dport"], row["payload_len"], row["src_mac"]) == (1, 7000, 7001, 6, mac)
    assert address(row, "src") == parse("192.168.9.1")


def capwap(flags: int, frame: bytes, words: int = 2) -> bytes:
    """A datagram of the data channel with a header of so many words; ``flags``: binding of 802.11 and bits."""
    return struct.pack("!I", words << 19 | 1 << 9 | flags) + bytes(4 * words - 4) + frame


def wireless(control: str, qos: bytes = b"") -> bytes:
    """INNER as a frame of 802.11 from a station with its MAC to an access point."""
    ends = bytes(6) + INNER[6:12] + INNER[:6]
    return bytes.fromhex(control) + bytes(2) + ends + bytes(2) + qos + IP_SNAP + INNER[14:]


TEREDO = ipv6(udp(b"inside", 7000, 7001), 17)


@pytest.mark.parametrize(
    ("ports", "payload", "mac"),
    [
        ((40000, 37008), b"\1\0\0\1\1" + INNER, 0x0A0B0C0D0E0F),
        ((40000, 37008), b"\1\1\0\1\x0a\1\xc0\0\1" + INNER, 0x0A0B0C0D0E0F),
        ((40000, 37008), b"\1\0\0\x12\1" + wireless("0801"), 0x0A0B0C0D0E0F),
        ((40000, 5247), capwap(0, INNER), 0x0A0B0C0D0E0F),
        ((5247, 40000), capwap(0, INNER), 0x0A0B0C0D0E0F),
        ((40000, 5247), capwap(0x100, wireless("0801")), 0x0A0B0C0D0E0F),
        ((40000, 5247), capwap(0x100, wireless("0108")), 0x0A0B0C0D0E0F),
        ((40000, 5247), capwap(0x110, wireless("0188", bytes(2)), 4), 0x0A0B0C0D0E0F),
        ((1701, 1701), b"\0\2\0\1\0\1\xff\3\0\x21" + INNER[14:], 0),
        ((1701, 1701), b"\x4a\2" + bytes(10) + b"\0\2xx\0\x21" + INNER[14:], 0),
        ((40000, 3544), TEREDO, 0),
        ((3544, 40000), b"\0\1\0\0" + bytes(9) + b"\0\0" + bytes(6) + TEREDO, 0),
    ],
)
def test_tunnels_by_port(ports: tuple[int, int], payload: bytes, mac: int) -> None:
    """Packet streams of MikroTik, frames between access points and controllers, L2TP and Teredo."""
    row = first(ethernet(ipv4(udp(payload, *ports), 17), 0x0800))
    assert (row["tunnels"], row["sport"], row["dport"], row["payload_len"], row["src_mac"]) == (1, 7000, 7001, 6, mac)
    assert row["problem"] == 0


@pytest.mark.parametrize(("control", "tunnels"), [("8801", 1), ("8841", 0)])
def test_frames_of_access_points_in_gre(control: str, tunnels: int) -> None:
    """Aruba's access points send unencrypted frames of 802.11 in GRE; encrypted ones remain packets of the tunnel."""
    row = first(ethernet(ipv4(struct.pack("!HH", 0, 0x8210) + wireless(control, bytes(2)), 47), 0x0800))
    assert (row["tunnels"], row["src_mac"]) == (tunnels, 0x0A0B0C0D0E0F if tunnels else MAC_A)
    assert row["problem"] == 0


@pytest.mark.parametrize(
    ("ports", "payload"),
    [
        ((53, 37008), struct.pack("!6H", 0x0101, 0x8180, 1, 0, 0, 0) + b"\1a\0\0\1\0\1"),
        ((40000, 37008), b"\1\0\0\1\x0a\xff\xff"),
        ((40000, 37008), b"\1\0\0\x12\1" + wireless("0841")),
        ((40000, 5247), capwap(0x100, wireless("0841"))),
        ((40000, 5247), capwap(0x100, wireless("0040"))),
        ((40000, 5247), capwap(0x08, bytes(20))),
        ((40000, 5247), capwap(0x80, INNER)),
        ((40000, 5247), b"\x01" + bytes(3) + b"\x16\xfe\xff" + bytes(40)),
        ((1701, 1701), b"\xc8\2\0\x14" + bytes(16)),
        ((1701, 1701), b"\0\2\0\1\0\1\xff\3\xc0\x21" + bytes(20)),
        ((40000, 3544), b"\0\1\xff\xff" + TEREDO),
        ((40000, 3544), TEREDO[:-1]),
    ],
)
def test_other_datagrams_on_ports_of_tunnels(ports: tuple[int, int], payload: bytes) -> None:
    """Other protocols, keep-alives, fragments, encrypted and management frames remain datagrams of their sender."""
    row = first(ethernet(ipv4(udp(payload, *ports), 17), 0x0800))
    assert (row["tunnels"], row["sport"], row["dport"], row["src_mac"]) == (0, *ports, MAC_A)
    assert (row["payload_len"], row["problem"]) == (len(payload), 0)


@pytest.mark.parametrize(("tagged", "vlan"), [(INNER[:12] + b"\x81\0\0\x07" + INNER[12:], 7), (INNER, 0)])
def test_a_mirrored_frame_has_a_vlan_of_its_own(tagged: bytes, vlan: int) -> None:
    """The VLAN in which a mirror session travels is not the one of the mirrored frame; of a packet in IP it is."""
    erspan = struct.pack("!HHI", 0x1000, 0x88BE, 1) + bytes([0x10]) + bytes(7) + tagged
    assert first(ethernet(ipv4(erspan, 47), 0x0800, vlan=30))["vlan"] == vlan
    assert first(ethernet(ipv4(INNER[14:], 4), 0x0800, vlan=30))["vlan"] == 30


@pytest.mark.parametrize(
    "inner",
    [
        ethernet(b"arp request bytes", 0x0806, src=9),
        b"\x01\x80\xc2\0\0\0" + bytes(5) + b"\x09\0\x08" + b"\x42\x42\3stp..",
    ],
)
def test_what_is_no_ip_in_a_tunnel(inner: bytes) -> None:
    """ERSPAN also carries ARP, LLDP and spanning tree, which do not get the protocol and addresses of the tunnel."""
    row = first(ethernet(ipv4(udp(b"\x08\0\0\0\0\0\x05\0" + inner, 5000, 4789), 17), 0x0800))
    assert (row["tunnels"], row["src_mac"], row["ip_version"], row["proto"]) == (1, 9, 0, 0)
    assert address(row, "src") == address(row, "dst") == 0


def test_nested_tunnels_end_at_the_limit() -> None:
    """Four tunnels are decapsulated; the fifth is reported as a problem."""
    packet = ipv4(udp(b"deep", 1, 2), 17)
    for depth in range(1, 6):
        packet = ipv4(packet, 4)
        row = first(ethernet(packet, 0x0800))
        assert row["tunnels"] == min(depth, 4)
        assert bool(row["problem"] & Problem.TUNNEL_DEPTH) == (depth > 4)


@pytest.mark.parametrize("word", [b"", bytes(4)])
@pytest.mark.parametrize("dst", [MAC_B, 0x0015655E5302, 0xB86ECE5E5302, 0xFFFFFFFFFFFF])
def test_a_pseudowire_with_and_without_a_control_word(word: bytes, dst: int) -> None:
    """Of an Ethernet frame behind an MPLS label, the MACs are those of the inner frame."""
    inner = ethernet(ipv4(tcp(b"hello", 1234, 80), 6), 0x0800, dst=dst)
    row = first(ethernet(struct.pack("!I", 16 << 12 | 0x100 | 64) + word + inner, 0x8847, src=9))
    assert (row["src_mac"], row["dst_mac"], row["dport"], row["payload_len"], row["problem"]) == (MAC_A, dst, 80, 5, 0)


def test_an_associated_channel_is_no_frame() -> None:
    """Control messages of a pseudowire (BFD) behind a label are not decoded as one."""
    row = first(ethernet(struct.pack("!II", 16 << 12 | 0x100 | 64, 0x10000021) + INNER[4:], 0x8847, src=9))
    assert (row["src_mac"], row["ip_version"], row["problem"]) == (9, 0, 0)
