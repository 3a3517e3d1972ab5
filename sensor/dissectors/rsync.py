"""The rsync daemon's protocol over TCP (greeting, module, arguments and file list as in the program's own documentation
and the pages rsync(1), rsyncd.conf(5)): who copies which files in which direction.

Reads the requested module, whether the client sends or receives, and the names at the beginning of the file list of a
client that sends. Ignores logins, checksums and the content of files. Copies through a remote shell are encrypted by
it and are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import clean

PORT = 873
GREETING = b"@RSYNCD:"
KEPT_LIMIT, NAMES_LIMIT = 8192, 256
MODULE_LIMIT, NAME_LIMIT = 128, 120
# The tag of data in a block of the multiplexed stream, in the fourth byte of its head (little-endian length, tag).
DATA_TAG = 7
HEAD = 4
SHORTEST_NAME = 3
# Arguments end with an empty one; versions before 30 end each with a line feed, later ones with a NUL.
_ARGUMENTS = lazy_pattern(rb"--server[\n\0].*?(?:\n\n|\0\0)", re.DOTALL)
_NAME = lazy_pattern(rb"[\w.+@~,=/ ()\[\]-]{3,120}", re.ASCII)


class RsyncTransfer(Event):
    """A client copies files. ``module``: the requested folder of the server. ``sends``: the client sends. ``names``:
    the first files that it sends, at most 256; some of them without the beginning that they share with the one before.
    """

    module: str
    sends: bool
    names: tuple[str, ...] = ()


class Rsync(Dissector):
    """Connections to the daemon's port, and others that begin with its greeting."""

    interest = Interest(tcp=(PORT,), starts=(GREETING,), stream=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return RsyncStream()


class RsyncStream(Stream):
    """One connection; only the client is read, up to its file list."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self.idle = [False, True]

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if not from_client or self.done:
            return
        self._kept += data[: KEPT_LIMIT - len(self._kept)]
        kept = bytes(self._kept)
        if not GREETING.startswith(kept[: len(GREETING)]):
            self.done = True
            return
        found = _ARGUMENTS.search(kept)
        if found is None:
            self.done = len(kept) >= KEPT_LIMIT
            return
        sends = b"--sender" not in found[0]
        full = len(kept) >= KEPT_LIMIT
        names = _names(kept[found.end() :], full) if sends else ()
        if names or not sends or full:
            self.done = True
            yield RsyncTransfer(packet, _module(kept), sends, names)

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        self.done = self.done or from_client
        return iter(())


def _module(kept: bytes) -> str:
    """The line after the greeting, or "" if there is none."""
    module = kept.partition(b"\n")[2].partition(b"\n")[0]
    return clean(module[:MODULE_LIMIT])


def _names(sent: bytes, full: bool) -> tuple[str, ...]:
    """Names in the first complete block of data that holds any, or in its beginning if no more is kept: a byte with the
    length, and the name. Flags, sizes and times depend on the version and its options, and are skipped.
    """
    at = 0
    while (at := sent.find(bytes((DATA_TAG,)), at)) >= 0:
        start = at - HEAD + 1
        size = int.from_bytes(sent[start:at], "little") if start >= 0 else 0
        at += 1
        complete = full or at + size <= len(sent)
        if size > SHORTEST_NAME and complete and (names := tuple(_listed(sent[at : at + size]))):
            return names[:NAMES_LIMIT]
    return ()


def _listed(block: bytes) -> Iterator[str]:
    at, end = 0, len(block)
    while at < end:
        size = block[at]
        name = block[at + 1 : at + 1 + size]
        if SHORTEST_NAME <= size <= NAME_LIMIT and len(name) == size and _NAME.fullmatch(name):
            yield clean(name, NAME_LIMIT)
            at += size
        at += 1
