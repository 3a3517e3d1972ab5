"""The ring's bookkeeping on memory of the test: block status, late readers, and blocks released in any order."""

from __future__ import annotations

import errno
import struct
import threading

import numpy as np
import pytest

from sensor.capture import packet_ring
from sensor.capture.packet_ring import MAX_ROWS, SPARE_SOCKETS, Blocks, Fanout, PacketRing, Shape
from sensor.capture.source import CaptureError

SHAPE = Shape(8, 65536)


class Socket:
    """A packet socket of the kernel; ``full``: there is no memory for its ring."""

    def __init__(self, *, full: bool = False) -> None:
        self.full, self.closed = full, False

    def _use(self) -> None:
        if self.closed:
            raise OSError(errno.EBADF, "Bad file descriptor")

    def setsockopt(self, _level: int, option: int, _value: object) -> None:
        self._use()
        if self.full and option == packet_ring.RX_RING:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")

    def getsockopt(self, _level: int, _option: int, size: int = 0) -> bytes | int:
        self._use()
        return bytes(size) if size else 0

    def bind(self, _address: object) -> None:
        self._use()

    def fileno(self) -> int:
        return -1 if self.closed else 7

    def close(self) -> None:
        self.closed = True


class Kernel:
    """Writes blocks as the kernel does: in order, and only where the status gives them to the kernel."""

    def __init__(self, shape: Shape = SHAPE) -> None:
        self.memory = bytearray(shape.blocks * shape.block_size)
        self.shape = shape
        self.next = 0
        self.dropped = 0
        self.sent = 0

    def hand_over(self, frames: int = 3) -> None:
        start = self.next * self.shape.block_size
        if struct.unpack_from("=I", self.memory, start + 8)[0]:
            self.dropped += frames
            return
        for number in range(frames):
            self.sent += 1
            step = 112 if number < frames - 1 else 0
            struct.pack_into("=6I2H", self.memory, start + 48 + 112 * number, step, 1, self.sent, 16, 16, 0, 82, 96)
        struct.pack_into("=IIIIII", self.memory, start, 3, 0, 1, frames, 48, 0)
        struct.pack_into("=IIII", self.memory, start + 32, 1, self.sent - frames + 1, 1, self.sent)
        self.next = (self.next + 1) % self.shape.blocks


def numbers(batch) -> list[int]:
    return (batch.rows["ts"] - 1_000_000_000).tolist()


@pytest.fixture
def pair():
    kernel = Kernel()
    return kernel, Blocks(kernel.memory, SHAPE)


def test_nothing_is_ready_before_the_kernel_reports_so(pair):
    """Fresh memory belongs to the kernel."""
    _, blocks = pair
    assert not blocks.ready()
    assert blocks.take(1, 0, 0, 8) is None


def test_a_batch_spans_the_blocks_that_are_ready(pair):
    """A batch spans consecutive ready blocks, up to the requested number."""
    kernel, blocks = pair
    for _ in range(5):
        kernel.hand_over()
    assert blocks.ready(4)
    assert not blocks.ready(5)
    assert blocks.times() == (1_000_000_001, 1_000_000_003)
    assert numbers(blocks.take(1, 0, 0, 2)) == [1, 2, 3, 4, 5, 6]
    assert numbers(blocks.take(1, 0, 0, 64)) == list(range(7, 16))
    assert blocks.read == 15


def test_a_batch_is_for_reading_only(pair):
    """Readers cannot write into the ring."""
    kernel, blocks = pair
    kernel.hand_over()
    batch = blocks.take(1, 0, 0, 1)
    assert batch.data.base is not None
    assert not batch.data.flags.writeable
    assert len(batch.data) == SHAPE.blocks * SHAPE.block_size


def test_a_block_that_is_out_is_not_read_twice(pair):
    """With every block in use nothing is ready, the kernel drops, and no batch changes under its reader."""
    kernel, blocks = pair
    for _ in range(10):
        kernel.hand_over()
    batches = [blocks.take(1, 0, 0, 1) for _ in range(8)]
    assert blocks.take(1, 0, 0, 1) is None
    assert kernel.dropped == 6
    assert [number for batch in batches for number in numbers(batch)] == list(range(1, 25))


def test_blocks_come_back_in_any_order(pair):
    """The kernel continues only when its next block is released, and then nothing is lost or repeated."""
    kernel, blocks = pair
    for _ in range(8):
        kernel.hand_over()
    batches = [blocks.take(1, 0, 0, 2) for _ in range(4)]
    batches[1].release()
    kernel.hand_over()
    assert (kernel.dropped, blocks.ready()) == (3, False)
    batches[0].release()
    for _ in range(4):
        kernel.hand_over()
    assert kernel.dropped == 3
    assert numbers(blocks.take(1, 0, 0, 64)) == list(range(25, 37))


def test_a_second_release_gives_nothing_back(pair):
    """A second release has no effect: the block may be in use again."""
    kernel, blocks = pair
    kernel.hand_over()
    first = blocks.take(1, 0, 0, 1)
    first.release()
    for _ in range(8):
        kernel.hand_over()
    later = blocks.take(1, 0, 0, 64)
    first.release()
    kernel.hand_over()
    assert kernel.dropped == 3
    assert len(later) == 24


