"""Many files, folders, patterns and pipes as one source, in order of time."""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.capture.blocks import KEPT, MAX_ROWS, Pool
from sensor.capture.files import CaptureFiles, open_captures
from sensor.capture.merge import MOST_OPEN, merge_keys
from sensor.core.batch import ROW
from sensor.core.time_units import SECOND
from tests.capture.captures import Frame, drain, pcap, pcapng, seen, write
from tests.golden import Golden

START = 1_700_000_000 * SECOND


def _frames(*seconds: float, mark: bytes = b"x") -> list[Frame]:
    return [Frame(START + int(second * SECOND), mark) for second in seconds]


def test_files_come_in_order_of_time(tmp_path: Path) -> None:
    """Files are read by time, not by name; each once, however often it is listed. Row column ``source`` is the file."""
    paths = write(
        tmp_path,
        {
            "a": pcap(_frames(20, 21, mark=b"a")),
            "b": pcapng(_frames(1, 2, mark=b"b")),
            "c": pcap(_frames(10, mark=b"c")),
        },
    )
    source = open_captures([*paths, str(tmp_path), str(tmp_path / "[abc]"), f"{tmp_path}/../{tmp_path.name}/a"])
    marks, names = b"", []
    for batch in source.batches():
        marks += b"".join(batch.frame(i) for i in range(len(batch)))
        names += [source.names[number] for number in batch.rows["source"]]
        batch.release()
    assert marks == b"bbcaa"
    assert [Path(name).name for name in names] == list("bbcaa")
    assert source.total_bytes == source.read_bytes == sum(Path(path).stat().st_size for path in paths)


def test_overlapping_files_are_merged(tmp_path: Path) -> None:
    """Packets are merged one by one; at equal times the file listed first comes first, in its own order."""
    files = {
        "a": pcap(_frames(1, 3, 5, 5, 9, mark=b"a")),
        "b": pcap(_frames(2, 3, 5, 6, mark=b"b")),
        "c": pcap(_frames(5, mark=b"c")),
    }
    found = drain(open_captures(write(tmp_path, files)))
    assert b"".join(frame.data for frame in found) == b"ababaabcba"


def test_merge_equals_a_stable_sort(tmp_path: Path) -> None:
    """Overlapping files over many batches equal all packets sorted by time, with files in order at equal times."""
    rng = random.Random(7)
    every, files = [], {}
    for number in range(5):
        ts = START + rng.randrange(3) * 50 * SECOND
        frames = []
        for _ in range(4000):
            ts += rng.choice((0, 0, 1000, 1_000_000, 50_000_000))
            frames.append(Frame(ts, rng.randbytes(rng.randrange(300))))
        files[f"{number}"] = pcap(frames)
        every += frames
    source = open_captures(write(tmp_path, files))
    assert drain(source) == seen(sorted(every, key=lambda frame: frame.ts))
    assert source.tally.packets == 20_000


def test_files_that_do_not_overlap_pass_uncopied(tmp_path: Path) -> None:
    """Batches of consecutive files refer to the blocks that were read."""
    source = open_captures(write(tmp_path, {"a": pcap(_frames(1, 2)), "b": pcap(_frames(3, 4))}))
    offsets = [batch.rows["frame"].tolist() for batch in source.batches()]
    assert offsets == [[40, 57], [40, 57]]


@pytest.mark.parametrize("wild", [0, START - 10**9 * SECOND, START + 10**9 * SECOND])
@pytest.mark.parametrize("at", [0, 1, 7, 19])
def test_one_wild_time_moves_no_other(tmp_path: Path, wild: int, at: int) -> None:
    """A single impossible time changes neither the order of other packets nor that of its own file."""
    odd = [Frame(START + 2 * i * SECOND, b"odd" + bytes((i,))) for i in range(20)]
    even = [Frame(START + (2 * i + 1) * SECOND, b"even" + bytes((i,))) for i in range(20)]
    expected = [frame.data for frame in sorted(odd + even)]
    ts = max(wild, 0)
    odd[at] = Frame(ts if ts < 2**32 * SECOND else START + 2 * 10**9 * SECOND, odd[at].data)
    found = [frame.data for frame in drain(open_captures(write(tmp_path, {"a": pcap(odd), "b": pcap(even)})))]
    mark = odd[at].data
    assert [data for data in found if data != mark] == [data for data in expected if data != mark]
    assert [data for data in found if data.startswith(b"odd")] == [frame.data for frame in odd]


def test_wild_time_at_the_end_of_a_batch(tmp_path: Path) -> None:
    """A wild time as the last of a batch does not delay its file."""
    odd = [Frame(START + 2 * i * SECOND, b"") for i in range(20_000)]
    even = [Frame(START + (2 * i + 1) * SECOND, b"even") for i in range(20_000)]
    expected = [frame.data for frame in sorted([*odd, *even], key=lambda frame: frame.ts)]
    odd[MAX_ROWS - 1] = Frame(START + 10**9 * SECOND, b"wild")
    found = [frame.data for frame in drain(open_captures(write(tmp_path, {"a": pcap(odd), "b": pcap(even)})))]
    at = found.index(b"wild")
    assert abs(at - 2 * (MAX_ROWS - 1)) <= 1
    assert found[: at - 1] == expected[: at - 1]
    assert found[at + 2 :] == expected[at + 2 :]


@given(st.lists(st.integers(0, 2**62), max_size=50))
def test_merge_keys_never_fall(times: list[int]) -> None:
    """For any times the keys are in order, and equal the times where those are."""
    rows = np.zeros(len(times), ROW)
    rows["ts"] = times
    keys = merge_keys(rows)
    assert (np.diff(keys) >= 0).all()
    rows["ts"] = sorted(times)
    if len(times) > 1:
        assert (merge_keys(rows)[:-1] == rows["ts"][:-1]).all()


