"""One capture file, of any format and compression: bytes in, batches out, up to its end or to where it is damaged.

Bytes are read into a block and parsed in place. An incomplete record at the end of a block is copied to the start of
the next block.
"""

from __future__ import annotations

import msgspec

from sensor.capture.blocks import Block, Pool, Rows
from sensor.capture.compression import MAGIC_SIZE, Decompressed, Limits, compression_of
from sensor.capture.formats import SUPPORTED, Format, describe, recognise
from sensor.capture.source import Damage
from sensor.capture.streams import Broken, FileStream, Stream
from sensor.core.batch import Batch
from sensor.core.reader import clean
from sensor.decode import records

MAGIC_BYTES = 4
"""Number of leading bytes needed to recognize a capture file."""

_ROOM = 8
"""A block is filled further as long as an eighth of it is free."""


class Unreadable(msgspec.Struct, frozen=True):
    """A file without packets: it cannot be opened, or is not a capture file. ``found`` is the reason; ``supported``:
    the accepted formats, if its own is none of them.
    """

    path: str
    found: str
    supported: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.found}" + (f"; supported: {self.supported}" if self.supported else "")


class CaptureFile:
    """Reads one file. After a ``step`` without a batch, ``waiting`` means that no data is available now, ``done`` that
    the file has ended; then ``damage`` or ``unreadable`` holds the fault, if any. ``source`` is the source number of
    its rows; ``followed`` means that the file may still grow.
    """

    def __init__(
        self, path: str, source: int, stream: Stream, pool: Pool, limits: Limits, *, followed: bool = False
    ) -> None:
        self.path, self.source, self.stream, self.followed = path, source, stream, followed
        self.name = clean(path)
        self.inode = stream.inode if isinstance(stream, FileStream) else None
        self.done = self.waiting = False
        self.damage: Damage | None = None
        self.unreadable: Unreadable | None = None
        self.format: Format | None = None
        self._pool, self._limits = pool, limits
        self._block: Block = pool.take()
        self._rows: Rows | None = None
        self._passed = 0  # bytes of the content before the block
        self._start = self._end = 0  # unparsed part of the block
        self._need = MAGIC_SIZE
        self._left = False  # the block holds records for which no row was free
        self._packed = ""

    def step(self) -> Batch | None:
        """Read and parse once; returns a batch, or None if there is none yet."""
        if self.done:
            return None
        self.waiting = False
        if not self._left:
            try:
                got = self._fill()
            except Broken as broken:
                self._fail(broken.found, broken.kind)
                return None
            if got is None:
                self.waiting = True
                return None
            if got == 0:
                self.end()
                return None
        if self.format is None:
            self._recognise()
        return None if self.format is None else self._scan(self.format)

    def end(self) -> None:
        """No more bytes follow: any remaining bytes are a truncated record."""
        if self.done:
            return
        size = self._end - self._start
        if self.format is None and (size < MAGIC_BYTES or isinstance(recognise(self._head(), 0), str)):
            self._refuse(describe(self._head()))
        elif size:
            what = "file header" if self.format is None else "record"
            self._fail(
                f"the file ends inside a {what}, after {size} of at least {max(self._need, size + 1)} bytes", "cut"
            )
        self.close()

    def close(self) -> None:
        """Close the file and release its memory. Batches in use stay valid."""
        if not self.done:
            self.done = True
            self.stream.close()
            self._pool.drop(self._block)

    @property
    def dropped(self) -> int:
        """Packets lost while the file was written, if it contains that number."""
        return self.format.dropped if self.format is not None else 0

    def _fill(self) -> int | None:
        """Read more bytes after the current ones, in a new block if too little room is left."""
        size = self._end - self._start
        room = len(self._block) - self._end
        if room < max(len(self._block) // _ROOM, self._need - size):
            block = self._pool.take(self._need)
            block.data[:size] = self._block.data[self._start : self._end]
            self._pool.drop(self._block)
            self._block = block
            self._passed += self._start
            self._start, self._end = 0, size
        got = self.stream.readinto(self._block.memory[self._end :])
        self._end += got or 0
        return got

    def _scan(self, kind: Format) -> Batch | None:
        rows = self._rows if self._rows is not None else self._pool.rows()
        step = kind.scan(self._block.view, self._start, self._end, rows)
        self._start, self._need, self._left, self._rows = step.next, step.need, step.why == records.FULL, rows
        batch = None
        if step.filled:
            batch, self._rows = self._pool.batch(self._block, rows, step.filled), None
        if step.why == records.BROKEN:
            self._fail(step.found, "record")
        return batch

    def _recognise(self) -> None:
        """Determine the format from the first bytes, or how many more bytes that needs."""
        head = self._head()
        if len(head) < MAGIC_SIZE:
            return
        if not self._packed and compression_of(head):
            first = self._block.data[self._start : self._end].tobytes()
            packed = Decompressed(self.stream, first, self._limits)
            self.stream, self._packed = packed, packed.name
            self._start = self._end = 0
            return
        found = recognise(head, self.source)
        if isinstance(found, int):
            self._need = found
        elif isinstance(found, str):
            self._refuse(found)
        else:
            self.format = found
            self._start = found.begin

    def _head(self) -> bytes:
        return self._block.data[self._start : min(self._end, self._start + 64)].tobytes()

    def _fail(self, found: str, kind: str) -> None:
        self.damage = Damage(self.name, self._passed + self._start, found, kind)
        self.close()

    def _refuse(self, found: str) -> None:
        self.unreadable = Unreadable(
            self.name, f"{self._packed} data with {found}" if self._packed else found, SUPPORTED
        )
        self.close()
