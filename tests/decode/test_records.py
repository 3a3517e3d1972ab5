"""The kernels that read capture files, against a slow reference on generated and mutated blocks."""

from __future__ import annotations

import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.capture.pcapng import units
from sensor.core.batch import ROW
from sensor.decode import records
from tests.capture.captures import FRAMES, Frame, Ng, pcap, pcapng, snoop

LARGEST = 262144
Walk = tuple[list[tuple[int, int, int, int, int]], int, int, int]
"""Rows (ts, frame, caplen, wirelen, link), where the next record begins, why it ended, what it needs."""

BYTES = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6)


def _mutated(content: bytes, changes: list[tuple[int, int]]) -> bytes:
    out = bytearray(content)
    for at, value in changes:
        out[at % len(out)] = value
    return bytes(out)


def _rows(rows: np.ndarray, filled: int) -> list[tuple[int, int, int, int, int]]:
    columns = ("ts", "frame", "caplen", "wirelen", "link")
    return [tuple(int(row[name]) for name in columns) for row in rows[:filled]]  # type: ignore[misc]


def _blank(count: int) -> np.ndarray:
    """Rows full of old values that must be overwritten."""
    rows = np.empty(count, ROW)
    rows.view(np.uint8)[:] = 0xEE
    return rows


def _pcap(data: bytes, order: str, fraction: int, header: int, lengths: int, room: int) -> Walk:
    """The reference."""
    at, rows = 0, []
    while True:
        if at + header > len(data):
            return rows, at, records.MORE, header
        seconds, part, caplen, wirelen = struct.unpack_from(order + "IIII", data, at)
        if lengths == 1 or (lengths == 2 and caplen > wirelen):
            caplen, wirelen = wirelen, caplen
        if caplen > LARGEST:
            return rows, at, records.BROKEN, records.FRAME_LENGTH
        if at + header + caplen > len(data):
            return rows, at, records.MORE, header + caplen
        if len(rows) == room:
            return rows, at, records.FULL, 0
        rows.append((seconds * 10**9 + part * fraction, at + header, caplen, max(caplen, wirelen), 1))
        at += header + caplen


@given(
    changes=BYTES,
    order=st.sampled_from("<>"),
    nano=st.booleans(),
    header=st.sampled_from((16, 24)),
    lengths=st.integers(0, 2),
    room=st.integers(0, 8),
)
def test_pcap_equals_the_reference(
    changes: list[tuple[int, int]], order: str, nano: bool, header: int, lengths: int, room: int
) -> None:
    """Rows, end position and reason equal those of the reference, for any bytes."""
    content = pcap(FRAMES, order, nano=nano, extra=bytes(header - 16))[24:]
    data = _mutated(content, changes)
    rows = _blank(room)
    fraction = 1 if nano else 1000
    filled, *rest = records.scan_pcap(
        np.frombuffer(data, np.uint8), 0, len(data), rows, 0, order == ">", fraction, header, lengths, LARGEST, 1, 7
    )
    assert (_rows(rows, filled), *rest) == _pcap(data, order, fraction, header, lengths, room)


def _snoop(data: bytes, room: int) -> Walk:
    """The reference."""
    at, rows = 0, []
    while True:
        if at + 24 > len(data):
            return rows, at, records.MORE, 24
        wirelen, caplen, size, _, seconds, micros = struct.unpack_from(">6I", data, at)
        if caplen > LARGEST:
            return rows, at, records.BROKEN, records.FRAME_LENGTH
        if not 24 <= size <= LARGEST + 4096:
            return rows, at, records.BROKEN, records.BLOCK_LENGTH
        if caplen > size - 24:
            return rows, at, records.BROKEN, records.OVERHANG
        if at + size > len(data):
            return rows, at, records.MORE, size
        if len(rows) == room:
            return rows, at, records.FULL, 0
        rows.append((seconds * 10**9 + micros * 1000, at + 24, caplen, max(caplen, wirelen), 1))
        at += size


@given(changes=BYTES, room=st.integers(0, 8))
def test_snoop_equals_the_reference(changes: list[tuple[int, int]], room: int) -> None:
    """As for pcap."""
    data = _mutated(snoop(FRAMES)[16:], changes)
    rows = _blank(room)
    filled, *rest = records.scan_snoop(np.frombuffer(data, np.uint8), 0, len(data), rows, 0, LARGEST, 1, 7)
    assert (_rows(rows, filled), *rest) == _snoop(data, room)


INTERFACES = [(1000, 0, 0, 1, 0), (10**9, 20, 5, 113, 20)]
"""(multiply, shift, offset, link, snap length) of two interfaces."""


def _table() -> np.ndarray:
    return np.array(
        [(multiply, 1, offset, shift, snaplen, link, 0) for multiply, shift, offset, link, snaplen in INTERFACES],
        records.INTERFACE,
    )


