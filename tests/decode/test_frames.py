"""The decode pass: columns against literal values and a slow reference, truncation, mutation, nested tunnels."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.core.addresses import parse, v4
from sensor.core.batch import Problem
from sensor.core.packet import Packets
from tests.kit import MAC_A, MAC_B, batch_of, ethernet, ipv4, ipv6, malformed, tcp, udp

IPV4_TCP = ethernet(ipv4(tcp(b"hello", 1234, 80, flags=0x02, seq=77), 6), 0x0800)
IPV6_UDP = ethernet(ipv6(udp(b"question", 5353, 53), 17), 0x86DD, vlan=30)


def first(frame: bytes, link: int = 1, wire: int | None = None) -> np.void:
    return batch_of([frame], link=link, wire=None if wire is None else [wire]).rows[0]


def address(row: np.void, end: str) -> int:
    return int(row[f"{end}_hi"]) << 64 | int(row[f"{end}_lo"])


def test_ethernet_ipv4_tcp() -> None:
    """A plain TCP frame fills every column."""
    row = first(IPV4_TCP)
    assert (
        row["src_mac"],
        row["dst_mac"],
        row["vlan"],
        row["ethertype"],
        row["ip_version"],
        row["proto"],
        row["ttl"],
    ) == (MAC_A, MAC_B, 0, 0x0800, 4, 6, 64)
    assert (address(row, "src"), address(row, "dst")) == (parse("10.0.0.1"), parse("10.0.0.2"))
    assert (
        row["sport"],
        row["dport"],
        row["tcp_flags"],
        row["seq"],
        row["payload"],
        row["payload_len"],
        row["problem"],
    ) == (1234, 80, 2, 77, 54, 5, 0)


def test_vlan_ipv6_udp() -> None:
    """A tagged IPv6 datagram is decoded as an IPv4 one is."""
    row = first(IPV6_UDP)
    assert (
        row["vlan"],
        row["ethertype"],
        row["ip_version"],
        row["proto"],
        row["sport"],
        row["dport"],
        row["payload_len"],
    ) == (30, 0x86DD, 6, 17, 5353, 53, 8)
    assert (address(row, "src"), address(row, "dst")) == (parse("fd00::1"), parse("fd00::2"))


def test_ethernet_padding_is_no_payload() -> None:
    """Bytes behind the IP length are padding."""
    row = first(ethernet(ipv4(udp(b"x"), 17), 0x0800) + bytes(17))
    assert (row["payload_len"], row["problem"]) == (1, 0)


@pytest.mark.parametrize(
    ("whole", "extra", "expected"),
    [
        (ethernet(ipv4(tcp(b"x" * 300), 6), 0x0800), 0, 254),
        (ethernet(ipv6(tcp(b"x" * 300), 6), 0x86DD), 0, 274),
        (ethernet(ipv4(tcp(b"x" * 300), 6), 0x0800), 4, 254),  # with a frame check sequence
        (ethernet(ipv4(ipv4(tcp(b"x" * 300), 6), 4), 0x0800), 0, 274),
        (ethernet(ipv4(tcp(b"x" * 40), 6), 0x0800), 16, 0),  # only the trailer was cut off
    ],
)
def test_bytes_of_a_segment_that_were_cut_off(whole: bytes, extra: int, expected: int) -> None:
    """The length of the IP packet shows how many bytes of a truncated segment are missing."""
    batch = batch_of([whole[:100]], wire=[len(whole) + extra])
    packet = Packets(batch.data, batch.rows).at(0)
    assert (packet.cut_off, packet.truncated, packet.problem) == (expected, True, Problem.CUT)
    assert len(packet.payload) + packet.cut_off == (300 if expected else 40)


def test_segments_that_were_not_cut_off() -> None:
    """A whole frame lacks nothing. A length beyond its end is a fault, and the packet is read as a truncated one, since
    packet brokers truncate frames without a mark; nothing is known to be missing, so that what follows is read.
    """
    batch = batch_of([IPV4_TCP, IPV4_TCP[:16] + b"\x01\x00" + IPV4_TCP[18:]])
    packets = [Packets(batch.data, batch.rows).at(i) for i in range(2)]
    assert [(one.cut_off, one.problem) for one in packets] == [(0, 0), (0, Problem.NETWORK_LENGTH | Problem.CUT)]
    assert [(one.truncated, one.payload) for one in packets] == [(False, b"hello"), (True, b"hello")]
    assert malformed(batch) == 1


@pytest.mark.parametrize(
    ("tags", "vlan", "nested"),
    [
        ((0x8100, 0x8100), 7, True),
        ((0x88A8, 0x8100), 7, False),
        ((0x8100,), 7, False),
        ((0x8100, 0x88A8), 7, False),
        ((0x8100, 0x8100, 0x8100), 7, True),
    ],
)
def test_nested_tags_of_the_same_kind(tags: tuple[int, ...], vlan: int, nested: bool) -> None:
    """Two tags of IEEE 802.1Q are marked and are no fault; the service tag of IEEE 802.1ad is not marked."""
    kinds = [*tags, 0x0800]
    inner = b"".join(struct.pack("!HH", vlan + n, kind) for n, kind in enumerate(kinds[1:]))
    batch = batch_of([ethernet(inner + ipv4(udp(b"x"), 17), kinds[0])])
    row = batch.rows[0]
    assert (row["vlan"], row["problem"], row["payload_len"]) == (vlan, Problem.NESTED_TAG if nested else 0, 1)
    assert malformed(batch) == 0


def test_qinq_names_the_outer_vlan() -> None:
    """Of two tags the outer one gives the VLAN."""
    inner = struct.pack("!HH", 200, 0x0800) + ipv4(udp(b"x"), 17)
    frame = ethernet(struct.pack("!HH", 100, 0x8100) + inner, 0x88A8)
    row = first(frame)
    assert (row["vlan"], row["proto"], row["dport"]) == (100, 17, 53)


def test_a_backbone_frame_has_the_ends_of_the_customer() -> None:
    """IEEE 802.1ah: backbone MACs and VLAN, the service, then the customer's frame."""
    service = struct.pack("!IH", 0x00123456, 0)[:4]
    backbone = bytes(6) + bytes.fromhex("020000000001") + struct.pack("!HHH", 0x88A8, 7, 0x88E7) + service
    row = first(backbone + IPV4_TCP)
    assert (row["src_mac"], row["dst_mac"], row["vlan"], row["dport"]) == (MAC_A, MAC_B, 7, 80)
    assert first(backbone[:-1])["problem"] == Problem.LINK_SHORT


