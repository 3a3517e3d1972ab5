"""The log does not depend on batch sizes, on reading ahead, or on the run: it is identical to the byte, with the
packets of alerts.

Over the office, lab captures and attacks of the week, with sizes drawn by the seed unless the run is a full one
(tests/sampling.py); SENSOR_CAPTURES=FOLDER does the same over every capture below a folder, in batches of one over its
first packets only: a million packets take a quarter of an hour.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from pcaps import week
from pcaps._week_attacks import Attacks
from sensor.capture.files import open_captures
from sensor.config import load_config
from sensor.core.batch import ROW, Batch
from sensor.core.record import Record
from sensor.engine.pipeline import Pipeline
from sensor.engine.read_ahead import ReadAhead
from sensor.evidence.gather import Gatherer
from sensor.evidence.ring import Frame
from sensor.runtime.assembly import assemble
from tests import sampling

ROOT = Path(__file__).parents[2]
GIVEN = ("ts", "frame", "caplen", "wirelen", "link", "source")
SIZES = (7, 1_000, 65_536)
# Packets that are read one by one.
SLICE, LARGE_SLICE = sampling.count(800, 400), 20_000
VARIABLE = "SENSOR_CAPTURES"
NAMED = os.environ.get(VARIABLE, "")
FORMATS = (".pcap", ".pcapng", ".cap", ".gz", ".snoop", ".zst", ".xz", ".lz4", ".bz2")

Read = Callable[[Pipeline, Iterable[Batch]], None]


def packets(paths: Iterable[Path]) -> Iterator[Batch]:
    """Batches of the source, the files merged by time."""
    source = open_captures([str(path) for path in paths])
    try:
        yield from source.batches()
    finally:
        source.close()


def part(batch: Batch, start: int, stop: int) -> Batch:
    """Some of the packets, with their own rows and bytes, and zeros in the columns that a source does not fill."""
    given = batch.rows[start:stop]
    rows = np.zeros(len(given), ROW)
    for name in GIVEN:
        rows[name] = given[name]
    first, last = int(given["frame"].min()), int((given["frame"] + given["caplen"]).max())
    rows["frame"] -= first
    return Batch(np.asarray(batch.data)[first:last].copy(), rows)


def whole(parts: list[Batch]) -> Batch:
    """Several batches joined."""
    starts = np.cumsum([0, *(len(one.data) for one in parts)])
    for one, start in zip(parts, starts.tolist(), strict=False):
        one.rows["frame"] += start
    return Batch(np.concatenate([one.data for one in parts]), np.concatenate([one.rows for one in parts]))


def cut(batches: Iterable[Batch], size: int, most: int = 1 << 62) -> Iterator[Batch]:
    """The first ``most`` packets in batches of ``size``, for any batches of the source."""
    parts: list[Batch] = []
    room = size
    for batch in batches:
        at = 0
        while at < len(batch) and most:
            parts.append(part(batch, at, at + min(room, most)))
            taken = len(parts[-1])
            at, room, most = at + taken, room - taken, most - taken
            if not room:
                yield whole(parts)
                parts, room = [], size
        batch.release()
    if parts:
        yield whole(parts)


class Ahead:
    """Batches as a source of the reading thread."""

    def __init__(self, given: Iterable[Batch]) -> None:
        self.given = given

    def batches(self) -> Iterator[Batch]:
        yield from self.given

    def backlog(self) -> float:
        return 0.0

    def stop(self) -> None:
        """The source is never stopped."""


def here(pipeline: Pipeline, batches: Iterable[Batch]) -> None:
    for batch in batches:
        pipeline.process(batch)


def ahead(pipeline: Pipeline, batches: Iterable[Batch]) -> None:
    """The kernels run in another thread, ahead of the engine."""
    for batch, work in ReadAhead(Ahead(batches), pipeline.kernels):  # type: ignore[arg-type]  # it asks no more of a source
        pipeline.process(batch, work)


def log(batches: Iterable[Batch], read: Read = here) -> tuple[int, str]:
    """The number of records of the packets, and the digest of all of them and of the packets kept as evidence."""
    digest, count = hashlib.sha256(), 0

    def emit(record: Record) -> None:
        nonlocal count
        count += 1
        digest.update(msgspec.json.encode(record))

    def write(name: str, about: str, frames: list[tuple[Frame, str]]) -> None:
        digest.update(repr((name, about, frames)).encode())

    pipeline = assemble(load_config(None), emit, evidence=Gatherer(write))
    read(pipeline, batches)
    pipeline.finish()
    assert not list(pipeline.boundary.faults.values())
    digest.update(repr(pipeline.report()).encode())
    return count, digest.hexdigest()


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The attacks of the week, and the monitoring of one day."""
    path = tmp_path_factory.mktemp("week") / "attacks.pcap"
    some = week.Week()
    some.monitoring(0)
    Attacks(some.capture, some.company, some.cloud).generate()
    some.capture.write(path, "pcaps/week.py")
    return path


