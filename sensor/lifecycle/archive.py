"""The archive of a backup: a tar compressed by zstd, which ``tar --zstd -xf`` opens (POSIX.1-2017, pax, "ustar
Interchange Format").

It contains only regular files with short names. Its reader trusts nothing: every header is validated before the data
after it is used, only regular files are accepted, and archives that unpack to far more than any backup are refused.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import zstandard

BLOCK, CHUNK = 512, 1 << 18
LEVEL = 3
WINDOW_LIMIT = 1 << 27
# Limits on files in an archive, and on the ratio of its unpacked to its packed size. Logs and databases reach 30 at
# most.
FILES_LIMIT, RATIO_LIMIT, RATIO_FLOOR = 300_000, 1000, 64 << 20


class BadArchive(Exception):
    """Not a backup, or a damaged or dangerous one; the message is the reason, for users."""


class Member(NamedTuple):
    """A file of an archive. ``mode``: its permissions."""

    name: str
    size: int
    mode: int


class Packer:
    """Writes an archive to an open file."""

    def __init__(self, file: BinaryIO) -> None:
        self._out = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).stream_writer(file, closefd=False)

    def begin(self, member: Member, mtime: int) -> None:
        """Begin a file; exactly the declared number of bytes must follow. Raises ValueError if its name is too long."""
        head = tarfile.TarInfo(member.name)
        head.size, head.mode, head.mtime = member.size, member.mode, mtime
        self._out.write(head.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict"))

    def write(self, data: bytes) -> None:
        self._out.write(data)

    def end(self, size: int) -> None:
        """End a file of ``size`` bytes."""
        self._out.write(bytes(-size % BLOCK))

    def close(self) -> None:
        """End the archive."""
        self._out.write(bytes(2 * BLOCK))
        self._out.close()  # type: ignore[no-untyped-call]


def members(path: Path, file: BinaryIO) -> Iterator[tuple[Member, Iterator[bytes]]]:
    """Each file of an archive with its content. Unread content is skipped. Raises BadArchive, with ``path`` in its
    message, if it is no backup.
    """
    size = path.stat().st_size
    unpacked = zstandard.ZstdDecompressor(max_window_size=WINDOW_LIMIT).stream_reader(
        file, read_across_frames=True, closefd=False
    )
    names: set[str] = set()
    total = 0
    while any(head := _read(path, unpacked, BLOCK)):
        member = _member(path, head)
        total += member.size
        if member.name in names:
            raise BadArchive(f"{path}: found {member.name} twice")
        if len(names) >= FILES_LIMIT:
            raise BadArchive(f"{path}: found more than {FILES_LIMIT:,} files")
        if total > max(RATIO_FLOOR, RATIO_LIMIT * size):
            raise BadArchive(
                f"{path}: decompresses to {total:,} bytes, more than {RATIO_LIMIT:,} times its size: not a backup"
            )
        names.add(member.name)
        content = _content(path, unpacked, member.size)
        yield member, content
        for _ in content:
            pass
        _read(path, unpacked, -member.size % BLOCK)


def _read(path: Path, unpacked: zstandard.ZstdDecompressionReader, size: int) -> bytes:
    """Read exactly ``size`` bytes."""
    data = b""
    try:
        while len(data) < size and (piece := unpacked.read(size - len(data))):
            data += piece
    except zstandard.ZstdError as error:
        raise BadArchive(f"{path}: not a backup of `sensor backup`, or damaged: {error}") from None
    if len(data) < size:
        raise BadArchive(f"{path}: the end is missing")
    return data


def _content(path: Path, unpacked: zstandard.ZstdDecompressionReader, size: int) -> Iterator[bytes]:
    for left in range(size, 0, -CHUNK):
        yield _read(path, unpacked, min(left, CHUNK))


def _member(path: Path, head: bytes) -> Member:
    """Parse a header. Headers that modify others (long names, pax) are refused as well: a backup has none."""
    try:
        header = tarfile.TarInfo.frombuf(head, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError) as error:
        raise BadArchive(f"{path}: is not a backup: {error}") from None
    if header.type not in {tarfile.REGTYPE, tarfile.AREGTYPE} or not header.isreg():
        raise BadArchive(f"{path}: found {header.name!r}, which is a {_kind(header)}, expected regular files only")
    if header.size < 0:
        raise BadArchive(f"{path}: found {header.name!r} with a negative size")
    return Member(header.name, header.size, header.mode)


def _kind(header: tarfile.TarInfo) -> str:
    kinds = {
        tarfile.SYMTYPE: "symbolic link",
        tarfile.LNKTYPE: "link",
        tarfile.DIRTYPE: "folder",
        tarfile.CHRTYPE: "device",
        tarfile.BLKTYPE: "device",
    }
    return kinds.get(header.type, "special file")
