"""Messages of one direction of SMB over TCP ([MS-SMB2] 2.1): their heads, and the data behind them in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

# Bytes of the transport's header, and of an SMB 2 header; bytes of a message that are collected before it is read.
TRANSPORT, HEADER, HEAD = 4, 64, 2048
PROTOCOL = b"\xfeSMB"


class Chunk(NamedTuple):
    """Bytes of a message behind its head that are data of a file."""

    data: bytes


class Message(NamedTuple):
    """One request or response. Fields are read from ``data``, which may end early; ``begin``: place in the frame."""

    data: bytes
    begin: int

    @property
    def status(self) -> int:
        return int.from_bytes(self.data[8:12], "little")

    @property
    def command(self) -> int:
        return int.from_bytes(self.data[12:14], "little")

    @property
    def flags(self) -> int:
        return int.from_bytes(self.data[16:20], "little")

    @property
    def id(self) -> int:
        return int.from_bytes(self.data[24:32], "little")

    @property
    def tree(self) -> int:
        return int.from_bytes(self.data[36:40], "little")

    def number(self, at: int, size: int) -> int:
        """A number in the body."""
        return int.from_bytes(self.body(at, size), "little")

    def body(self, at: int, size: int) -> bytes:
        return self.data[HEADER + at : HEADER + at + size]

    def at(self, offset: int, size: int) -> bytes:
        """Bytes at an offset from the header, as far as the head has them."""
        return self.data[offset : offset + size] if offset >= HEADER else b""


class Head(NamedTuple):
    """The beginning of a frame of the transport, at most ``HEAD`` bytes."""

    head: bytes

    def messages(self) -> Iterator[Message]:
        """The messages in it: several if they are compounded."""
        at = 0
        while self.head[at : at + 4] == PROTOCOL and len(self.head) - at >= HEADER:
            following = int.from_bytes(self.head[at + 20 : at + 24], "little")
            yield Message(self.head[at : at + following if following else None], at)
            if following < HEADER:
                return
            at += following


class Frames:
    """``take`` splits the bytes of a direction into heads and chunks."""

    def __init__(self) -> None:
        self._buffer = b""
        self._size = self._passed = self._data = 0  # of the present frame: its size, bytes passed, and end of its data

    def take(self, data: bytes) -> Iterator[Head | Chunk]:
        data = self._buffer + data if self._buffer else data
        self._buffer = b""
        at = 0
        while at < len(data):
            if self._passed < self._size:
                part = data[at : at + self._size - self._passed]
                wanted = max(0, self._data - self._passed)
                self._passed += len(part)
                at += len(part)
                if wanted:
                    yield Chunk(part[:wanted])
                continue
            size = int.from_bytes(data[at + 1 : at + TRANSPORT], "big")
            if len(data) - at < TRANSPORT + min(size, HEAD):
                self._buffer = data[at:]
                return
            self._size, self._passed, self._data = size, min(size, HEAD), 0
            at += TRANSPORT
            yield Head(data[at : at + self._passed])
            at += self._passed

    def wanted(self, message: Message, end: int) -> None:
        """The bytes of the present frame up to ``end``, counted from a message's header, are wanted."""
        self._data = message.begin + end

    def skip(self, missing: int) -> bool:
        """Bytes are missing; returns whether they belong to the present frame, so that the next one is found."""
        if self._buffer or missing > self._size - self._passed:
            return False
        self._passed += missing
        return True
