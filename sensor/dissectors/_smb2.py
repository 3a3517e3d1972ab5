"""SMB 2 and 3 messages ([MS-SMB2] 2.2): a header of 64 bytes and a body; several are chained by the header's offset of
the next.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable

from sensor.core.dissector import Parsed
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors import _smb
from sensor.dissectors._smb import (
    BUFFER_OVERFLOW,
    MORE_PROCESSING_REQUIRED,
    NO_FILE,
    NO_TREE,
    PIPE_LIMIT,
    Conversation,
    File,
    Requested,
    Tree,
)
from sensor.dissectors.shared.ntlm import utf16
from sensor.dissectors.shared.sender_facts import facts
from sensor.dissectors.shared.smb_events import (
    SmbDelete,
    SmbFault,
    SmbNegotiate,
    SmbNegotiated,
    SmbPipe,
    SmbRename,
    SmbTreeConnect,
)

HEADER_SIZE = 64
CHAIN_LIMIT = 64
DIALECTS_LIMIT = 64
CONTEXTS_LIMIT = 16
NAME_LIMIT = 1024
ANSWER, ASYNCHRONOUS, RELATED = 1, 2, 4
PENDING = 0x103
NEGOTIATE, SESSION_SETUP, TREE_CONNECT, CREATE, CLOSE, READ, WRITE, IOCTL, SET_INFO = 0, 1, 3, 5, 6, 8, 9, 11, 17
DIALECTS = {0x0202: "2.0.2", 0x0210: "2.1", 0x02FF: "2.?", 0x0300: "3.0", 0x0302: "3.0.2", 0x0311: "3.1.1"}
SHARE_TYPES = {1: "disk", 2: "pipe", 3: "printer"}
SIGNING_REQUIRED = 2
COMPRESSION = 3  # a negotiate context
GUEST = 1
LAST_FILE = b"\xff" * 16  # in a chain: the file opened by the previous message
PIPE_TRANSCEIVE = 0x0011C017
RENAME, DISPOSITION, DISPOSITION_EX = 10, 13, 64  # classes of information on a file ([MS-FSCC] 2.4)
# Credits and the signature are left out.
_HEADER = struct.Struct("<4xH2xIH2xIIQ4xIQ")
_NEGOTIATE = struct.Struct("<2xHH2xI16s")
_NEGOTIATED = struct.Struct("<2xHHH16s")
_SETUP = struct.Struct("<12xHH")
_SETUP_ANSWER = struct.Struct("<2xHHH")
_TREE = struct.Struct("<4xHH")
_CREATE = struct.Struct("<24xI8xIIHH")
_CREATED = struct.Struct("<4xI40xQ8x16s")
_READ_ANSWER = struct.Struct("<2xBxI")
_WRITE = struct.Struct("<2xHIQ16s")
_IOCTL = struct.Struct("<4xI16sII")
_IOCTL_ANSWER = struct.Struct("<4xI16s8xII")
_SET_INFO = struct.Struct("<2xBBIH6x16s")
_CONTEXT = struct.Struct("<HH4x")
_CONTEXTS = struct.Struct("<IH")  # offset and number of contexts
_U32 = struct.Struct("<I")


class Head:
    """The header of one message, and the complete message."""

    __slots__ = ("answer", "command", "data", "id", "partial", "related", "session", "status", "tree")

    def __init__(self, data: bytes, partial: bool) -> None:
        size, self.status, self.command, flags, _, self.id, self.tree, self.session = _HEADER.unpack_from(data)
        if size != HEADER_SIZE:
            raise Malformed("header of a wrong size")
        self.data, self.partial = data, partial
        self.answer, self.related = bool(flags & ANSWER), bool(flags & RELATED)
        if flags & ASYNCHRONOUS:
            self.tree = 0

    def part(self, start: int, size: int) -> bytes:
        """A part of the message that its body refers to. Raises struct.error if it ends early."""
        raw = self.data[start : start + size]
        if len(raw) < size:
            raise struct.error
        return raw

    def opening(self, start: int, size: int) -> bytes:
        """The same, or its available bytes."""
        return self.data[start : start + size] if self.partial else self.part(start, size)


class Smb2:
    """Parses the messages of one conversation."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._last: File = NO_FILE  # the file opened by the previous message in the chain
        self._place = (0, 0)
        self._connecting: Tree | None = None  # the last requested share that no message has used yet

    def read(self, packet: Packet, data: bytes, partial: bool) -> list[Parsed]:
        """Parse a chain of messages; ``partial``: the end of the last one is missing. Raises Malformed if a header is
        invalid.
        """
        parsed: list[Parsed] = []
        offset = 0
        for _ in range(CHAIN_LIMIT):
            if len(data) - offset < HEADER_SIZE:
                if partial:
                    break
                raise Malformed("message ends early")
            step = _U32.unpack_from(data, offset + 20)[0]
            if step and step < HEADER_SIZE:
                raise Malformed("offset in a chain is inside its own header")
            stop = offset + step if step else len(data)
            cut = partial and stop >= len(data)
            self._one(packet, Head(data[offset:stop], cut), parsed)
            offset = stop
            if not step or offset >= len(data):
                break
        return parsed

    def _one(self, packet: Packet, head: Head, parsed: list[Parsed]) -> None:
        body = head.data[HEADER_SIZE:]
        before = len(parsed)
        try:
            if head.answer:
                self._answer(packet, head, body, parsed)
            else:
                self._request(packet, head, body, parsed)
        except (struct.error, Malformed) as fault:
            if not head.partial:
                del parsed[before:]
                text = str(fault.args[0]) if isinstance(fault, Malformed) else "message ends early"
                parsed.append(SmbFault(packet, 2, head.command, text))

    def _request(self, packet: Packet, head: Head, body: bytes, parsed: list[Parsed]) -> None:
        if not head.related:
            self._last = NO_FILE
            self._place = (head.session, head.tree)
            if packet.one_sided and self._connecting is not None and head.tree:
                self._guess_tree(self._connecting)
        read = _REQUESTS.get(head.command)
        if read is not None:
            read(self, packet, head, body, parsed)

    def _answer(self, packet: Packet, head: Head, body: bytes, parsed: list[Parsed]) -> None:
        if head.status == PENDING:
            return
        requested = self._conversation.pending.pop(head.id)
        read = _ANSWERS.get(head.command)
        if read is not None:
            read(self, packet, head, body, requested, parsed)

    def _guess_tree(self, tree: Tree) -> None:
        """The server's response is not captured: an unknown id is that of the last requested share."""
        if self._conversation.trees.get(self._place) is None:
            self._conversation.trees.put(self._place, tree)
            self._connecting = None

    def file(self, handle: bytes) -> File:
        """The file with an id."""
        return self._last if handle == LAST_FILE else self._conversation.files.get(handle) or NO_FILE

    # Requests.

    def negotiate(self, packet: Packet, head: Head, body: bytes, parsed: list[Parsed]) -> None:
        count, *_ = _NEGOTIATE.unpack_from(body)
        numbers = struct.unpack_from(f"<{min(count, DIALECTS_LIMIT)}H", body, 36)
        dialects = tuple([DIALECTS.get(number) or f"{number:04x}" for number in numbers])
        contexts = _CONTEXTS.unpack_from(body, 28) if 0x0311 in numbers and not head.partial else (0, 0)
        parsed.append(SmbNegotiate(packet, 2, dialects, _offers_compression(head, *contexts)))
        parsed += facts(packet, [("smb.dialects", ",".join(dialects))])

    def session_setup(self, packet: Packet, head: Head, body: bytes, parsed: list[Parsed]) -> None:
        start, size = _SETUP.unpack_from(body)
        _smb.security(packet, self._conversation, 2, head.id, head.opening(start, size), head.partial, parsed)

    def tree_connect(self, packet: Packet, head: Head, body: bytes, parsed: list[Parsed]) -> None:
        tree = _smb.tree(utf16(head.part(*_TREE.unpack_from(body))))
        self._conversation.pending.put(head.id, tree)
        self._connecting = tree
        parsed.append(SmbTreeConnect(packet, tree.path, tree.share))

    def create(self, packet: Packet, head: Head, body: bytes, parsed: list[Parsed]) -> None:
        access, disposition, options, start, size = _CREATE.unpack_from(body)
        tree = self._conversation.trees.get(self._place) or NO_TREE
        self._last = _smb.create(packet, tree, utf16(head.part(start, size)), access, disposition, options, parsed)
        self._conversation.pipes = self._conversation.pipes or self._last.pipe
        self._conversation.pending.put(head.id, self._last)

    def read_(self, packet: Packet, head: Head, body: bytes, parsed: list[Parsed]) -> None:
        file = self.file(body[16:32])
        if file.pipe:
            self._conversation.pending.put(head.id, file)

    def write(self, packet: Packet, head: Head, body: bytes, parsed: list[Parsed]) -> None:
        start, size, offset, handle = _WRITE.unpack_from(body)
        _smb.write(packet, self.file(handle), offset, size, head.opening(start, min(size, PIPE_LIMIT)), parsed)

    def ioctl(self, packet: Packet, head: Head, body: bytes, parsed: list[Parsed]) -> None:
        code, handle, start, size = _IOCTL.unpack_from(body)
        if code == PIPE_TRANSCEIVE:
            file = self._conversation.files.get(handle) or File("", "", True, handle.hex())
            self._conversation.pending.put(head.id, file)
            parsed.append(
                SmbPipe(packet, file.name, file.handle, True, size, head.opening(start, min(size, PIPE_LIMIT)))
            )

    def set_info(self, packet: Packet, head: Head, body: bytes, parsed: list[Parsed]) -> None:
        kind, class_, size, start, handle = _SET_INFO.unpack_from(body)
        if kind != 1 or class_ not in (RENAME, DISPOSITION, DISPOSITION_EX):
            return
        file, data = self.file(handle), head.part(start, min(size, NAME_LIMIT))
        if class_ == RENAME:
            length = _U32.unpack_from(data, 16)[0]
            parsed.append(SmbRename(packet, file.share, file.name, utf16(data[20 : 20 + length])))
        elif data and data[0] & 1:
            parsed.append(SmbDelete(packet, file.share, file.name))

    def close(self, packet: Packet, head: Head, body: bytes, parsed: list[Parsed]) -> None:
        self._conversation.files.pop(body[8:24])

    # Responses.

    def negotiated(
        self, packet: Packet, head: Head, body: bytes, requested: Requested | None, parsed: list[Parsed]
    ) -> None:
        if head.status:
            return
        mode, number, contexts, raw = _NEGOTIATED.unpack_from(body)
        dialect, guid = DIALECTS.get(number) or f"{number:04x}", str(uuid.UUID(bytes_le=raw)) if any(raw) else ""
        compression = number == 0x0311 and _offers_compression(head, _U32.unpack_from(body, 60)[0], contexts)
        parsed.append(SmbNegotiated(packet, 2, dialect, bool(mode & SIGNING_REQUIRED), compression, guid))
        parsed += facts(packet, [("smb.dialect", dialect), ("smb.guid", guid)])

    def session(
        self, packet: Packet, head: Head, body: bytes, requested: Requested | None, parsed: list[Parsed]
    ) -> None:
        if head.status == MORE_PROCESSING_REQUIRED:
            _, start, size = _SETUP_ANSWER.unpack_from(body)
            _smb.security(packet, self._conversation, 2, -1, head.opening(start, size), head.partial, parsed)
        else:
            guest = not head.status and bool(_SETUP_ANSWER.unpack_from(body)[0] & GUEST)
            _smb.login_result(packet, requested, head.status, guest, parsed)

    def tree(self, packet: Packet, head: Head, body: bytes, requested: Requested | None, parsed: list[Parsed]) -> None:
        type_ = "" if head.status or len(body) < 3 else SHARE_TYPES.get(body[2], "")
        _smb.tree_result(packet, self._conversation, (head.session, head.tree), requested, type_, head.status, parsed)

    def created(
        self, packet: Packet, head: Head, body: bytes, requested: Requested | None, parsed: list[Parsed]
    ) -> None:
        action, size, handle = (0, 0, b"") if head.status else _CREATED.unpack_from(body)
        _smb.create_result(packet, self._conversation, requested, handle, head.status, action, size, parsed)

    def data_read(
        self, packet: Packet, head: Head, body: bytes, requested: Requested | None, parsed: list[Parsed]
    ) -> None:
        if isinstance(requested, File) and head.status in (0, BUFFER_OVERFLOW):
            start, size = _READ_ANSWER.unpack_from(body)
            parsed.append(
                SmbPipe(
                    packet, requested.name, requested.handle, False, size, head.opening(start, min(size, PIPE_LIMIT))
                )
            )

    def controlled(
        self, packet: Packet, head: Head, body: bytes, requested: Requested | None, parsed: list[Parsed]
    ) -> None:
        if isinstance(requested, File) and head.status in (0, BUFFER_OVERFLOW):
            _, _, start, size = _IOCTL_ANSWER.unpack_from(body)
            parsed.append(
                SmbPipe(
                    packet, requested.name, requested.handle, False, size, head.opening(start, min(size, PIPE_LIMIT))
                )
            )