def test_releases_of_another_thread(pair):
    """With a reader and a releaser in separate threads every frame is counted."""
    kernel, blocks = pair
    waiting, seen, over = [], [], threading.Event()

    def give_back() -> None:
        while not over.is_set() or waiting:
            if waiting:
                waiting.pop(0).release()

    other = threading.Thread(target=give_back)
    other.start()
    for _ in range(2000):
        kernel.hand_over()
        batch = blocks.take(1, 0, 0, 4)
        if batch is not None:
            seen += numbers(batch)
            waiting.append(batch)
    over.set()
    other.join()
    while (batch := blocks.take(1, 0, 0, 4)) is not None:
        seen += numbers(batch)
    assert seen == list(range(1, kernel.sent + 1))
    assert kernel.sent + kernel.dropped == 6000


def test_the_backlog_counts_each_block(pair):
    """Unread blocks and those in use by readers, wherever the ring begins; released blocks are free."""
    kernel, blocks = pair
    assert blocks.backlog() == 0
    for turn in range(SHAPE.blocks):
        for unread in range(1, SHAPE.blocks + 1):
            kernel.hand_over()
            assert blocks.backlog() == unread / SHAPE.blocks
        batch = blocks.take(1, 0, 0, turn + 1)
        assert blocks.backlog() == 1
        batch.release()
        assert blocks.backlog() == 1 - (turn + 1) / SHAPE.blocks
        while (batch := blocks.take(1, 0, 0, 1)) is not None:
            batch.release()
        assert blocks.backlog() == 0
        kernel.hand_over()
        blocks.take(1, 0, 0, 1).release()


def test_a_batch_has_no_more_rows_than_allowed():
    """Blocks full of the smallest frames are split into batches, and no frame is truncated."""
    shape = Shape(4, 1 << 20)
    kernel = Kernel(shape)
    blocks = Blocks(kernel.memory, shape)
    for _ in range(3):
        kernel.hand_over(9000)
    sizes = []
    while (batch := blocks.take(1, 0, 0, 64)) is not None:
        sizes.append(len(batch))
        assert batch.rows["ts"].tolist() == sorted(batch.rows["ts"].tolist())
    assert sizes == [9000, 9000, 9000]
    assert max(sizes) <= MAX_ROWS


def test_a_block_that_lies_about_its_frames_costs_them_only(pair):
    """Existing frames are read, the others are counted as malformed, and the next block is valid."""
    kernel, blocks = pair
    kernel.hand_over()
    kernel.hand_over()
    struct.pack_into("=I", kernel.memory, 12, 1_000_000)
    first = blocks.take(1, 0, 0, 1)
    assert (numbers(first), blocks.broken) == ([1, 2, 3], 999_997)
    assert numbers(blocks.take(1, 0, 0, 1)) == [4, 5, 6]


@pytest.mark.parametrize(
    ("ring_mib", "block_kib"), [(0, 64), (1, 1024), (64, 2048), (64, 3), (64, 0), (64, 1022), (8192, 1024), (-1, 64)]
)
def test_impossible_sizes_are_refused(ring_mib, block_kib):
    """The error is one line with the allowed sizes."""
    with pytest.raises(CaptureError, match=r"block size|ring size"):
        Shape.of(ring_mib, block_kib)


def test_sizes_of_a_ring():
    """Mebibytes and kibibytes."""
    assert Shape.of(64, 1024) == Shape(64, 1 << 20)
    assert Shape.of(1, 64) == Shape(16, 65536)


def test_memory_outlives_the_ring(pair):
    """A batch in use stays readable after the ring is closed."""
    kernel, blocks = pair
    kernel.hand_over()
    batch = blocks.take(1, 0, 0, 1)
    del blocks
    assert np.frombuffer(batch.frame(0), np.uint8).size == 16


def test_without_memory_for_a_new_ring_the_capture_waits(monkeypatch):
    """An interface returns while memory is short: that is reported, and the next attempt continues the capture."""
    sockets, index = [Socket() for _ in range(SPARE_SOCKETS + 1)], [1]
    given = iter(sockets)
    monkeypatch.setattr(packet_ring, "_socket", lambda _: next(given))
    monkeypatch.setattr(packet_ring.mmap, "mmap", lambda _, size, *__: bytearray(size))
    monkeypatch.setattr(packet_ring, "index_of", lambda *_: index[0])
    monkeypatch.setattr(packet_ring, "hardware_of", lambda *_: 1)
    monkeypatch.setattr(packet_ring, "is_up", lambda *_: True)
    ring = PacketRing("eth0", 0, SHAPE, lambda _: [(6, 0, 0, 0)], fanout=Fanout())
    assert (ring.follow(), ring.problem) == (True, "")
    index[0], sockets[SPARE_SOCKETS - 1].full = 2, True
    assert not ring.follow()
    assert "memory" in ring.problem
    assert ring.fileno() >= 0
    assert (ring.follow(), ring.problem, ring.index, ring.returns) == (True, "", 2, 1)
    ring.close()
    assert all(one.closed for one in sockets)
