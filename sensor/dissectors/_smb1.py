"""SMB 1 messages ([MS-CIFS] 2.2, [MS-SMB] 2.2): a header of 32 bytes, then words and bytes; some commands chain another
one.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable

from sensor.core.dissector import Parsed
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
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
)
from sensor.dissectors.shared.netbios import oem
from sensor.dissectors.shared.ntlm import utf16
from sensor.dissectors.shared.sender_facts import facts
from sensor.dissectors.shared.smb_events import (
    SmbDelete,
    SmbFault,
    SmbLogin,
    SmbNegotiate,
    SmbNegotiated,
    SmbPipe,
    SmbRename,
    SmbTransaction,
    SmbTreeConnect,
)

HEADER_SIZE = 32
CHAIN_LIMIT = 8
DIALECTS_LIMIT = 64
TEXT_LIMIT = 512  # bytes
NAME_LIMIT = 64
ANSWER = 0x80
UNICODE, EXTENDED_SECURITY = 0x8000, 0x0800
DELETE, RENAME, WRITE_OLD, TRANSACTION, OPEN, READ, WRITE, TRANSACTION2 = 0x06, 0x07, 0x0B, 0x25, 0x2D, 0x2E, 0x2F, 0x32
NEGOTIATE, SESSION_SETUP, TREE_CONNECT, NT_TRANSACTION, CREATE = 0x72, 0x73, 0x75, 0xA0, 0xA2
LOGOFF, CLOSE = 0x74, 0x04
CHAINED = (0x24, OPEN, READ, WRITE, SESSION_SETUP, LOGOFF, TREE_CONNECT, CREATE)
LAST = 0xFF  # no further command
PIPE_TRANSACT = 0x26
SIGNING_REQUIRED = 0x08
CAN_UNICODE, EXTENDED = 0x4, 0x80000000  # capabilities: texts in UTF-16, tokens instead of a challenge
GUEST = 1
TREE = 1 << 32  # marks a share that is requested in the same message as a login
TYPES = {b"A:": "disk", b"IPC": "pipe", b"LPT1:": "printer", b"COMM": "printer"}
_HEADER = struct.Struct("<4xBIBH12xHHHH")  # command, status, flags, flags2, tree, process, user, multiplex
_NEGOTIATED = struct.Struct("<HB16xI")
_SETUP_OLD = struct.Struct("<14xHH")
_TREE = struct.Struct("<6xH")
_CREATE = struct.Struct("<5xH4x4xI8x4x4xII")
_CREATED = struct.Struct("<5xHI44xQ")
_OPEN = struct.Struct("<6xH8xH")
_WRITE = struct.Struct("<4xHI8xHHH")
_READ_ANSWER = struct.Struct("<10xHH")
_TRANSACTION = struct.Struct("<22xHHBx")
_TRANSACTION_ANSWER = struct.Struct("<12xHH")
_U16, _U32 = struct.Struct("<H"), struct.Struct("<I")


class Head:
    """The header of a message, and the complete message."""

    __slots__ = ("answer", "command", "data", "extended", "key", "multiplex", "partial", "place", "status", "unicode")

    def __init__(self, data: bytes, partial: bool) -> None:
        self.command, self.status, flags, flags2, tree, process, user, self.multiplex = _HEADER.unpack_from(data)
        self.data, self.partial, self.answer = data, partial, bool(flags & ANSWER)
        self.unicode, self.extended = bool(flags2 & UNICODE), bool(flags2 & EXTENDED_SECURITY)
        self.key, self.place = process << 16 | self.multiplex, (user, tree)

    def part(self, start: int, size: int) -> bytes:
        """A part of the message. Raises struct.error if it ends early and was not truncated."""
        raw = self.data[start : start + size]
        if len(raw) < size and not self.partial:
            raise struct.error
        return raw


class Block:
    """One command of a message: its words, and its bytes, which begin at ``at``."""

    __slots__ = ("at", "end", "head", "words")

    def __init__(self, head: Head, at: int) -> None:
        data = head.data
        if at >= len(data):
            raise struct.error
        start = at + 1 + 2 * data[at]
        self.head, self.words, self.at = head, data[at + 1 : start], start + 2
        self.end = min(self.at + int(_U16.unpack_from(data, start)[0]), len(data))

    def texts(self, at: int, count: int) -> list[str]:
        """Consecutive zero-terminated texts; UTF-16 texts begin at even offsets of the message. Truncated ones are left
        out.
        """
        found: list[str] = []
        data, wide = self.head.data, self.head.unicode
        for _ in range(count):
            if wide:
                at += at & 1
                stop = at
                while data[stop : stop + 2] not in (b"\0\0", b"") and stop < self.end and stop - at < TEXT_LIMIT:
                    stop += 2
                raw, following = data[at : min(stop, self.end)], stop + 2
            else:
                stop = data.find(b"\0", at, self.end)
                stop = self.end if stop < 0 else stop
                raw, following = data[at:stop], stop + 1
            if at >= self.end or (self.head.partial and following > len(data)):
                break
            found.append(utf16(raw) if wide else oem(raw[:TEXT_LIMIT]))
            at = following
        return found + [""] * (count - len(found))


class Smb1:
    """Parses the messages of one conversation."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    def read(self, packet: Packet, data: bytes, partial: bool) -> list[Parsed]:
        """Parse a message; ``partial``: its end is missing. Raises Malformed if its header is invalid."""
        if len(data) < HEADER_SIZE:
            if partial:
                return []
            raise Malformed("message ends early")
        head = Head(data, partial)
        parsed: list[Parsed] = []
        requested = self._conversation.pending.pop(head.key) if head.answer else None
        try:
            self._blocks(packet, head, requested, parsed)
        except (struct.error, Malformed) as fault:
            if not partial:
                text = str(fault.args[0]) if isinstance(fault, Malformed) else "message ends early"
                parsed.append(SmbFault(packet, 1, head.command, text))
        return parsed

    def _blocks(self, packet: Packet, head: Head, requested: Requested | None, parsed: list[Parsed]) -> None:
        """The command of a message, and chained ones."""
        command, at = head.command, HEADER_SIZE
        for _ in range(CHAIN_LIMIT):
            if head.answer and head.status and head.status not in (MORE_PROCESSING_REQUIRED, BUFFER_OVERFLOW):
                self._refused(packet, head, requested, parsed)
                return
            block = Block(head, at)
            if head.answer:
                if answer := _ANSWERS.get(command):
                    answer(self, packet, block, requested, parsed)
            elif request := _REQUESTS.get(command):
                request(self, packet, block, parsed)
            if command not in CHAINED or len(block.words) < 4 or block.words[0] == LAST:
                return
            command, following = block.words[0], _U16.unpack_from(block.words, 2)[0]
            if following <= at:
                raise Malformed("offset in a chain does not increase")
            at = following

    def _refused(self, packet: Packet, head: Head, requested: Requested | None, parsed: list[Parsed]) -> None:
        """A response with only a status."""
        _smb.login_result(packet, requested, head.status, False, parsed)
        _smb.tree_result(
            packet,
            self._conversation,
            head.place,
            self._conversation.pending.pop(head.key | TREE),
            "",
            head.status,
            parsed,
        )
        _smb.create_result(packet, self._conversation, requested, b"", head.status, 0, 0, parsed)
        if isinstance(requested, int):
            self._transacted(packet, head, requested, parsed)

    def _transacted(self, packet: Packet, head: Head, function: int, parsed: list[Parsed]) -> None:
        parsed.append(
            SmbTransaction(packet, _FAMILIES.get(head.command, ""), function, head.multiplex, True, head.status)
        )

    def file(self, number: int) -> File:
        """The file with an id."""
        return self._conversation.files.get(_U16.pack(number)) or NO_FILE

    # Requests.

    def negotiate(self, packet: Packet, block: Block, parsed: list[Parsed]) -> None:
        raw = block.head.data[block.at : block.end]
        pieces = raw.split(b"\0")
        if block.head.partial:
            pieces.pop()  # a name without its end
        names = [clean(piece[1:], 64) for piece in pieces[:DIALECTS_LIMIT] if piece[:1] == b"\2"]
        self._conversation.dialects = tuple(names)
        parsed.append(SmbNegotiate(packet, 1, tuple(names)))
        if not block.head.partial:
            parsed += facts(packet, [("smb.dialects", ",".join(names)[:1024])])

    def session_setup(self, packet: Packet, block: Block, parsed: list[Parsed]) -> None:
        head, words = block.head, block.words
        if len(words) == 24:
            size = _U16.unpack_from(words, 14)[0]
            _smb.security(packet, self._conversation, 1, head.key, head.part(block.at, size), head.partial, parsed)
            names = block.texts(block.at + size, 2)
        else:
            oem_size, unicode_size = _SETUP_OLD.unpack_from(words)
            user, domain, *names = block.texts(block.at + oem_size + unicode_size, 4)
            method = _method_of(oem_size, unicode_size, user)
            _smb.login(self._conversation, head.key, SmbLogin(packet, 1, method, user, domain, ""), parsed)
        parsed += facts(packet, [("smb.native_os", names[0]), ("smb.native_lanman", names[1])])

    def tree_connect(self, packet: Packet, block: Block, parsed: list[Parsed]) -> None:
        tree = _smb.tree(block.texts(block.at + _TREE.unpack_from(block.words)[0], 1)[0])
        self._conversation.pending.put(block.head.key | TREE, tree)
        parsed.append(SmbTreeConnect(packet, tree.path, tree.share))

    def create(self, packet: Packet, block: Block, parsed: list[Parsed]) -> None:
        _, access, disposition, options = _CREATE.unpack_from(block.words)
        self._open(packet, block, access, disposition, options, parsed)

    def open(self, packet: Packet, block: Block, parsed: list[Parsed]) -> None:
        mode, how = _OPEN.unpack_from(block.words)
        self._open(packet, block, (1, 2, 3, 0x20)[mode & 3], how, 0, parsed)

    def _open(
        self, packet: Packet, block: Block, access: int, disposition: int, options: int, parsed: list[Parsed]
    ) -> None:
        tree = self._conversation.trees.get(block.head.place) or NO_TREE
        name = block.texts(block.at, 1)[0].removeprefix("\\")
        self._conversation.pending.put(
            block.head.key, _smb.create(packet, tree, name, access, disposition, options, parsed)
        )

    def read_(self, packet: Packet, block: Block, parsed: list[Parsed]) -> None:
        file = self.file(_U16.unpack_from(block.words, 4)[0])
        if file.pipe:
            self._conversation.pending.put(block.head.key, file)

    def write(self, packet: Packet, block: Block, parsed: list[Parsed]) -> None:
        number, offset, high, low, start = _WRITE.unpack_from(block.words)
        if len(block.words) >= 28:
            offset |= _U32.unpack_from(block.words, 24)[0] << 32
        size = high << 16 | low
        _smb.write(packet, self.file(number), offset, size, block.head.part(start, min(size, PIPE_LIMIT)), parsed)

    def write_old(self, packet: Packet, block: Block, parsed: list[Parsed]) -> None:
        number, size, offset = struct.unpack_from("<HHI", block.words)
        _smb.write(
            packet, self.file(number), offset, size, block.head.part(block.at + 3, min(size, PIPE_LIMIT)), parsed
        )

    def delete(self, packet: Packet, block: Block, parsed: list[Parsed]) -> None:
        tree = self._conversation.trees.get(block.head.place) or NO_TREE
        parsed.append(SmbDelete(packet, tree.share, block.texts(block.at + 1, 1)[0].removeprefix("\\")))

    def rename(self, packet: Packet, block: Block, parsed: list[Parsed]) -> None:
        tree = self._conversation.trees.get(block.head.place) or NO_TREE
        data, at = block.head.data, block.at + 1
        old = block.texts(at, 1)[0]
        marked = data.find(b"\0\0\4" if block.head.unicode else b"\0\4", at, block.end)
        new = block.texts(marked + (3 if block.head.unicode else 2), 1)[0] if marked >= 0 else ""
        parsed.append(SmbRename(packet, tree.share, old.removeprefix("\\"), new.removeprefix("\\")))

    def transaction(self, packet: Packet, block: Block, parsed: list[Parsed]) -> None:
        """A transaction uses a pipe, or a mailslot or the old administration pipe, which have no file."""
        size, start, setup = _TRANSACTION.unpack_from(block.words)
        function, number = struct.unpack_from("<HH", block.words, 28) if setup >= 2 else (0, 0)
        if function != PIPE_TRANSACT:
            self._transaction(packet, block, function, parsed)
            return
        file = self._conversation.files.get(_U16.pack(number)) or File("", "", True, _U16.pack(number).hex())
        self._conversation.pending.put(block.head.key, file)
        parsed.append(
            SmbPipe(packet, file.name, file.handle, True, size, block.head.part(start, min(size, PIPE_LIMIT)))
        )

    def transaction2(self, packet: Packet, block: Block, parsed: list[Parsed]) -> None:
        self._transaction(packet, block, _U16.unpack_from(block.words, 28)[0], parsed)

    def nt_transaction(self, packet: Packet, block: Block, parsed: list[Parsed]) -> None:
        self._transaction(packet, block, _U16.unpack_from(block.words, 36)[0], parsed)

    def _transaction(self, packet: Packet, block: Block, function: int, parsed: list[Parsed]) -> None:
        head = block.head
        self._conversation.pending.put(head.key, function)
        parsed.append(SmbTransaction(packet, _FAMILIES.get(head.command, ""), function, head.multiplex, False, 0))

    def close(self, packet: Packet, block: Block, parsed: list[Parsed]) -> None:
        self._conversation.files.pop(block.words[:2])

    # Responses.

    def negotiated(self, packet: Packet, block: Block, requested: Requested | None, parsed: list[Parsed]) -> None:
        words, head = block.words, block.head
        number = _U16.unpack_from(words)[0]
        dialect = self._conversation.dialects[number] if number < len(self._conversation.dialects) else ""
        if number == 0xFFFF or len(words) < 34:
            parsed.append(SmbNegotiated(packet, 1, dialect, False, False, ""))
            return
        _, mode, capabilities = _NEGOTIATED.unpack_from(words)
        guid, pairs = "", [("smb.dialect", dialect)]
        if capabilities & EXTENDED and head.extended:
            raw = head.part(block.at, 16)
            guid = str(uuid.UUID(bytes_le=raw)) if len(raw) == 16 and any(raw) else ""
            pairs.append(("smb.guid", guid))
        else:
            domain, server = _names(block, block.at + words[33], bool(capabilities & CAN_UNICODE))
            pairs += [("smb.domain", domain), ("smb.hostname", server)]
        parsed.append(SmbNegotiated(packet, 1, dialect, bool(mode & SIGNING_REQUIRED), False, guid))
        parsed += facts(packet, pairs)

    def session(self, packet: Packet, block: Block, requested: Requested | None, parsed: list[Parsed]) -> None:
        head, words, at = block.head, block.words, block.at
        action = _U16.unpack_from(words, 4)[0]
        if len(words) == 8:
            size = _U16.unpack_from(words, 6)[0]
            _smb.security(packet, self._conversation, 1, -1, head.part(at, size), head.partial, parsed)
            at += size
        if not head.status:
            _smb.login_result(packet, requested, 0, bool(action & GUEST), parsed)
        system, program = block.texts(at, 2)
        parsed += facts(packet, [("smb.native_os", system), ("smb.native_lanman", program)])

    def tree(self, packet: Packet, block: Block, requested: Requested | None, parsed: list[Parsed]) -> None:
        service = block.head.data[block.at : block.end].partition(b"\0")[0]
        connected = self._conversation.pending.pop(block.head.key | TREE)
        _smb.tree_result(packet, self._conversation, block.head.place, connected, TYPES.get(service, ""), 0, parsed)

    def created(self, packet: Packet, block: Block, requested: Requested | None, parsed: list[Parsed]) -> None:
        number, action, size = _CREATED.unpack_from(block.words)
        _smb.create_result(packet, self._conversation, requested, _U16.pack(number), 0, action, size, parsed)

    def opened(self, packet: Packet, block: Block, requested: Requested | None, parsed: list[Parsed]) -> None:
        number, size = struct.unpack_from("<4xH6xI", block.words)
        _smb.create_result(packet, self._conversation, requested, _U16.pack(number), 0, -1, size, parsed)

    def data_read(self, packet: Packet, block: Block, requested: Requested | None, parsed: list[Parsed]) -> None:
        if isinstance(requested, File):
            size, start = _READ_ANSWER.unpack_from(block.words)
            parsed.append(
                SmbPipe(
                    packet, requested.name, requested.handle, False, size, block.head.part(start, min(size, PIPE_LIMIT))
                )
            )

    def transacted(self, packet: Packet, block: Block, requested: Requested | None, parsed: list[Parsed]) -> None:
        if isinstance(requested, File):
            size, start = _TRANSACTION_ANSWER.unpack_from(block.words)
            parsed.append(
                SmbPipe(
                    packet, requested.name, requested.handle, False, size, block.head.part(start, min(size, PIPE_LIMIT))
                )
            )
        elif isinstance(requested, int):
            self._transacted(packet, block.head, requested, parsed)