_REQUESTS: dict[int, Callable[[Smb2, Packet, Head, bytes, list[Parsed]], None]] = {
    NEGOTIATE: Smb2.negotiate, SESSION_SETUP: Smb2.session_setup, TREE_CONNECT: Smb2.tree_connect, CREATE: Smb2.create,
    CLOSE: Smb2.close, READ: Smb2.read_, WRITE: Smb2.write, IOCTL: Smb2.ioctl, SET_INFO: Smb2.set_info,
}  # fmt: skip
_ANSWERS: dict[int, Callable[[Smb2, Packet, Head, bytes, Requested | None, list[Parsed]], None]] = {
    NEGOTIATE: Smb2.negotiated, SESSION_SETUP: Smb2.session, TREE_CONNECT: Smb2.tree, CREATE: Smb2.created,
    READ: Smb2.data_read, IOCTL: Smb2.controlled,
}  # fmt: skip


def _offers_compression(head: Head, at: int, count: int) -> bool:
    """Whether compression is among the negotiate contexts, which begin at multiples of 8 ([MS-SMB2] 2.2.4)."""
    for _ in range(min(count, CONTEXTS_LIMIT)):
        kind, size = _CONTEXT.unpack_from(head.data, at)
        if kind == COMPRESSION:
            return True
        at += 8 + (size + 7 & ~7)
    return False
