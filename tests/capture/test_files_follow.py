"""Files that are still written, and folders that get new ones."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sensor.capture import follow
from sensor.capture.capture_file import CaptureFile
from sensor.capture.files import CaptureFiles, open_captures
from sensor.core.time_units import SECOND
from tests.capture.captures import FRAMES, Frame, pcap, pcapng, write
from tests.waiting import until

PATIENCE = 60.0
"""Seconds after which a test gives up; none takes one."""
# In this many pauses it checks all files and folders at least once.
PAUSES = 5


class Watch:
    """Reads a followed source in a thread."""

    def __init__(self, *paths: Path) -> None:
        self.source: CaptureFiles = open_captures([str(path) for path in paths], follow=True)
        self.found: list[bytes] = []
        self.gaps: list[float] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        last = time.monotonic()
        for batch in self.source.batches():
            self.gaps.append(time.monotonic() - last)
            last = time.monotonic()
            self.found += [batch.frame(i) for i in range(len(batch))]
            batch.release()

    def until(self, true: Callable[[], bool]) -> None:
        until(true, what=lambda: (self.found, self.source.damages, self.source.unreadable))

    def expect(self, *frames: bytes) -> None:
        """Wait for exactly these packets."""
        self.until(lambda: len(self.found) >= len(frames))
        assert self.found == list(frames)

    def looks_again(self) -> None:
        """Wait until it has checked all files again: each pause without packets gives an empty batch."""
        seen = len(self.gaps)
        self.until(lambda: len(self.gaps) > seen + PAUSES)

    def end(self) -> None:
        self.source.stop()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        self.source.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "PAUSE", 0.01)
    monkeypatch.setattr(follow, "LOOK", 0.02)


@pytest.fixture
def watch(request: pytest.FixtureRequest) -> Iterator[Callable[..., Watch]]:
    made: list[Watch] = []

    def start(*paths: Path) -> Watch:
        made.append(Watch(*paths))
        return made[-1]

    yield start
    for one in made:
        one.end()


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def _one(mark: bytes, second: int = 1) -> bytes:
    return pcap([Frame(second * SECOND, mark)])


@pytest.mark.parametrize(
    "content", [pcap(FRAMES), pcapng(FRAMES), gzip.compress(pcap(FRAMES))], ids=["pcap", "pcapng", "gzip"]
)
def test_a_file_in_the_making(tmp_path: Path, watch: Callable[..., Watch], content: bytes) -> None:
    """The file grows in pieces of any size, from its first bytes on; stopping inside a record is no damage."""
    path = tmp_path / "a"
    path.write_bytes(content[:3])
    reader = watch(path)
    for start in range(3, len(content), 40):
        _append(path, content[start : start + 40])
        time.sleep(0.005)
    reader.expect(*(frame.data for frame in FRAMES))
    _append(path, content[24:30])
    reader.looks_again()
    reader.end()
    assert not reader.source.unreadable
    assert all(damage.kind != "cut" for damage in reader.source.damages)
    assert reader.source.total_bytes == 0


def test_silence_is_reported(tmp_path: Path, watch: Callable[..., Watch]) -> None:
    """A file that does not grow gives an empty batch again and again; a stop ends the reading at once."""
    reader = watch(*map(Path, write(tmp_path, {"a": _one(b"a")})))
    reader.until(lambda: len(reader.gaps) > 20)
    assert max(reader.gaps) < 10
    began = time.monotonic()
    reader.end()
    assert time.monotonic() - began < 10


def test_new_files_in_a_folder(tmp_path: Path, watch: Callable[..., Watch]) -> None:
    """Existing files are read in order of time, new ones as they appear; an older file may grow."""
    write(tmp_path, {"a": _one(b"late", 9), "b": _one(b"early", 1)})
    reader = watch(tmp_path)
    reader.expect(b"early", b"late")
    (tmp_path / "c").write_bytes(_one(b"new", 5))
    reader.expect(b"early", b"late", b"new")
    _append(tmp_path / "a", _one(b"more")[24:])
    reader.expect(b"early", b"late", b"new", b"more")
    assert [Path(name).name for name in reader.source.names] == ["b", "a", "c"]


def test_folder_that_is_empty_at_first(tmp_path: Path, watch: Callable[..., Watch]) -> None:
    """A folder may get its first file later; a file that is no capture is reported once."""
    reader = watch(tmp_path)
    (tmp_path / "notes").write_bytes(b"some text")
    (tmp_path / "a").write_bytes(_one(b"a"))
    reader.expect(b"a")
    reader.until(lambda: len(reader.source.unreadable) > 0)
    reader.looks_again()
    assert [line.found for line in reader.source.unreadable if line.path.endswith("notes")] == ["text"]


def test_rotation(tmp_path: Path, watch: Callable[..., Watch]) -> None:
    """A file that is replaced, or truncated and rewritten, is read to its end and then from its start; one that is
    deleted inside a record is damaged.
    """
    path = tmp_path / "a"
    path.write_bytes(_one(b"one"))
    reader = watch(path)
    reader.expect(b"one")
    (tmp_path / "b").write_bytes(_one(b"two"))
    (tmp_path / "b").rename(path)
    reader.expect(b"one", b"two")
    path.write_bytes(b"")
    reader.looks_again()
    path.write_bytes(_one(b"three") + b"cut")
    reader.expect(b"one", b"two", b"three")
    reader.looks_again()
    path.unlink()
    reader.until(lambda: len(reader.source.damages) > 0)
    assert [(damage.offset, damage.kind) for damage in reader.source.damages] == [(len(_one(b"three")), "cut")]


def test_files_packed_after_rotation_are_not_read_twice(tmp_path: Path, watch: Callable[..., Watch]) -> None:
    """``a.gz`` beside or in place of an ``a`` that was read is the same; a compressed file of another name is new."""
    path = tmp_path / "a"
    path.write_bytes(_one(b"a"))
    reader = watch(tmp_path)
    reader.expect(b"a")
    (tmp_path / "a.gz").write_bytes(gzip.compress(_one(b"a")))
    path.unlink()
    reader.looks_again()
    (tmp_path / "b.gz").write_bytes(gzip.compress(_one(b"b")))
    reader.expect(b"a", b"b")
    assert not reader.source.damages


def test_a_file_that_is_packed_during_the_search(
    tmp_path: Path, watch: Callable[..., Watch], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is deleted after its folder was listed, and before the file itself is checked."""
    path, packed, replaced = tmp_path / "a", tmp_path / "a.gz", follow._replaced
    path.write_bytes(_one(b"a"))
    reader = watch(tmp_path)
    reader.expect(b"a")

    def deleted(file: CaptureFile, name: str) -> bool:
        if packed.exists():
            path.unlink(missing_ok=True)
        return replaced(file, name)

    monkeypatch.setattr(follow, "_replaced", deleted)
    packed.write_bytes(gzip.compress(_one(b"a")))
    reader.until(lambda: not path.exists())
    reader.looks_again()
    (tmp_path / "b.gz").write_bytes(gzip.compress(_one(b"b")))
    reader.expect(b"a", b"b")
    assert not reader.source.unreadable


def test_followed_files_are_bounded(
    tmp_path: Path, watch: Callable[..., Watch], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many files the least recently written ones are considered complete and closed; new ones are still read."""
    monkeypatch.setattr(follow, "MOST_OPEN", 3)
    write(tmp_path, {f"{i}": _one(b"%d" % i, i) for i in range(8)})
    reader = watch(tmp_path)
    (tmp_path / "8").write_bytes(_one(b"8"))
    reader.expect(*(b"%d" % i for i in range(9)))
    assert len(reader.source._open) <= 4
