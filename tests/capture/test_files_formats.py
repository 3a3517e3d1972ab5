"""The packets of each format of capture file: complete, truncated and damaged."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.capture.linktypes import link_name
from sensor.core.time_units import SECOND
from sensor.decode.records import LATEST
from tests import sampling
from tests.capture.captures import FRAMES, Frame, Ng, Seen, pcap, pcapng, read, seen, snoop
from tests.golden import Golden

WHOLE = {
    "pcap": pcap(FRAMES),
    "pcap, big-endian": pcap(FRAMES, ">"),
    "pcap, ns": pcap(FRAMES, nano=True),
    "pcap, ns, big-endian": pcap(FRAMES, ">", nano=True),
    "pcap, Kuznetzov": pcap(FRAMES, extra=bytes(8)),
    "pcap 2.2": pcap(FRAMES, version=(2, 2)),
    "pcap 543.0": pcap(FRAMES, ">", version=(543, 0)),
    "pcapng": pcapng(FRAMES),
    "pcapng, big-endian": pcapng(FRAMES, ">"),
    "snoop": snoop(FRAMES),
}
MAGIC = 8
"""Bytes below which the beginning of a file may be that of something else."""


@pytest.mark.parametrize("content", WHOLE.values(), ids=WHOLE)
def test_all_records_are_given(tmp_path: Path, content: bytes) -> None:
    """Every format gives each record with its time, bytes, length and link type, and counts it."""
    found, source = read(tmp_path, content)
    assert found == seen(FRAMES)
    assert (source.damages, source.unreadable) == ([], [])
    size = sum(len(frame.data) for frame in FRAMES)
    tally = source.tally
    assert (tally.packets, tally.bytes, tally.wire_bytes, tally.truncated, tally.linktypes) == (
        len(FRAMES),
        size,
        size,
        0,
        {"ethernet": len(FRAMES)},
    )
    assert source.names == [str(tmp_path / "content.txt")]
    assert source.read_bytes == source.total_bytes == len(content)


@pytest.mark.parametrize("content", WHOLE.values(), ids=WHOLE)
def test_a_cut_file_gives_what_was_before(tmp_path: Path, content: bytes) -> None:
    """A file truncated at any byte gives the records before the cut and reports the offset of the truncated one;
    between records it is only shorter.
    """
    whole, ends = seen(FRAMES), []
    for size in range(len(content)):
        found, source = read(tmp_path, content[:size])
        assert found == whole[: len(found)], size
        if source.unreadable:
            assert size < MAGIC
            assert not source.damages
        elif source.damages:
            [damage] = source.damages
            assert (damage.kind, damage.offset < size) == ("cut", True), size
            assert "ends inside" in damage.found
            assert damage.offset in {0, *ends}, size
        else:
            ends.append(size)
    assert len(ends) >= len(FRAMES)  # without the last, which is the complete file; with the end of the header


@pytest.mark.parametrize("content", [WHOLE["pcap"], WHOLE["pcapng"], WHOLE["snoop"]], ids=["pcap", "pcapng", "snoop"])
@settings(max_examples=sampling.count(150, 60))
@given(data=st.data())
def test_broken_files_never_raise(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, data: st.DataObject
) -> None:
    """Any changed bytes give rows inside the block, one reported damage, or an unreadable file."""
    broken = bytearray(content)
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        broken[at] = data.draw(st.sampled_from((0, 1, 0x7F, 0x80, 0xFF)) | st.integers(0, 255))
    found, source = read(tmp_path_factory.getbasetemp(), bytes(broken))
    assert source.tally.packets == len(found) <= len(content) // 12
    assert len(source.damages) + len(source.unreadable) <= 1


def test_impossible_record_ends_the_file(tmp_path: Path) -> None:
    """A record longer than any frame is reported with its offset; the records before it are read, those behind it are
    not.
    """
    good = pcap(FRAMES)
    found, source = read(tmp_path, good + struct.pack("<IIII", 1, 2, 262145, 262145) + bytes(300_000) + good[24:])
    assert found == seen(FRAMES)
    assert [(damage.offset, damage.kind) for damage in source.damages] == [(len(good), "record")]


@pytest.mark.parametrize("snaplen", [0, 16, 0xFFFFFFFF])
def test_snap_length_is_not_believed(tmp_path: Path, snaplen: int) -> None:
    """Records longer than the snapshot length of the file header are read."""
    frames = [Frame(SECOND, bytes(2000)), Frame(SECOND, bytes(262144))]
    found, source = read(tmp_path, pcap(frames, snaplen=snaplen))
    assert found == seen(frames)
    assert not source.damages


def test_fcs_bits_are_no_link_type(tmp_path: Path) -> None:
    """The upper half of the link-type field is the length of the frame check sequence: 4 bytes of it, present."""
    found, source = read(tmp_path, pcap(FRAMES, link=0x24000001))
    assert found == seen(FRAMES)
    assert source.tally.linktypes == {"ethernet": len(FRAMES)}


def test_lengths_that_contradict(tmp_path: Path) -> None:
    """A frame longer on the wire than captured is truncated; with a shorter wire length, the captured length counts."""
    found, source = read(tmp_path, pcap([Frame(0, b"abcd", 1500), Frame(0, b"abcd", 2)]))
    assert [frame.wirelen for frame in found] == [1500, 4]
    assert source.tally.truncated == 1


def test_version_2_3_with_either_order_of_lengths(tmp_path: Path) -> None:
    """In files of version 2.3 the smaller length is the captured length."""
    content = pcap([Frame(0, b"abcd", 9)], version=(2, 3))
    other = content[:32] + content[36:40] + content[32:36] + content[40:]
    assert read(tmp_path, content)[0] == read(tmp_path, other)[0] == [Seen(0, b"abcd", 9, 1)]


def test_times_past_2038_and_2106(tmp_path: Path) -> None:
    """Seconds of pcap are unsigned; pcapng has a larger range."""
    late = [Frame(0xFFFFFFFF * SECOND, b"x")]
    assert read(tmp_path, pcap(late))[0] == seen(late)
    later = [Frame(5_000_000_000 * SECOND, b"x")]
    assert read(tmp_path, pcapng(later))[0] == seen(later)


def test_large_record_grows_the_block(tmp_path: Path) -> None:
    """A pcapng block larger than the read buffer is read, and so are the following ones."""
    ng = Ng()
    frames = [FRAMES[1], Frame(FRAMES[2].ts, random.Random(1).randbytes(6 << 20)), FRAMES[3]]
    found, source = read(tmp_path, ng.section() + ng.interface() + b"".join(ng.packet(frame) for frame in frames))
    assert found == seen(frames)
    assert not source.damages


def test_block_beyond_the_cap_is_damage(tmp_path: Path) -> None:
    """A block with a length of 17 MiB ends the file where it begins, without waiting for it."""
    good = pcapng(FRAMES)
    found, source = read(tmp_path, good + struct.pack("<II", 6, 17 << 20) + bytes(1000))
    assert (len(found), source.damages[0].offset) == (len(FRAMES), len(good))


def test_more_packets_than_a_block_holds(tmp_path: Path) -> None:
    """Records across block boundaries are complete and in order; damage is reported with its offset in the file."""
    frames = [Frame(i * SECOND, i.to_bytes(4, "big") * (i % 90)) for i in range(40_000)]
    content = pcap(frames)
    found, source = read(tmp_path, content + b"cut")
    assert found == seen(frames)
    assert [(damage.offset, damage.kind) for damage in source.damages] == [(len(content), "cut")]


# pcapng


def test_sections_and_interfaces(tmp_path: Path) -> None:
    """Sections may change the byte order and describe new interfaces; each interface has its link type."""
    little, big = Ng("<"), Ng(">")
    content = (
        little.section()
        + little.interface(1)
        + little.interface(113)
        + little.packet(FRAMES[1], 1)
        + little.packet(FRAMES[2], 0)
    )
    content += big.section((1, 2)) + big.interface(101) + big.packet(FRAMES[3], 0)
    found, source = read(tmp_path, content)
    assert found == seen(FRAMES[1:2], 113) + seen(FRAMES[2:3], 1) + seen(FRAMES[3:4], 101)
    assert source.tally.linktypes == {"linux_sll": 1, "ethernet": 1, "raw": 1}


@pytest.mark.parametrize(
    ("resolution", "offset", "units", "ts"),
    [
        (None, 0, 1_700_000_000_123_456, 1_700_000_000_123_456_000),
        (0, 0, 1_700_000_000, 1_700_000_000 * SECOND),
        (3, 0, 1_700_000_000_123, 1_700_000_000_123_000_000),
        (9, 0, 1_700_000_000_123_456_789, 1_700_000_000_123_456_789),
        (12, 0, 5_000_000_123_456, 5_000_000_123),
        (9, 1_700_000_000, 5, 1_700_000_000_000_000_005),
        (6, -3, 5_000_000, 2 * SECOND),
        (6, -3, 0, 0),
        (0x80 | 10, 0, 1536, 1_500_000_000),
        (0x80 | 32, 0, (7 << 32) + (1 << 31), 7_500_000_000),
        (0x80 | 40, 1, 1 << 40, 2 * SECOND),
        (0x7F, 0, 1 << 63, 0),
        (0xFF, 0, 1 << 63, 0),
        (0, 0, (1 << 64) - 1, LATEST),
        (6, (1 << 63) - 1, 1, LATEST),
        (6, -(1 << 63), 1, 0),
    ],
)
def test_resolutions_and_offsets(tmp_path: Path, resolution: int | None, offset: int, units: int, ts: int) -> None:
    """Decimal and binary units, with an offset in seconds; times outside 1970 to 2262 are clamped."""
    ng = Ng()
    found, _ = read(
        tmp_path,
        ng.section() + ng.interface(resolution=resolution, offset=offset) + ng.packet(Frame(0, b"x"), units=units),
    )
    assert [frame.ts for frame in found] == [ts]


def test_simple_packets(tmp_path: Path) -> None:
    """Their length is limited by the snapshot length, and they have the time of the previous packet."""
    ng = Ng(">")
    content = (
        ng.section()
        + ng.interface(1, snaplen=6)
        + ng.simple(b"abc")
        + ng.packet(FRAMES[1])
        + ng.interface()
        + ng.simple(b"abcdef", 100)
    )
    found, source = read(tmp_path, content)
    assert found == [Seen(0, b"abc", 3, 1), *seen(FRAMES[1:2]), Seen(FRAMES[1].ts, b"abcdef", 100, 1)]
    assert source.tally.truncated == 1


def test_old_packets_and_unknown_blocks(tmp_path: Path) -> None:
    """Obsolete packet blocks are read; names, secrets, custom and unknown blocks are skipped."""
    ng = Ng()
    content = (
        ng.section() + ng.block(0xBAD, bytes(17)) + ng.interface() + ng.old_packet(FRAMES[1]) + ng.block(4, bytes(8))
    )
    content += ng.block(10, bytes(40)) + ng.block(0x80000001, b"") + ng.old_packet(FRAMES[2])
    found, source = read(tmp_path, content)
    assert found == seen(FRAMES[1:3])
    assert not source.damages


def test_drop_counts(tmp_path: Path) -> None:
    """The last statistics of each interface count; sections are added up."""
    ng = Ng()
    one = (
        ng.section()
        + ng.interface()
        + ng.interface()
        + ng.statistics(0, 1, 2)
        + ng.statistics(0, 10, 20)
        + ng.statistics(1, 100, 0)
        + ng.statistics(9, 5000, 0)
    )
    _, source = read(tmp_path, one + ng.section() + ng.interface() + ng.statistics(0, 1000, 0))
    assert source.tally.dropped == {str(tmp_path / "content.txt"): 1130}
    assert source.tally.lost == 1130


def test_snoop_reports_its_drops_and_link_types(tmp_path: Path) -> None:
    """Drops are cumulative in each record; link types are those of RFC 1761."""
    found, source = read(tmp_path, snoop(FRAMES, link=8, drops=42))
    assert found == seen(FRAMES, 10)
    assert source.tally.lost == 42
    _, other = read(tmp_path, snoop(FRAMES, link=3))
    assert other.tally.linktypes == {"linktype_65535": len(FRAMES)}


def _after(blocks: bytes) -> bytes:
    return pcapng(FRAMES[:2]) + blocks


@pytest.mark.parametrize(
    "blocks",
    [
        Ng().packet(FRAMES[1], interface=1),
        Ng().block(6, struct.pack("<IIIII", 0, 0, 0, 9, 9) + bytes(8)),
        Ng().block(6, bytes(8)),
        Ng().block(1, bytes(4)),
        struct.pack("<III", 4, 8, 8),
        struct.pack("<IIII", 4, 16, 0, 20),
        struct.pack("<IIIII", 1, 20, 1, 0, 24),
        struct.pack("<III", 0x0A0D0D0A, 28, 7),
        struct.pack("<III", 0x0A0D0D0A, 27, 0x1A2B3C4D),
        Ng().section((2, 0)),
    ],
    ids=(
        "packet of another interface",
        "packet longer than its block",
        "short packet",
        "short interface",
        "short block",
        "other end of a short block",
        "other end of a block",
        "magic",
        "short section",
        "version",
    ),
)
def test_impossible_blocks(golden: Golden, tmp_path: Path, blocks: bytes) -> None:
    """Each kind of impossible block is named, after the packets before it."""
    frames, source = read(tmp_path, _after(blocks))
    assert frames == seen(FRAMES[:2])
    [damage] = source.damages
    assert (damage.offset, damage.kind) == (len(_after(b"")), "record")
    golden(damage.found)
    assert str(damage).endswith(f"at byte {damage.offset}: {damage.found}")


def test_interfaces_are_bounded(tmp_path: Path) -> None:
    """A section that describes endless interfaces is damaged."""
    ng = Ng()
    _, source = read(tmp_path, ng.section() + ng.block(1, struct.pack("<HHI", 1, 0, 0)) * 4097)
    assert "more than 4096 interfaces" in source.damages[0].found


# Files that are no capture


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "no data"),
        (b"hello, world\n", "text"),
        (b"PK\x03\x04abcdef", "a ZIP archive"),
        (b"\xd4\xc3", "data that begins with d4 c3"),
        (bytes(range(200, 240)), "data that begins with c8 c9 ca cb cc cd ce cf"),
        (b"GMBU" + bytes(20), "a Network Monitor capture"),
        (snoop(FRAMES, version=3), "snoop, version 3"),
    ],
)
def test_other_files_are_named(golden: Golden, tmp_path: Path, content: bytes, found: str) -> None:
    """The error is one line with the file, its format, and the supported formats."""
    frames, source = read(tmp_path, content)
    assert frames == []
    golden([str(line) for line in source.unreadable])


def test_link_types_have_the_names_of_the_registry() -> None:
    """Known numbers are shown by name, others by number."""
    assert [link_name(number) for number in (1, 101, 113, 147, 162, 276, 4711)] == [
        "ethernet",
        "raw",
        "linux_sll",
        "user0",
        "user15",
        "linux_sll2",
        "linktype_4711",
    ]