@pytest.mark.parametrize(("kind", "size"), [(0x8926, 4), (0x8909, 6), (0x892F, 4), (0xF1C1, 4)])
def test_short_tags_are_skipped(kind: int, size: int) -> None:
    """Between the MACs and the VLAN tag, as fabric extenders place them."""
    tagged = b"\x80" + bytes(size - 1) + struct.pack("!HH", 0x8100, 30) + b"\x08\x00" + ipv4(udp(b"x"), 17)
    row = first(ethernet(tagged, kind))
    assert (row["vlan"], row["proto"], row["dport"], row["problem"]) == (30, 17, 53, 0)
    assert first(ethernet(tagged[: size + 1], kind))["problem"] == Problem.LINK_SHORT


def test_a_tag_the_kernel_stripped_is_kept() -> None:
    """A VLAN that the source wrote into the row is kept by the decoder."""
    batch = batch_of([])
    rows = np.zeros(1, batch.rows.dtype)
    rows["caplen"] = rows["wirelen"] = len(IPV4_TCP)
    rows["link"], rows["vlan"] = 1, 55
    from sensor.decode.frames import decode

    decode(np.frombuffer(IPV4_TCP, np.uint8), rows)
    assert (rows[0]["vlan"], rows[0]["dport"]) == (55, 80)


PACKET4 = ipv4(udp(b"hi", 1000, 2000), 17)
PACKET6 = ipv6(udp(b"hi", 1000, 2000), 17)
SNAP = b"\xaa\xaa\x03"


