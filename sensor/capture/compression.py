"""Compressed captures: gzip, zstd, xz and lz4, recognized by their first bytes, including files of several members.

The output is limited in size and in its ratio to the input, and so is the memory that a file may require (its window):
a decompression bomb costs little time.
"""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Callable
from typing import Any, Protocol

import lz4.frame
import msgspec
import zstandard

from sensor.capture.streams import Broken, Stream

CHUNK = 1 << 18
FEED = 1 << 15
"""Bytes passed to a decoder at once. It returns unused bytes, nearly all of them for a file of tiny members."""

ROUNDS = 1024
"""Decoder calls per read, so that a file of empty members does not delay a stop of the reader."""

MOST_ZEROS = 1 << 16
"""Zero bytes accepted between members and after the last one."""

WINDOW_LIMIT = 128 << 20
"""Limit in bytes of a zstd window or an xz dictionary."""

SKIPPED_LIMIT = 16 << 20


class Limits(msgspec.Struct, frozen=True):
    """Limits on the output of one compressed file: bytes in total, and bytes per input byte. The ratio does not apply
    to the first ``free_bytes``.
    """

    decompressed_bytes: int = 64 << 30
    ratio: int = 1000
    free_bytes: int = 16 << 20


class Decoder(Protocol):
    """Decodes one member of a compressed file; the common interface of Python's decompressors. ``most`` is a hint: a
    little more may be returned.
    """

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes, most: int, /) -> bytes: ...


