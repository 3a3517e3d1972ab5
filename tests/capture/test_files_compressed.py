"""Compressed captures: detected by content, read completely or up to the damage, and bounded."""

from __future__ import annotations

import gzip
import lzma
import random
import time
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.capture.files import Limits
from sensor.core.time_units import SECOND
from tests.capture.captures import FRAMES, Frame, pcap, pcapng, read, seen
from tests.golden import Golden

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "xz": lambda data: lzma.compress(data, preset=0),
    "lz4": lambda data: lz4.frame.compress(data, content_checksum=True),
}
SMALL = pcapng(FRAMES)
ALL = pytest.mark.parametrize("name", PACK)


@ALL
def test_content_decides(tmp_path: Path, name: str) -> None:
    """Offsets and counts of a compressed capture are those of its content, the progress is that of the file."""
    packed = PACK[name](SMALL)
    found, source = read(tmp_path, packed)
    assert found == seen(FRAMES)
    assert (source.damages, source.unreadable) == ([], [])
    assert source.read_bytes == source.total_bytes == len(packed)


@ALL
def test_more_than_a_block(tmp_path: Path, name: str) -> None:
    """Content of many megabytes, poorly compressible, is read in order and completely."""
    rng = random.Random(3)
    frames = [Frame(i * SECOND, rng.randbytes(1400)) for i in range(3500)]
    found, source = read(tmp_path, PACK[name](pcap(frames)))
    assert found == seen(frames)
    assert not source.damages


@ALL
def test_several_members(tmp_path: Path, name: str) -> None:
    """Concatenated compressed files are one, with zeros behind them as padding."""
    packed = PACK[name](SMALL[:100]) + PACK[name](SMALL[100:]) + bytes(8)
    found, source = read(tmp_path, packed)
    assert found == seen(FRAMES)
    assert not source.damages


@ALL
def test_what_follows_must_be_of_it(tmp_path: Path, name: str) -> None:
    """Other bytes behind the compressed data are reported as damage, after all records."""
    found, source = read(tmp_path, PACK[name](SMALL) + b"something else")
    assert found == seen(FRAMES)
    assert [(damage.offset, damage.kind) for damage in source.damages] == [(len(SMALL), "compression")]
    assert f"{name} data" in source.damages[0].found


@ALL
def test_cut_anywhere(tmp_path: Path, name: str) -> None:
    """Of a file truncated at any byte, what can be decompressed is read, and one damage reported; a few bytes have no
    format.
    """
    packed = PACK[name](SMALL)
    for size in range(len(packed)):
        found, source = read(tmp_path, packed[:size])
        assert found == seen(FRAMES)[: len(found)], size
        if size < 6:
            assert len(source.unreadable) == 1, size
        else:
            assert [damage.kind for damage in source.damages] == ["cut"], size
            assert source.damages[0].found == f"the {name} data ends early"


@ALL
@settings(max_examples=60)
@given(data=st.data())
def test_broken_data_never_raises(tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject) -> None:
    """Any changed bytes give packets and at most one report."""
    packed = bytearray(PACK[name](SMALL))
    for at in data.draw(st.lists(st.integers(0, len(packed) - 1), min_size=1, max_size=4)):
        packed[at] = data.draw(st.integers(0, 255))
    found, source = read(tmp_path_factory.getbasetemp(), bytes(packed))
    assert len(source.damages) + len(source.unreadable) <= 1
    assert source.tally.packets == len(found)


@ALL
def test_broken_in_the_middle(tmp_path: Path, name: str) -> None:
    """Data before the fault is read, and the fault is reported, by the checksum behind the data at the latest."""
    rng = random.Random(5)
    frames = [Frame(i * SECOND, rng.randbytes(1400)) for i in range(700)]
    packed = bytearray(PACK[name](pcap(frames)))
    half = len(packed) // 2
    packed[half : half + 64] = bytes(64)
    found, source = read(tmp_path, bytes(packed))
    assert len(found) >= 300
    assert found[:300] == seen(frames)[:300]
    [damage] = source.damages  # where the fault shows first: in the records, or in the compression
    assert damage.offset > 24 + 1416 * 300
    assert damage.kind == "record" or damage.found.startswith(f"broken {name} data: ")


@ALL
def test_bombs_are_refused(golden: Golden, tmp_path: Path, name: str) -> None:
    """Data that exceeds the limits is read up to there and then reported: by ratio, and by size."""
    bomb = PACK[name](pcap([Frame(0, bytes(250_000))] * 160))
    _, source = read(tmp_path, bomb, Limits(ratio=50, free_bytes=1 << 20))
    golden([(damage.kind, damage.found) for damage in source.damages])
    assert 0 < source.tally.bytes < 80 << 20
    _, source = read(tmp_path, bomb, Limits(decompressed_bytes=2 << 20))
    golden([(damage.kind, damage.found) for damage in source.damages])
    assert 0 < source.tally.bytes <= 2 << 20


def test_zstd_windows_are_bounded(tmp_path: Path) -> None:
    """A zstd frame that requires more memory than the limit is reported and not read."""
    parameters = zstandard.ZstdCompressionParameters(window_log=28)
    _, source = read(
        tmp_path, zstandard.ZstdCompressor(compression_params=parameters).compressobj().compress(SMALL) or _long_frame()
    )
    assert source.damages[0].kind == "limit"
    assert "window of 256 MiB" in source.damages[0].found


def _long_frame() -> bytes:
    """Magic, a descriptor without content size, a window of 256 MiB, one empty last block."""
    return b"\x28\xb5\x2f\xfd" + bytes((0, (28 - 10) << 3)) + b"\x01\0\0"


def test_zstd_frames_without_content(tmp_path: Path) -> None:
    """Skippable frames are skipped, at the beginning too; RLE blocks are read."""
    skip = b"\x53\x2a\x4d\x18\x05\0\0\0hello"
    frames = [Frame(0, bytes(200_000))]
    found, source = read(tmp_path, skip + PACK["zstd"](pcap(frames)) + skip)
    assert found == seen(frames)
    assert not source.damages


@ALL
def test_tiny_and_empty_members_take_no_time(tmp_path: Path, name: str) -> None:
    """Thousands of members of one or no bytes are read like a single one, in linear time."""
    empty = PACK[name](b"")
    packed = b"".join(PACK[name](SMALL[i : i + 1]) + empty * 20 for i in range(len(SMALL))) + empty * 2000
    began = time.process_time()
    found, source = read(tmp_path, packed)
    assert found == seen(FRAMES)
    assert not source.damages
    assert time.process_time() - began < 5


def test_zeros_without_end_are_no_padding(tmp_path: Path) -> None:
    """After some zeros, what follows is not padding."""
    found, source = read(tmp_path, PACK["gzip"](SMALL) + bytes(70_000))
    assert found == seen(FRAMES)
    assert "other data" in source.damages[0].found


@ALL
def test_what_is_inside_is_named(golden: Golden, tmp_path: Path, name: str) -> None:
    """Compressed text is reported as text."""
    _, source = read(tmp_path, PACK[name](b"Dear diary, "))
    assert [line.found for line in source.unreadable] == [f"{name} data with text"]
    _, source = read(tmp_path, PACK[name](b""))
    golden([line.found for line in source.unreadable])
