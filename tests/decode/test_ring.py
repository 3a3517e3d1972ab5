"""The ring kernel on crafted blocks: every field of a row, and random bytes that never cause access outside."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.core.batch import ROW
from sensor.decode import ring
from sensor.decode.frames import decode
from tests.kit import udp_frame

SIZE = 4096
FRAME = udp_frame("10.0.0.1", "10.0.0.2", b"hello")
TWO_TO_THE_32 = (1 << 32) - 1


def block(
    frames: list[bytes],
    *,
    status: int = 1,
    flags: int = 0,
    tci: int = 0,
    net: int = 96,
    mac: int = 82,
    hardware: int = 1,
) -> bytearray:
    """One block as the kernel writes it, opened at 6 s + 5000 ns, frames from 7 s + 1000 ns on."""
    out = bytearray(SIZE)
    at = 48
    for number, frame in enumerate(frames):
        step = 0 if number == len(frames) - 1 else -(-(mac + len(frame)) // 16) * 16
        struct.pack_into(
            "=6IHHIIHH8x",
            out,
            at,
            step,
            7,
            1000 * (number + 1),
            len(frame),
            len(frame) + number,
            flags,
            mac,
            net,
            0,
            tci,
            0x8100,
            0,
        )
        struct.pack_into("=H2sIHBB8s", out, at + 48, 17, b"\x08\x00", 3, hardware, 4, 6, b"\2\0\0\0\0\x0b\0\0")
        out[at + mac : at + mac + len(frame)] = frame
        at += step or -(-(mac + len(frame)) // 16) * 16
    struct.pack_into("=IIIIIIQIIII", out, 0, 3, 0, status, len(frames), 48, at, 1, 6, 5000, 7, 1000 * len(frames))
    return out


def walk(data: bytearray, *, layer: int = 0, link: int = 1, room: int = 64) -> tuple[np.ndarray, int]:
    rows = np.zeros(room, ROW)
    filled, broken = ring.walk(np.frombuffer(data, np.uint8), 0, SIZE, rows, 0, link, 5, layer)
    return rows[:filled], broken


def test_rows_point_at_the_frames_of_a_block():
    """Time, length and offset of each frame are those of its header, and all other fields are zero."""
    data = block([FRAME, FRAME[:20], FRAME])
    rows = np.frombuffer(bytearray(b"\xff" * ROW.itemsize * 3), ROW)
    assert ring.walk(np.frombuffer(data, np.uint8), 0, SIZE, rows, 0, 1, 5, 0) == (3, 0)
    assert rows["ts"].tolist() == [7_000_001_000, 7_000_002_000, 7_000_003_000]
    assert rows["caplen"].tolist() == [len(FRAME), 20, len(FRAME)]
    assert rows["wirelen"].tolist() == [len(FRAME), 21, len(FRAME) + 2]
    assert [bytes(data[at : at + size]) for at, size in zip(rows["frame"], rows["caplen"], strict=True)] == [
        FRAME,
        FRAME[:20],
        FRAME,
    ]
    assert set(rows["link"].tolist()) == {1}
    assert set(rows["source"].tolist()) == {5}
    filled = {"ts", "frame", "caplen", "wirelen", "link", "source"}
    assert all(not rows[name].any() for name in ROW.names if name not in filled)


def test_blocks_are_put_behind_each_other():
    """A second block is written from the given row on, and offsets count from the start of the ring."""
    data = np.frombuffer(block([FRAME]) + block([FRAME, FRAME]), np.uint8)
    rows = np.zeros(3, ROW)
    assert ring.walk(data, 0, SIZE, rows, 0, 1, 0, 0) == (1, 0)
    assert ring.walk(data, SIZE, SIZE, rows, 1, 1, 1, 0) == (3, 0)
    assert rows["frame"].tolist()[:2] == [48 + 82, SIZE + 48 + 82]
    assert rows["source"].tolist() == [0, 1, 1]


def test_a_tag_taken_out_by_the_kernel_is_reported():
    """The row has the VLAN number and the mark that it is known, and the decode pass keeps it."""
    rows, _ = walk(block([FRAME], flags=0x10, tci=0x6000 | 42))
    assert (rows["vlan"][0], rows["spare"][0]) == (42, 1)
    data = block([FRAME], flags=0x10, tci=42)
    rows, _ = walk(data)
    decode(np.frombuffer(data, np.uint8), rows)
    assert (rows["vlan"][0], rows["dport"][0], rows["problem"][0]) == (42, 53, 0)


def test_a_tag_number_without_its_flag_reports_nothing():
    """The VLAN field is ignored unless the kernel marks it as valid."""
    rows, _ = walk(block([FRAME], tci=42))
    assert (rows["vlan"][0], rows["spare"][0]) == (0, 0)


def test_bare_ip_begins_at_the_network_header():
    """For tunnels and PPP the bytes before the IP header are skipped, and lengths are adapted."""
    rows, broken = walk(block([FRAME]), layer=1, link=12)
    assert (rows["frame"][0], rows["caplen"][0], rows["link"][0], broken) == (48 + 96, len(FRAME) - 14, 12, 0)


def test_an_unknown_link_gets_a_cooked_header():
    """A LINKTYPE_LINUX_SLL header of sixteen bytes is put before the network header, and is decoded."""
    data = block([FRAME], hardware=778)
    rows, broken = walk(data, layer=2, link=113)
    start = int(rows["frame"][0])
    assert broken == 0
    assert bytes(data[start : start + 16]) == struct.pack("!HHH8sH", 4, 778, 6, b"\2\0\0\0\0\x0b\0\0", 0x0800)
    decode(np.frombuffer(data, np.uint8), rows)
    assert (rows["dport"][0], rows["src_mac"][0], rows["problem"][0]) == (53, 0x02000000000B, 0)


def test_a_block_changes_hands():
    """The status of a block shows that it is ready, and release gives it back to the kernel."""
    data = np.frombuffer(block([FRAME]), np.uint8)
    assert ring.ours(data, 0)
    assert ring.packets(data, 0) == 1
    assert ring.times(data, 0) == (7_000_001_000, 7_000_001_000)
    ring.give_back(data, 0)
    assert not ring.ours(data, 0)
    assert not ring.ours(np.frombuffer(block([FRAME], status=0x20), np.uint8), 0)


@pytest.mark.parametrize("first", [0, 47, SIZE - 67, TWO_TO_THE_32])
def test_a_block_whose_first_frame_is_nowhere_has_the_time_it_was_opened(first: int):
    """A block without frames gets its time of opening as well."""
    data = block([FRAME])
    struct.pack_into("=I", data, 16, first)
    assert ring.times(np.frombuffer(data, np.uint8), 0) == (6_000_005_000, 7_000_001_000)
    assert ring.times(np.frombuffer(block([]), np.uint8), 0)[0] == 6_000_005_000


@pytest.mark.parametrize(
    ("offset", "form", "value", "left", "broken"),
    [
        (12, "I", 0, 0, 0),
        (12, "I", TWO_TO_THE_32, 3, TWO_TO_THE_32 - 3),
        (16, "I", TWO_TO_THE_32, 0, 3),
        (16, "I", 0, 0, 3),
        (16, "I", SIZE - 40, 0, 3),
        (48, "I", 16, 1, 2),
        (48, "I", SIZE, 1, 2),
        (48, "I", TWO_TO_THE_32, 1, 2),
        (48 + 12, "I", SIZE, 2, 1),
        (48 + 12, "I", TWO_TO_THE_32, 2, 1),
        (48 + 24, "H", 0, 2, 1),
        (48 + 24, "H", 65535, 2, 1),
    ],
)
def test_impossible_offsets_cost_their_frames(offset, form, value, left, broken):
    """A count, offset or length outside the block loses that frame, or all following ones if their
    position is unknown.
    """
    data = block([FRAME, FRAME, FRAME])
    struct.pack_into(f"={form}", data, offset, value)
    rows, counted = walk(data)
    assert (len(rows), counted) == (left, broken)


@pytest.mark.parametrize("layer", [1, 2])
def test_impossible_network_offsets_cost_their_frame(layer):
    """A network header before the link header, or after the end of the frame, loses the frame."""
    for net in (0, 60, 81, 82 + len(FRAME) + 1, 65535):
        rows, broken = walk(block([FRAME], net=net), layer=layer)
        assert (len(rows), broken) == (0, 1)


def test_no_more_rows_than_there_is_room_for():
    """Frames beyond the rows are counted as omitted."""
    rows, broken = walk(block([FRAME] * 5), room=2)
    assert (len(rows), broken) == (2, 3)


@pytest.mark.parametrize("start", [-1, 1, SIZE, 1 << 40])
def test_a_place_outside_the_ring_is_refused(start):
    """No call reads or writes outside its array."""
    data = np.frombuffer(block([FRAME]), np.uint8)[: SIZE - 64 if start == SIZE else SIZE]
    rows = np.zeros(1, ROW)
    with pytest.raises(IndexError):
        ring.walk(data, start, SIZE, rows, 0, 1, 0, 0)
    if start != 1:
        for call in (ring.ours, ring.give_back, ring.packets, ring.times):
            with pytest.raises(IndexError):
                call(data, start)
    with pytest.raises(IndexError):
        ring.walk(data, 0, 10, rows, 0, 1, 0, 0)
    with pytest.raises(IndexError):
        ring.walk(data, 0, 1024, rows, 2, 1, 0, 0)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=40), st.integers(0, 2))
def test_mutated_blocks_never_leave_their_memory(changes, layer):
    """For any bytes, every row lies inside the block, and every frame it announces is a row or counted."""
    data = block([FRAME, FRAME, FRAME])
    for at, value in changes:
        data[at] = value
    rows, broken = walk(data, layer=layer, room=8)
    (count,) = struct.unpack_from("=I", data, 12)
    assert len(rows) + broken == count
    assert all(
        frame >= 48 and frame + size <= SIZE
        for frame, size in zip(rows["frame"].tolist(), rows["caplen"].tolist(), strict=True)
    )
    assert (rows["wirelen"] >= rows["caplen"]).all()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(0, 2), st.integers(0, 50))
def test_garbage_never_leaves_its_memory(seed, layer, count):
    """Random bytes behind a valid header give only rows inside the block."""
    garbage = bytearray(np.random.default_rng(seed).bytes(SIZE))
    struct.pack_into("=II", garbage, 12, count, 48)
    rows, broken = walk(garbage, layer=layer, room=8)
    assert len(rows) + broken == count
    assert all(
        frame >= 48 and frame + size <= SIZE
        for frame, size in zip(rows["frame"].tolist(), rows["caplen"].tolist(), strict=True)
    )