class _Gzip:
    """RFC 1952 with zlib, which expects unused input to be passed again."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, most: int) -> bytes:
        out = self._inflate.decompress(self._inflate.unconsumed_tail + data, most)
        self.needs_input = not self._inflate.unconsumed_tail and len(out) < most
        return out


class _Zstd:
    """RFC 8878, frame by frame and block by block (3.1.1): the output of a block is limited to 128 KiB, and a truncated
    file is detected.
    """

    _SKIPPABLE = 0x184D2A50
    _RLE = 1

    def __init__(self) -> None:
        self._data = bytearray()
        self._decode: Any = None
        self._checksum = self._blocks_end = False
        self.eof, self.needs_input = False, True

    @property
    def unused_data(self) -> bytes:
        return bytes(self._data) if self.eof else b""

    def decompress(self, data: bytes, _most: int) -> bytes:
        self._data += data
        size = self._next_size()
        self.needs_input = len(self._data) < size
        if self.needs_input:
            return b""
        piece = bytes(self._data[:size])
        del self._data[:size]
        if self._decode is None:
            self._begin(piece)
        elif self._blocks_end:
            self.eof = True
        else:
            self._blocks_end = bool(piece[0] & 1)
            self.eof = self._blocks_end and not self._checksum
        return b"" if self._decode is None else bytes(self._decode.decompress(piece))

    def _begin(self, header: bytes) -> None:
        if struct.unpack_from("<I", header)[0] & 0xFFFFFFF0 == self._SKIPPABLE:
            self.eof = True
            return
        facts = zstandard.get_frame_parameters(header)
        if facts.window_size > WINDOW_LIMIT:
            raise Broken(
                (
                    f"zstd data that needs a window of {facts.window_size >> 20} MiB; at most "
                    f"{WINDOW_LIMIT >> 20} MiB are allowed"
                ),
                "limit",
            )
        self._checksum = facts.has_checksum
        self._decode = zstandard.ZstdDecompressor(max_window_size=WINDOW_LIMIT).decompressobj()

    def _next_size(self) -> int:
        """Bytes of the next part: frame header or skippable frame, block with header, or checksum."""
        data = self._data
        if self._decode is None:
            if len(data) < 9:
                return 9
            if struct.unpack_from("<I", data)[0] & 0xFFFFFFF0 == self._SKIPPABLE:
                return self._skippable(int(struct.unpack_from("<I", data, 4)[0]) + 8)
            return int(zstandard.frame_header_size(bytes(data[:18])))
        if self._blocks_end:
            return 4
        if len(data) < 3:
            return 3
        head = data[0] | data[1] << 8 | data[2] << 16
        return 4 if head >> 1 & 3 == self._RLE else 3 + (head >> 3)

    def _skippable(self, size: int) -> int:
        if size > SKIPPED_LIMIT:
            raise Broken(f"a zstd frame of {size} bytes without data", "limit")
        return size


MAGICS: tuple[tuple[bytes, str, Callable[[], Decoder]], ...] = (
    (b"\x1f\x8b", "gzip", _Gzip),
    (b"\x28\xb5\x2f\xfd", "zstd", _Zstd),
    (b"\xfd7zXZ\0", "xz", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=WINDOW_LIMIT)),
    (b"\x04\x22\x4d\x18", "lz4", lz4.frame.LZ4FrameDecompressor),
)
MAGIC_SIZE = 6
_FURTHER = {"zstd": tuple(bytes((0x50 | number, 0x2A, 0x4D, 0x18)) for number in range(16))}
"""Further values that later members may begin with: skippable frames."""


def compression_of(head: bytes) -> str:
    """The name of the compression; empty if the file is not compressed. The first frame of a zstd file may be
    skippable.
    """
    for magic, name, _ in MAGICS:
        if head.startswith((magic, *_FURTHER.get(name, ()))):
            return name
    return ""


class Decompressed:
    """The content of a compressed stream, of which ``head`` was already read."""

    def __init__(self, stream: Stream, head: bytes, limits: Limits) -> None:
        self._stream, self._limits = stream, limits
        self.name = compression_of(head)
        self._magic, self._make = next((magic, make) for magic, name, make in MAGICS if name == self.name)
        self._decoder: Decoder | None = self._make()
        self._input, self._at = head, 0  # bytes read, and how many of them are decoded
        self._left = b""  # decoded bytes that did not fit
        self._given = self._zeros = 0
        self._complete = self._starved = False
        self._trouble: Broken | None = None
        self._chunk = memoryview(bytearray(CHUNK))

    @property
    def taken(self) -> int:
        return self._stream.taken

    @property
    def size(self) -> int:
        return self._stream.size

    def readinto(self, view: memoryview) -> int | None:
        """As for all streams. Also returns None after much input without output, so that a file of empty members does
        not block the reader.
        """
        if self._trouble is not None:
            raise self._trouble
        filled, self._starved = 0, False
        try:
            for _ in range(ROUNDS):
                if filled == len(view) or self._complete or self._starved:
                    break
                piece = self._left or self._round(len(view) - filled)
                size = min(len(piece), len(view) - filled)
                view[filled : filled + size] = piece[:size]
                self._left = piece[size:]
                filled += size
        except Broken as trouble:  # earlier output is returned first
            if not filled:
                raise
            self._trouble = trouble
        return filled if filled or self._complete else None

    def close(self) -> None:
        self._stream.close()

    def _round(self, most: int) -> bytes:
        """The output of one decoder call, which may be empty."""
        decoder = self._decoder = self._decoder or self._next_member()
        if decoder is None:
            return b""
        data = b""
        if decoder.needs_input:
            if not self._filled(1):
                if self._starved:
                    return b""
                raise Broken(f"the {self.name} data ends early", "cut")
            data = self._input[self._at : self._at + FEED]
            self._at += len(data)
        out = self._decode(decoder, data, min(most, CHUNK))
        if decoder.eof:
            self._at -= len(decoder.unused_data or b"")  # lz4 returns None for nothing
            self._decoder = None
        return self._allowed(out)

    def _decode(self, decoder: Decoder, data: bytes, most: int) -> bytes:
        try:
            return decoder.decompress(data, most)
        except (
            zlib.error,
            lzma.LZMAError,
            zstandard.ZstdError,
            RuntimeError,
            EOFError,
            ValueError,
            MemoryError,
        ) as error:
            raise Broken(f"broken {self.name} data: {error}", "compression") from None

    def _filled(self, size: int) -> bool:
        """Whether this many bytes of input are available; if not, the stream has ended or is ``_starved``."""
        while len(self._input) - self._at < size:
            got = self._stream.readinto(self._chunk)
            if not got:
                self._starved = got is None
                return False
            self._input, self._at = self._input[self._at :] + bytes(self._chunk[:got]), 0
        return True

    def _next_member(self) -> Decoder | None:
        """The decoder of the next member; None if there is none, or too few bytes are available. Zero padding between
        members is skipped.
        """
        while self._filled(1) and not self._input[self._at] and self._zeros < MOST_ZEROS:
            self._at += 1
            self._zeros += 1
        enough = self._filled(MAGIC_SIZE)
        if self._starved:
            return None
        if not enough and self._at == len(self._input):
            self._complete = True
            return None
        if not self._input.startswith((self._magic, *_FURTHER.get(self.name, ())), self._at):
            raise Broken(f"the {self.name} data is followed by other data", "compression")
        return self._make()

    def _allowed(self, out: bytes) -> bytes:
        """The piece, if it is within the limits."""
        self._given += len(out)
        limits = self._limits
        if self._given > limits.decompressed_bytes:
            raise Broken(f"the {self.name} data decompresses to more than {limits.decompressed_bytes} bytes", "limit")
        if self._given > limits.free_bytes and self._given > limits.ratio * max(self._stream.taken, 1):
            raise Broken(f"the {self.name} data has a compression ratio above {limits.ratio}", "limit")
        return out
