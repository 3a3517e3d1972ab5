"""Files on SMB 2 and 3 shares ([MS-SMB2] 2.2): reads and writes that go through a file in order from its beginning.

Encrypted sessions, compressed messages, SMB 1 and named pipes are left out, and handles that were opened before the
capture began.
"""

from __future__ import annotations

from typing import NamedTuple

from sensor.core.bounded import Bounded
from sensor.records.files.body import Body, Budget, ends_of
from sensor.records.files.conversation import BytesSource, Conversation
from sensor.records.files.seen import Emit, State
from sensor.records.files.smb_frames import Chunk, Frames, Message

SERVICE = "smb"
TREE_CONNECT, CREATE, CLOSE, READ, WRITE = 3, 5, 6, 8, 9
RESPONSE, ENCRYPTED, PIPE = 1, b"\xfdSMB", 2
WAITS = 0x103  # STATUS_PENDING: the answer follows
# Limits of a connection: open files, requests without an answer, trees.
OPEN, PENDING, TREES = 64, 128, 64


class Pending(NamedTuple):
    """A request that waits for its answer: the name and tree of a file to open, or the handle and offset of a read.
    The answer has no tree if it is asynchronous.
    """

    name: bytes = b""
    tree: int = 0
    handle: bytes = b""
    offset: int = 0


class OpenFile:
    """``size``: of the file when it was opened; ``bodies``: what is written (0) and read (1), if anything."""

    def __init__(self, name: bytes, size: int) -> None:
        self.name, self.size = name, size
        self.bodies: list[Body | None] = [None, None]

    def at(self, way: int, offset: int, place: BytesSource, budget: Budget) -> Body:
        """The body to which data at an offset belong. Reading again from the beginning restarts it; what is written
        again changes what was hashed.
        """
        body = self.bodies[way]
        if body is None or (way == 1 and offset == 0 and body.size):
            body = self.bodies[way] = Body(place.packet(), budget, self.name)
        if offset != body.size:
            body.lost(State.PARTIAL)
        return body


class SmbFiles(Conversation):
    """One connection."""

    def __init__(self, emit: Emit, budget: Budget) -> None:
        super().__init__(emit, budget)
        self._frames = (Frames(), Frames())
        self._pending: Bounded[int, Pending] = Bounded(PENDING)
        self._files: Bounded[bytes, OpenFile] = Bounded(OPEN)
        self._trees: Bounded[int, int] = Bounded(TREES)
        self._into: list[Body | None] = [None, None]

    def feed(self, way: int, data: bytes, place: BytesSource) -> None:
        for part in self._frames[way].take(data):
            if isinstance(part, Chunk):
                self._add(way, part.data)
            elif part.head[:4] == ENCRYPTED or part.head[1:4] not in {b"SMB", b""}:
                self._give_up(State.ENCODED)
                return
            else:
                self._into[way] = None
                for message in part.messages():
                    self._message(way, message, place)

    def _add(self, way: int, data: bytes) -> None:
        body = self._into[way]
        if body is not None:
            body.take(data)

    def _message(self, way: int, message: Message, place: BytesSource) -> None:
        if bool(message.flags & RESPONSE) != bool(way):
            return
        if way == 0:
            self._request(message, place)
        elif message.status == 0:
            self._response(message, place)
        elif message.status != WAITS:
            self._pending.pop(message.id)

    def _request(self, message: Message, place: BytesSource) -> None:
        if message.command == CREATE:
            name = message.at(message.number(44, 2), message.number(46, 2))
            self._pending.put(message.id, Pending(name.decode("utf-16-le", "replace").encode(), message.tree))
        elif message.command == READ:
            self._pending.put(message.id, Pending(handle=message.body(16, 16), offset=message.number(8, 8)))
        elif message.command == WRITE:
            file = self._files.get(message.body(16, 16))
            if file is not None:
                data, size = message.number(2, 2), message.number(4, 4)
                self._data(0, file, message, (message.number(8, 8), data, size), place)
        elif message.command == CLOSE:
            file = self._files.pop(message.body(8, 16))
            if file is not None:
                self._end(file, whole=True)

    def _response(self, message: Message, place: BytesSource) -> None:
        if message.command == TREE_CONNECT:
            self._trees.put(message.tree, message.number(2, 1))
            return
        pending = self._pending.pop(message.id)
        if pending is None:
            return
        if message.command == CREATE and self._trees.get(pending.tree) not in {None, PIPE}:
            out = self._files.put(message.body(64, 16), OpenFile(pending.name, message.number(48, 8)))
            if out is not None:
                self._end(out[1], whole=False)
        elif message.command == READ and (file := self._files.get(pending.handle)) is not None:
            self._data(1, file, message, (pending.offset, message.number(2, 1), message.number(4, 4)), place)

    def _data(self, way: int, file: OpenFile, message: Message, span: tuple[int, int, int], place: BytesSource) -> None:
        """Data of a file: at an offset in it, at a place in the message, of a size."""
        offset, at, size = span
        body = file.at(way, offset, place, self.budget)
        body.take(message.at(at, size))
        self._into[way] = body
        self._frames[way].wanted(message, at + size)

    def _end(self, file: OpenFile, *, whole: bool) -> None:
        """A file is closed; ``whole``: by its client."""
        for way, body in enumerate(file.bodies):
            if body is None:
                continue
            if not whole:
                body.lost(State.CUT_OFF)
            elif body.size < file.size or (way == 1 and body.size != file.size):
                body.lost(State.PARTIAL)
            self.emit(body.ended(SERVICE, way == 0, ends_of(body.packet, way == 0)))
        file.bodies = [None, None]

    def gap(self, way: int, missing: int) -> None:
        body = self._into[way]
        if body is not None:
            body.lost()
        if not self._frames[way].skip(missing):
            self._give_up(State.GAP)

    def _give_up(self, why: State) -> None:
        """The messages cannot be followed any more."""
        for _, file in list(self._files.items()):
            for body in file.bodies:
                if body is not None:
                    body.lost(why)
            self._end(file, whole=False)
        self.over = True

    def ended(self, way: int, whole: bool) -> None:
        """A direction ended: files that are open stay incomplete."""
        self._give_up(State.CUT_OFF)