def test_more_files_than_may_be_open(tmp_path: Path) -> None:
    """A hundred overlapping files are read with a bounded number open, and none is lost."""
    files = {f"{i:03}": pcap(_frames(i / 100, 50 + i / 100, mark=bytes((i,)))) for i in range(100)}
    source = open_captures(write(tmp_path, files))
    most, found = 0, []
    for batch in source.batches():
        most = max(most, len(list(Path("/proc/self/fd").iterdir())))
        found += [batch.frame(i) for i in range(len(batch))]
        batch.release()
    assert sorted(found) == sorted([bytes((i,)) for i in range(100)] * 2)
    assert most <= MOST_OPEN + 40


def test_the_rest_goes_on(golden: Golden, tmp_path: Path) -> None:
    """A missing, unsupported, damaged or forbidden file is reported, and the others are read."""
    good, cut = pcap(_frames(1, 2)), pcap(_frames(3, 4))[:-1]
    write(tmp_path, {"good": good, "cut": cut, "notes": b"some text", "zero": b"", ".hidden": good})
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    source = open_captures(
        [str(tmp_path), str(tmp_path / "empty"), str(tmp_path / "missing"), str(tmp_path / "*.pcap")]
    )
    assert len(drain(source)) == 3
    golden({Path(line.path).name: line.found for line in source.unreadable})
    assert [(Path(damage.path).name, damage.offset) for damage in source.damages] == [("cut", 41)]
    assert source.read_bytes == source.total_bytes


def test_names_are_cleaned(tmp_path: Path) -> None:
    """File names may contain anything; their report is one printable line."""
    write(tmp_path, {"a\x1b[31m\nb": pcap(_frames(1))})
    source = open_captures([str(tmp_path)])
    drain(source)
    assert source.names == [f"{tmp_path}/a [31m b"]


# Pipes


def _pipe(tmp_path: Path, *chunks: bytes, pause: float = 0.0) -> CaptureFiles:
    """A named pipe into which a thread writes chunk after chunk."""
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def write_all() -> None:
        with path.open("wb", buffering=0) as file:
            for chunk in chunks:
                time.sleep(pause)
                file.write(chunk)

    threading.Thread(target=write_all, daemon=True).start()
    return open_captures([str(path)])


def test_pipe_is_read_as_it_comes(tmp_path: Path) -> None:
    """A pipe has no size and is read once, and a record may arrive in pieces."""
    content = pcap(_frames(*range(50)))
    source = _pipe(tmp_path, *(content[i : i + 100] for i in range(0, len(content), 100)), pause=0.002)
    assert drain(source) == seen(_frames(*range(50)))
    assert source.total_bytes == 0


def test_silent_pipe_gives_empty_batches(tmp_path: Path) -> None:
    """During silence the reader gets empty batches, and may stop."""
    source = _pipe(tmp_path, pcap(_frames(1)), b"", b"", b"", pause=0.4)
    sizes = []
    for batch in source.batches():
        sizes.append(len(batch))
        if len(sizes) > 5:
            source.stop()
    source.close()
    assert sizes[0] == 0
    assert sum(sizes) == 1


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``-`` is standard input; it may be a compressed capture, and be merged with files."""
    import gzip

    reading, writing = os.pipe()
    os.write(writing, gzip.compress(pcap(_frames(2, 4, mark=b"p"))))
    os.close(writing)
    kept = os.dup(0)
    os.dup2(reading, 0)
    try:
        source = open_captures(["-", *write(tmp_path, {"a": pcap(_frames(1, 3, 5, mark=b"f"))})])
        assert b"".join(frame.data for frame in drain(source)) == b"fpfpf"
        assert source.names == ["-", str(tmp_path / "a")]
        os.fstat(0)  # is still open
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(reading)


# Memory


def test_released_memory_is_used_again(tmp_path: Path) -> None:
    """A reader that releases its batches uses a few blocks; one that keeps them sees unchanged bytes."""
    frames = [Frame(START + i * 1000, i.to_bytes(4, "big") * 300) for i in range(20_000)]
    paths = write(tmp_path, {"a": pcap(frames)})
    source = open_captures(paths)
    blocks = set()
    for batch in source.batches():
        blocks.add(batch.data.ctypes.data)
        batch.release()
        batch.release()
    assert len(blocks) <= 2
    source = open_captures(paths)
    kept = list(source.batches())
    source.close()
    assert [batch.frame(i) for batch in kept for i in range(len(batch))] == [frame.data for frame in frames]


def test_pool_is_bounded_and_counts_users() -> None:
    """A block is reused when its last user has released it, and only a few are kept."""
    pool = Pool(64, 4)
    block = pool.take()
    first, second = pool.batch(block, pool.rows(), 1), pool.batch(block, pool.rows(), 1)
    pool.drop(block)
    first.release()
    first.release()
    assert pool.take() is not block
    second.release()
    assert pool.take() is block
    many = [pool.take() for _ in range(3 * KEPT)]
    for one in many:
        pool.drop(one)
    assert len({id(pool.take()) for _ in range(3 * KEPT)} & {id(one) for one in many}) <= KEPT
    large = pool.take(65)
    pool.drop(large)
    assert pool.take(65) is not large


def test_batches_are_read_only(tmp_path: Path) -> None:
    """Readers cannot write into a block by mistake."""
    [batch] = open_captures(write(tmp_path, {"a": pcap(_frames(1))})).batches()
    with pytest.raises(ValueError, match="read-only"):
        batch.data[0] = 1
