"""Evidence files: readable by the sensor and by Wireshark, masked, bounded on disk, and never blocking."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from sensor.capture.files import open_captures
from sensor.evidence import writer as writing
from sensor.evidence.ring import Frame
from sensor.evidence.writer import Writer
from tests.golden import Golden
from tests.kit import tcp_frame, udp_frame

TS = 1_795_511_647_318_442_123
FRAMES = [tcp_frame("10.0.0.1", "10.0.0.2", b"PASS hunter22\r\n", dport=21), udp_frame("10.0.0.1", "10.0.0.2", b"x")]


def frames(link: int = 1) -> list[tuple[Frame, str]]:
    return [(Frame(TS + n, link, len(data) + 10 * n, data), f"comment {n}") for n, data in enumerate(FRAMES)]


def written(folder: Path, *jobs: tuple[str, list[tuple[Frame, str]]], **options: int) -> Writer:
    writer = Writer(folder, "sensor 1", **options)
    for name, some in jobs:
        writer.write(name, "high a.b: somebody did it", some)
    writer.close()
    return writer


def packets(path: Path) -> list[tuple[int, int, int, bytes]]:
    """(time, link type, bytes on the wire, frame) of each packet."""
    source, found = open_captures([str(path)]), []
    for batch in source.batches():
        found += [
            (int(row["ts"]), int(row["link"]), int(row["wirelen"]), batch.frame(n)) for n, row in enumerate(batch.rows)
        ]
        batch.release()
    assert not source.damages
    source.close()
    return found


def test_our_own_reader_reads_it(tmp_path: Path) -> None:
    """Times in ns, sizes on the wire, several link types, and no password; frames may be added later."""
    written(tmp_path, ("alert-000001", frames()), ("alert-000001", frames(101)[1:]))
    first, second, third = packets(tmp_path / "alert-000001.pcapng")
    assert first[:3] == (TS, 1, len(FRAMES[0]))
    assert first[3] == FRAMES[0].replace(b"hunter22", b"xxxxxxxx")
    assert second == (TS + 1, 1, len(FRAMES[1]) + 10, FRAMES[1])
    assert third[1] == 101


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_wireshark_reads_it(golden: Golden, tmp_path: Path) -> None:
    """Wireshark shows the comments."""
    written(tmp_path, ("alert-000001", frames()))
    command = [
        "tshark",
        "-r",
        str(tmp_path / "alert-000001.pcapng"),
        "-T",
        "fields",
        "-e",
        "frame.time_epoch",
        "-e",
        "frame.comment",
    ]
    reported = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    golden(reported)


def test_a_file_of_an_earlier_run_is_written_again(tmp_path: Path) -> None:
    written(tmp_path, ("alert-000001", frames()))
    written(tmp_path, ("alert-000001", frames()))
    assert len(packets(tmp_path / "alert-000001.pcapng")) == 2


def test_unknown_hosts_cannot_look_into_it(tmp_path: Path) -> None:
    """The folder contains mail and files, and is private also if a sensor runs by hand with a permissive umask."""
    before = os.umask(0o022)
    try:
        written(tmp_path / "evidence", ("alert-000001", frames()))
    finally:
        os.umask(before)
    assert (tmp_path / "evidence").stat().st_mode & 0o777 == 0o750


def test_peers_cannot_spoil_a_comment(tmp_path: Path) -> None:
    """Control characters and very long texts."""
    written(tmp_path, ("alert-000001", [(frames()[0][0], "a\x1b[31m\n" + "b" * 10_000)]))
    assert len(packets(tmp_path / "alert-000001.pcapng")) == 1
    assert b"\x1b[31m" not in (tmp_path / "alert-000001.pcapng").read_bytes()
    assert (tmp_path / "alert-000001.pcapng").stat().st_size < 2000


def test_more_files_than_may_be_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is opened again gets another section."""
    monkeypatch.setattr(writing, "FILES_LIMIT", 2)
    names = [f"alert-{n:06}" for n in range(4)]
    written(tmp_path, *((name, frames()) for name in names), (names[0], frames()[:1]))
    assert [len(packets(tmp_path / f"{name}.pcapng")) for name in names] == [3, 2, 2, 2]


def test_the_folder_is_bounded(tmp_path: Path) -> None:
    """The oldest files are deleted; files of others are kept."""
    (tmp_path / "notes.txt").write_text("mine")
    big = [(Frame(TS, 1, 60_000, bytes(60_000)), "")]
    written(tmp_path, *((f"alert-{n:06}", big) for n in range(40)), mib=1)
    left = sorted(path.name for path in tmp_path.glob("*.pcapng"))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 1 << 20
    assert left[-1] == "alert-000039.pcapng"
    assert "alert-000000.pcapng" not in left
    assert (tmp_path / "notes.txt").exists()


def test_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    """It is reported once and counted; nothing fails."""
    messages: list[str] = []
    writer = Writer(tmp_path / "evidence", complain=messages.append)
    shutil.rmtree(tmp_path / "evidence")
    (tmp_path / "evidence").write_text("in the way")
    for _ in range(3):
        writer.write("alert-000001", "", frames())
    writer.close()
    assert (writer.dropped, len(messages)) == (6, 1)


@pytest.mark.parametrize("failing", [0, 1])
def test_a_disk_that_was_full_spoils_no_other_packet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """It takes a part of what is written: that part is removed, and later packets follow readably."""
    write, sizes = os.write, list[int]()

    def full(file: int, data: bytes) -> int:
        sizes.append(len(data))
        if len(sizes) == failing + 1:
            return write(file, data[:-9])
        if len(sizes) == failing + 2:
            raise OSError(28, "No space left on device")
        return write(file, data)

    monkeypatch.setattr(os, "write", full)
    writer = written(tmp_path, *[("alert-000001", frames())] * 3)
    monkeypatch.undo()
    assert writer.dropped == 2
    assert len(packets(tmp_path / "alert-000001.pcapng")) == 4


def test_a_live_engine_never_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames that the disk is too slow for are dropped and counted."""
    monkeypatch.setattr(writing, "WAITING", 2)
    monkeypatch.setattr(Writer, "_work", lambda _: None)
    writer = Writer(tmp_path, wait=False)
    for _ in range(5):
        writer.write("alert-000001", "", frames())
    assert writer.dropped == 6