def _method_of(oem_size: int, unicode_size: int, user: str) -> str:
    """Method of a login without SPNEGO, by the sizes of its two responses."""
    if unicode_size >= 24:
        return "ntlmv2" if unicode_size > 24 else "ntlmv1"
    if oem_size == 24:
        return "lm"
    return "plain" if user else "anonymous"


def _names(block: Block, at: int, wide: bool) -> tuple[str, str]:
    """Domain and server name after a challenge: in UTF-16 if the server supports it, regardless of its header flags,
    and then at any offset.
    """
    if not wide:
        domain, server = block.texts(at, 2)
        return domain, server
    domain, server, *_ = [*block.head.data[at : block.end].decode("utf-16-le", "ignore").split("\0"), "", ""]
    return clean(domain, NAME_LIMIT), clean(server, NAME_LIMIT)


_FAMILIES = {TRANSACTION: "trans", TRANSACTION2: "trans2", NT_TRANSACTION: "nt"}
_REQUESTS: dict[int, Callable[[Smb1, Packet, Block, list[Parsed]], None]] = {
    NEGOTIATE: Smb1.negotiate, SESSION_SETUP: Smb1.session_setup, TREE_CONNECT: Smb1.tree_connect, CREATE: Smb1.create,
    OPEN: Smb1.open, READ: Smb1.read_, WRITE: Smb1.write, WRITE_OLD: Smb1.write_old, DELETE: Smb1.delete,
    RENAME: Smb1.rename, TRANSACTION: Smb1.transaction, TRANSACTION2: Smb1.transaction2,
    NT_TRANSACTION: Smb1.nt_transaction, CLOSE: Smb1.close,
}  # fmt: skip
_ANSWERS: dict[int, Callable[[Smb1, Packet, Block, Requested | None, list[Parsed]], None]] = {
    NEGOTIATE: Smb1.negotiated, SESSION_SETUP: Smb1.session, TREE_CONNECT: Smb1.tree, CREATE: Smb1.created,
    OPEN: Smb1.opened, READ: Smb1.data_read,
    TRANSACTION: Smb1.transacted, TRANSACTION2: Smb1.transacted, NT_TRANSACTION: Smb1.transacted,
}  # fmt: skip