def _packet(kind: int, body: bytes, size: int, at: int, order: str, ts: int) -> tuple[int, int, int, int, int] | int:
    """Reference: the row of one packet block, or the reason why there is none."""
    if size < (16 if kind == 3 else 32):
        return records.BLOCK_LENGTH
    number = {6: struct.unpack_from(order + "I", body)[0], 2: struct.unpack_from(order + "H", body)[0], 3: 0}[kind]
    if number >= len(INTERFACES):
        return records.INTERFACE_UNKNOWN
    multiply, shift, offset, link, snaplen = INTERFACES[number]
    if kind == 3:
        wirelen = struct.unpack_from(order + "I", body)[0]
        caplen = min(wirelen, snaplen or wirelen, size - 16)
        return ts, at + 12, caplen, wirelen, link
    high, low, caplen, wirelen = struct.unpack_from(order + "IIII", body, 4)
    if caplen > size - 32:
        return records.OVERHANG
    ns = ((high << 32 | low) * multiply >> shift) + offset
    return min(ns, records.LATEST), at + 28, caplen, max(caplen, wirelen), link


def _pcapng(data: bytes, order: str, ts: int, room: int) -> Walk:
    """The reference."""
    at, rows = 0, []
    while at + 12 <= len(data):
        kind, size = struct.unpack_from(order + "II", data, at)
        padded = (size + 3) // 4 * 4
        if kind == 0x0A0D0D0A:
            return rows, at, records.ASIDE, 0
        if not 12 <= size <= LARGEST:
            return rows, at, records.BROKEN, records.BLOCK_LENGTH
        if at + padded > len(data):
            return rows, at, records.MORE, padded
        if struct.unpack_from(order + "I", data, at + padded - 4)[0] != size:
            return rows, at, records.BROKEN, records.TRAILER
        if kind in (1, 5):
            return rows, at, records.ASIDE, padded
        if kind in (2, 3, 6):
            if len(rows) == room:
                return rows, at, records.FULL, 0
            row = _packet(kind, data[at + 8 : at + padded], size, at, order, ts)
            if isinstance(row, int):
                return rows, at, records.BROKEN, row
            rows.append(row)
            ts = row[0]
        at += padded
    return rows, at, records.MORE, 12


@given(
    changes=BYTES, order=st.sampled_from("<>"), room=st.integers(0, 8), kinds=st.lists(st.integers(0, 7), max_size=8)
)
def test_pcapng_equals_the_reference(changes: list[tuple[int, int]], order: str, room: int, kinds: list[int]) -> None:
    """As for pcap, over all kinds of packet blocks on both interfaces, blocks handled in Python, and unknown blocks."""
    ng, frame = Ng(order), FRAMES[3]
    make = {
        0: ng.packet(frame, 0),
        1: ng.packet(frame, 1),
        2: ng.old_packet(frame, 1),
        3: ng.simple(frame.data),
        4: ng.block(4711, b"unknown"),
        5: ng.interface(),
        6: ng.section(),
        7: ng.statistics(0, 1, 2),
    }
    data = _mutated(b"".join(make[kind] for kind in kinds) + make[0], changes)
    rows = _blank(room)
    filled, *rest = records.scan_pcapng(
        np.frombuffer(data, np.uint8), 0, len(data), rows, 0, order == ">", _table(), 77, LARGEST, 7
    )
    assert (_rows(rows, filled), *rest) == _pcapng(data, order, 77, room)


def test_the_rest_of_a_row_is_zero() -> None:
    """Old values of a row are overwritten, and the source is set."""
    data = np.frombuffer(pcap(FRAMES[1:2]), np.uint8)
    rows = _blank(1)
    records.scan_pcap(data, 24, len(data), rows, 0, False, 1000, 16, 0, LARGEST, 1, 7)
    reported = {name: int(rows[0][name]) for name in ROW.names or () if rows[0][name]}
    assert reported == {"ts": FRAMES[1].ts, "frame": 40, "caplen": 7, "wirelen": 7, "link": 1, "source": 7}


def test_rows_are_filled_behind_those_that_are() -> None:
    """The next call continues in the rows after those of the call before."""
    data = np.frombuffer(pcap(FRAMES), np.uint8)
    rows = _blank(6)
    filled, at, why, _ = records.scan_pcap(data, 24, len(data) - 1, rows, 0, False, 1000, 16, 0, LARGEST, 1, 0)
    assert (filled, why) == (5, records.MORE)
    filled, at, why, need = records.scan_pcap(data, at, len(data), rows, filled, False, 1000, 16, 0, LARGEST, 1, 0)
    assert (filled, at, why, need) == (6, len(data), records.MORE, 16)
    assert rows["ts"].tolist() == [frame.ts for frame in FRAMES]