@pytest.fixture(scope="module", params=sampling.drawn(["office", "lab", "week"], 1, "captures"))
def captures(request: pytest.FixtureRequest) -> list[Path]:
    if request.param == "office":
        return [ROOT / "pcaps" / "office.pcapng"]
    if request.param == "lab":
        return sorted((ROOT / "pcaps" / "lab" / "attacks").glob("*.pcap*"))[::4]
    return [request.getfixturevalue("attacked")]


@pytest.fixture(scope="module")
def usual(captures: list[Path]) -> tuple[int, str]:
    """The log for the batches of the source."""
    found = log(cut(packets(captures), 16_384))
    assert found[0] > 10
    return found


@pytest.mark.parametrize("size", sampling.drawn(SIZES, 1, "sizes of batches"))
def test_cuts_change_nothing(captures: list[Path], usual: tuple[int, str], size: int) -> None:
    """Batches of any size give the same log as those of the source."""
    assert log(cut(packets(captures), size)) == usual


def test_packet_by_packet(captures: list[Path]) -> None:
    """Batches of one, over the first packets."""
    assert log(cut(packets(captures), 1, SLICE)) == log(cut(packets(captures), 65_536, SLICE))


@pytest.mark.parametrize("size", sampling.drawn([100, 4_000], 1, "sizes of batches read ahead"))
def test_reading_ahead_changes_nothing(captures: list[Path], usual: tuple[int, str], size: int) -> None:
    """Kernels that run ahead get changes of ``unfollow`` late."""
    assert log(cut(packets(captures), size), ahead) == usual


def test_a_pipe_reports_what_the_file_reports(captures: list[Path], tmp_path: Path) -> None:
    """The same bytes through a pipe are read in other chunks."""
    pipe, content = tmp_path / "pipe", captures[0].read_bytes()
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,), daemon=True)
    writer.start()
    assert log(packets([pipe])) == log(packets([captures[0]]))
    writer.join()


# Large captures.


def named() -> list[Path]:
    return sorted(path for path in Path(NAMED).rglob("*") if path.suffix in FORMATS) if NAMED else []


NONE = pytest.param(
    Path(), id="none", marks=pytest.mark.skipif(not NAMED, reason=f"{VARIABLE} names no folder of captures")
)


@pytest.mark.slow
@pytest.mark.parametrize("path", named() or [NONE], ids=lambda path: path.name)
def test_every_capture_twice_in_every_size(path: Path) -> None:
    """Each capture is read twice, in each size and ahead; packet by packet over its beginning."""
    found = {
        log(packets([path])),
        *(log(cut(packets([path]), size)) for size in SIZES for _ in range(2)),
        log(packets([path]), ahead),
    }
    assert len(found) == 1
    first = {log(cut(packets([path]), size, LARGE_SLICE)) for size in (1, 1, 65_536)}
    assert len(first) == 1
