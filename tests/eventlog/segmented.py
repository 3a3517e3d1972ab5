"""A log in segments as a live run leaves it, and its changes: records are added, a segment is closed, compressed or
removed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import zstandard

from sensor.eventlog.segments import COMPRESSED, folder_of, segment_path, segments


def line(number: int, kind: str = "device", **more: object) -> bytes:
    """A record of a log as a line."""
    start = {
        "ts": f"2026-11-24T09:{number // 60 % 60:02}:{number % 60:02}.000000Z",
        "kind": kind,
        "action": "new",
        "severity": "info",
        "msg": f"number {number} ü",
    }
    return (
        json.dumps(
            {**start, "id": f"{number:026}", "sensor": {"id": "hq", "version": "0.1.0", "seq": number}, **more},
            ensure_ascii=False,
        ).encode()
        + b"\n"
    )


class Segmented:
    """A log with a writer. ``last``: the number of its last record."""

    def __init__(self, log: Path) -> None:
        self.log, self.last = log, 0
        folder_of(log).mkdir()
        self.rotate()

    def add(self, count: int, kind: str = "device", **more: object) -> None:
        """Write so many records into the current segment, at once."""
        numbers = range(self.last + 1, self.last + count + 1)
        self.append(b"".join(line(number, kind, **more) for number in numbers))
        self.last += count

    def append(self, data: bytes) -> None:
        """Write some bytes into the current segment."""
        with self.current.open("ab") as file:
            file.write(data)

    def rotate(self) -> None:
        """Begin a segment, and point the link to it."""
        self.current = segment_path(self.log, self.last + 1)
        self.current.touch()
        link = self.log.with_suffix(".new")
        link.symlink_to(self.current.relative_to(self.log.parent))
        link.replace(self.log)

    def compress(self, place: int = 0, lines_in_frame: int = 100) -> Path:
        """Compress a segment, with so many lines per frame, and replace it."""
        plain = segments(self.log)[place].path
        packed = plain.with_name(plain.name.removesuffix(".jsonl") + COMPRESSED)
        lines = plain.read_bytes().splitlines(keepends=True)
        making = packed.with_suffix(".part")
        making.write_bytes(b"".join(frames(lines, lines_in_frame)))
        making.replace(packed)
        plain.unlink()
        return packed

    def remove(self, place: int = 0) -> None:
        """Remove the oldest segment, as retention does."""
        segments(self.log)[place].path.unlink()


def frames(lines: list[bytes], lines_in_frame: int) -> Iterable[bytes]:
    """Each frame compressed separately."""
    packer = zstandard.ZstdCompressor(write_checksum=True)
    return [
        packer.compress(b"".join(lines[start : start + lines_in_frame]))
        for start in range(0, len(lines), lines_in_frame)
    ]