@pytest.mark.parametrize(
    ("header", "ethertype", "payload"),
    [
        (b"\x42\x42\x03", 0x42, b"body"),
        (b"\xfe\xfe\x03", 0xFE, b"body"),
        (SNAP + bytes.fromhex("000000 88cc"), 0x88CC, b"body"),
        (SNAP + bytes.fromhex("0000f8 88cc"), 0x88CC, b"body"),
        (SNAP + bytes.fromhex("00000c 2000"), 0x2000, bytes.fromhex("00000c 2000") + b"body"),
        (SNAP + bytes.fromhex("00e052 2000"), 0x2000, bytes.fromhex("00e052 2000") + b"body"),
        (SNAP + bytes.fromhex("00e02b 00bb"), 0x00BB, bytes.fromhex("00e02b 00bb") + b"body"),
        (SNAP + bytes.fromhex("00000c 0800"), 0x0800, bytes.fromhex("00000c 0800") + b"body"),
    ],
)
@pytest.mark.parametrize("vlan", [0, 30])
def test_frames_with_a_length(header: bytes, ethertype: int, payload: bytes, vlan: int) -> None:
    """802.2: the destination SAP or the SNAP protocol id is the ethertype; a vendor's OUI stays in the payload and is
    not mapped to other ethertypes; padding is cut off.
    """
    content = header + b"body"
    tag = struct.pack("!HH", vlan, len(content)) if vlan else b""
    row = first(frame := ethernet(tag + content + bytes(30), 0x8100 if vlan else len(content)))
    start = int(row["payload"])
    assert (row["ethertype"], row["vlan"], row["ip_version"], row["problem"]) == (ethertype, vlan, 0, 0)
    assert frame[start : start + int(row["payload_len"])] == payload


def test_a_length_that_cannot_be() -> None:
    """A length of 0 is ignored; one larger than the frame ends with the frame; one too small for the header is
    malformed.
    """
    bpdu = b"\x42\x42\x03" + bytes(35)
    assert (first(ethernet(bpdu, 0))["payload_len"], first(ethernet(bpdu, 1500))["payload_len"]) == (35, 35)
    assert first(ethernet(bpdu, 2))["problem"] == Problem.LINK_SHORT


def test_extension_headers_and_fragments() -> None:
    """IPv6 extension headers are skipped, fragments are distinguished, endless chains are abandoned."""
    body = udp(b"x", 1000, 2000)
    hop = bytes([44, 0, 1, 4, 0, 0, 0, 0])
    assert first(ethernet(ipv6(hop + bytes([17, 0, 0, 1, 0, 0, 0, 9]) + body, 0), 0x86DD))["fragment"] == 1
    assert first(ethernet(ipv6(bytes([17, 0, 0x05, 0xA8, 0, 0, 0, 9]) + body, 44), 0x86DD))["fragment"] == 2
    assert first(ethernet(ipv6(bytes([60, 0, 1, 4, 0, 0, 0, 0]) * 12, 60), 0x86DD))["problem"] & Problem.EXTENSIONS
    later = first(ethernet(ipv4(body, 17, fragment=100), 0x0800))
    assert (later["fragment"], later["sport"]) == (2, 0)


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (IPV4_TCP[:10], Problem.LINK_SHORT),
        (IPV4_TCP[:30], Problem.NETWORK_SHORT),
        (IPV4_TCP[:14] + b"\x44" + IPV4_TCP[15:], Problem.NETWORK_HEADER),
        (IPV4_TCP[:16] + b"\xff\xff" + IPV4_TCP[18:], Problem.NETWORK_LENGTH),
        (ethernet(ipv4(b"\x00" * 12, 6), 0x0800), Problem.TRANSPORT_SHORT),
        (IPV4_TCP[:46] + b"\x40" + IPV4_TCP[47:], Problem.TRANSPORT_HEADER),
        (ethernet(ipv4(struct.pack("!HHHH", 1, 2, 3, 0), 17), 0x0800), Problem.TRANSPORT_HEADER),
        (ethernet(ipv4(b"\x80", 47), 0x0800), Problem.TUNNEL_HEADER),
    ],
)
def test_problems_are_named(frame: bytes, problem: Problem) -> None:
    """Each kind of malformed header sets its own bit and is counted."""
    batch = batch_of([frame])
    assert batch.rows[0]["problem"] & problem
    assert malformed(batch) == 1