@given(st.integers(0, 255), st.integers(0, 2**64 - 1), st.integers(-(2**62), 2**62))
def test_times_are_exact(resolution: int, count: int, offset: int) -> None:
    """Every resolution and number of units is rounded down to whole ns and limited to 1970 to 2262."""
    multiply, shift, divide = units(resolution)
    table = np.array([(multiply, divide, offset, shift, 0, 1, 0)], records.INTERFACE)
    data = np.frombuffer(Ng().packet(Frame(0, b""), units=count), np.uint8)
    rows = _blank(1)
    records.scan_pcapng(data, 0, len(data), rows, 0, False, table, 0, LARGEST, 0)
    base = 2 if resolution & 0x80 else 10
    exact = int(Fraction(count * 10**9, base ** (resolution & 0x7F))) + offset
    assert int(rows["ts"][0]) == max(0, min(exact, records.LATEST))


@pytest.mark.parametrize(("start", "end", "filled"), [(-1, 10, 0), (0, 101, 0), (11, 10, 0), (0, 10, -1), (0, 10, 3)])
def test_what_lies_outside_is_an_error(start: int, end: int, filled: int) -> None:
    """No call reads or writes outside its block or its rows."""
    data, rows = np.zeros(100, np.uint8), _blank(2)
    with pytest.raises(IndexError):
        records.scan_pcap(data, start, end, rows, filled, False, 1000, 16, 0, LARGEST, 1, 0)
    with pytest.raises(IndexError):
        records.scan_snoop(data, start, end, rows, filled, LARGEST, 1, 0)
    with pytest.raises(IndexError):
        records.scan_pcapng(data, start, end, rows, filled, False, _table(), 0, LARGEST, 0)


def test_gather_copies_frames_and_rows() -> None:
    """Rows are copied to the given positions and point at their copied bytes."""
    data = np.frombuffer(pcap(FRAMES), np.uint8)
    rows = _blank(6)
    records.scan_pcap(data, 24, len(data), rows, 0, False, 1000, 16, 0, LARGEST, 1, 3)
    out, out_rows = np.zeros(100, np.uint8), _blank(3)
    records.gather(data, rows, np.array([5, 1]), np.array([0, 2]), np.array([60, 10]), out, out_rows)
    assert out[60:95].tobytes() == FRAMES[5].data
    assert out[10:17].tobytes() == FRAMES[1].data
    assert out_rows["frame"][[0, 2]].tolist() == [60, 10]
    assert out_rows["source"][[0, 2]].tolist() == [3, 3]
    assert out.sum() == 5 * 35 + 7


@pytest.mark.parametrize(
    ("pick", "place", "frame"), [(6, 0, 0), (-1, 0, 0), (5, 3, 0), (5, -1, 0), (5, 0, 66), (5, 0, -1)]
)
def test_gather_stays_inside(pick: int, place: int, frame: int) -> None:
    """Rows, positions and bytes outside are errors."""
    data = np.frombuffer(pcap(FRAMES), np.uint8)
    rows = _blank(6)
    records.scan_pcap(data, 24, len(data), rows, 0, False, 1000, 16, 0, LARGEST, 1, 3)
    with pytest.raises(IndexError):
        records.gather(
            data, rows, np.array([pick]), np.array([place]), np.array([frame]), np.zeros(100, np.uint8), _blank(3)
        )
    rows["frame"][5] = len(data)
    with pytest.raises(IndexError):
        records.gather(data, rows, np.array([5]), np.array([0]), np.array([0]), np.zeros(100, np.uint8), _blank(3))
    with pytest.raises(ValueError, match="1, 2 and 1 rows"):
        records.gather(data, rows, np.array([0]), np.array([0, 1]), np.array([0]), np.zeros(100, np.uint8), _blank(3))


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 3)), max_size=20))
def test_sums_equal_numpy(frames: list[tuple[int, int, int]]) -> None:
    """Bytes captured and on the wire, truncated frames, and how many share the first link type."""
    rows = np.zeros(len(frames), ROW)
    rows["caplen"], rows["wirelen"], rows["link"] = [list(column) for column in zip(*frames, strict=True)] or [0, 0, 0]
    same = sum(link == frames[0][2] for _, _, link in frames)
    assert records.sums(rows) == (
        sum(c for c, _, _ in frames),
        sum(w for _, w, _ in frames),
        sum(c < w for c, w, _ in frames),
        same,
    )


def test_pcapng_helper_and_kernel_agree_on_the_whole() -> None:
    """A section is handled in Python for its header and its interface, then read to the end."""
    data = np.frombuffer(pcapng(FRAMES), np.uint8)
    rows = _blank(9)
    assert records.scan_pcapng(data, 0, len(data), rows, 0, False, _table(), 0, LARGEST, 0) == (0, 0, records.ASIDE, 0)
    filled, at, why, need = records.scan_pcapng(data, 28, len(data), rows, 0, False, _table(), 0, LARGEST, 0)
    assert (filled, at, why) == (0, 28, records.ASIDE)
    assert records.scan_pcapng(data, 28 + need, len(data), rows, 0, False, _table(), 0, LARGEST, 0) == (
        6,
        len(data),
        records.MORE,
        12,
    )