def test_a_short_capture_is_not_malformed() -> None:
    """A frame truncated by the capture is not malformed."""
    batch = batch_of([IPV4_TCP[:56]], wire=[len(IPV4_TCP)])
    assert (batch.rows[0]["problem"], batch.rows[0]["payload_len"], malformed(batch)) == (Problem.CUT, 2, 0)


def reference(frame: bytes) -> tuple[int, ...] | None:
    """Plain Python decoder for Ethernet, one VLAN tag, valid IPv4 options, TCP and UDP; None for anything else."""
    if len(frame) < 14:
        return None
    kind, at = int.from_bytes(frame[12:14], "big"), 14
    if kind != 0x0800 or len(frame) < 34 or frame[14] >> 4 != 4:
        return None
    header, total = (frame[14] & 15) * 4, int.from_bytes(frame[16:18], "big")
    if header < 20 or total < header or len(frame) < 14 + header or int.from_bytes(frame[20:22], "big") & 0x1FFF:
        return None
    end = min(14 + total, len(frame))
    at += header
    src, dst = (v4(int.from_bytes(frame[i : i + 4], "big")) for i in (26, 30))
    if frame[23] == 6 and at + 20 <= end:
        start = at + (frame[at + 12] >> 4) * 4
        if start < at + 20 or start > end:
            return None
        return src, dst, 6, *struct.unpack("!HH", frame[at : at + 4]), frame[at + 13], end - start
    if frame[23] == 17 and at + 8 <= end:
        size = int.from_bytes(frame[at + 4 : at + 6], "big")
        stop = at + size if size >= 8 and at + size <= end else end
        sport, dport = struct.unpack("!HH", frame[at : at + 4])
        if dport in (1701, 2152, 3544, 4789, 5247, 6081, 8472, 37008) or sport in (3544, 5247):
            return None
        return src, dst, 17, sport, dport, 0, stop - at - 8
    return None


SAMPLES = [
    IPV4_TCP,
    IPV6_UDP,
    ethernet(PACKET4, 0x0800),
    ethernet(ipv4(struct.pack("!HHI", 0x1000, 0x88BE, 1) + bytes(8) + IPV4_TCP, 47), 0x0800),
]


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_truncation(sample: bytes) -> None:
    """A frame truncated at any byte is decoded without an error, and its payload stays inside the frame."""
    for size in range(len(sample)):
        row = first(sample[:size])
        assert row["payload"] + row["payload_len"] <= size


@given(
    sample=st.sampled_from(SAMPLES),
    edits=st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 140),
)
def test_mutations_against_the_reference(sample: bytes, edits: list[tuple[int, int]], cut: int) -> None:
    """Mutated frames raise no exception, give no offset outside, and agree with the reference where it decodes."""
    frame = bytearray(sample)
    for at, value in edits:
        if at < len(frame):
            frame[at] = value
    row = first(bytes(frame[: max(cut, 1)]))
    assert row["payload"] + row["payload_len"] <= row["caplen"]
    expected = reference(bytes(frame[: max(cut, 1)]))
    if expected is not None:
        assert (
            address(row, "src"),
            address(row, "dst"),
            row["proto"],
            row["sport"],
            row["dport"],
            row["tcp_flags"],
            row["payload_len"],
        ) == expected


LINKS = (
    0, 1, 9, 12, 50, 51, 101, 104, 105, 108, 109, 113, 117, 119, 127, 163, 166, 178, 192, 204, 205, 219, 228, 229, 239,
    240, 241, 258, 276,
)  # fmt: skip


@given(frame=st.binary(max_size=200), link=st.sampled_from(LINKS))
def test_any_bytes_on_any_link(frame: bytes, link: int) -> None:
    """Any bytes under any link type are decoded without an error."""
    row = first(frame, link)
    assert row["payload"] + row["payload_len"] <= len(frame)


def test_a_row_outside_its_block_is_refused() -> None:
    """A faulty source gets an error instead of a read outside its memory."""
    from sensor.core.batch import ROW
    from sensor.decode.frames import decode

    rows = np.zeros(1, ROW)
    rows["caplen"] = 100
    with pytest.raises(IndexError):
        decode(np.zeros(10, np.uint8), rows)
