"""Messages of connection-oriented DCE/RPC (C706, 12.6; [MS-RPCE] 2.2): one parser for TCP and for named pipes.

The interface of a context id is remembered from the bind; contexts behind a truncation are taken for the last interface
before it. If the bind was not captured, the interface is taken from the pipe, or inferred from arguments or the order
of calls if they are unambiguous; otherwise it stays empty. Only the first of several fragments is parsed. Encrypted
arguments are not read; the call number is not encrypted.
"""

from __future__ import annotations

import struct

import msgspec

from sensor.core.bounded import Bounded
from sensor.core.dissector import Parsed
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors import _rpc_arguments as arguments
from sensor.dissectors._rpc_interfaces import INTERFACES, UNKNOWN, Interface, interface, of_pipe
from sensor.dissectors.shared import ntlm
from sensor.dissectors.shared.ntlm_events import ntlm_events
from sensor.dissectors.shared.rpc_events import PRIVACY, RpcAnswer, RpcBind, RpcCall, RpcEndpoint, RpcLogin, RpcRefused
from sensor.dissectors.shared.sender_facts import facts

HEADER_SIZE = 16
REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, BIND_NAK, ALTER, ALTER_ACK, AUTH3 = 0, 2, 3, 11, 12, 13, 14, 15, 16
KINDS = frozenset((REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, BIND_NAK, ALTER, ALTER_ACK, AUTH3, 17, 18, 19))
FIRST, LAST, OBJECT = 0x01, 0x02, 0x80
CONTEXTS_LIMIT, PENDING_LIMIT, PIPES_LIMIT, HISTORY_LIMIT = 64, 64, 32, 8
OFFERED_LIMIT = 16  # contexts of one bind
MESSAGES_LIMIT = 64  # in one piece of pipe data
TRANSFER_SIZE = 20
# Call sequence of DCSync tools at a domain controller: bind, controller information, name translation, replication.
# Only drsuapi has such calls in that order.
REPLICATION = {0, 12, 16}
GET_CHANGES = 3
_HEADER = struct.Struct("<BBBB4xHHI")
_BIG_HEADER = struct.Struct(">BBBB4xHHI")
_CONTEXT = struct.Struct("<HBx16sHH")
_REQUEST = struct.Struct("<IHH")
_TRAILER = struct.Struct("<BBBx")
_U8, _U16, _U32 = struct.Struct("<B"), struct.Struct("<H"), struct.Struct("<I")


class Requested(msgspec.Struct, frozen=True, gc=False):
    """A call whose response is pending."""

    interface: Interface
    number: int


def size(data: bytes, at: int = 0) -> int:
    """Size of the message at ``at``; 0 if more bytes are needed, -1 if no message begins there."""
    if len(data) - at < HEADER_SIZE:
        return 0
    head = _BIG_HEADER if not data[at + 4] & 0x10 else _HEADER
    version, minor, kind, _, length, verifier, _ = head.unpack_from(data, at)
    if (
        version != 5
        or minor > 1
        or kind not in KINDS
        or data[at + 4] & 0xEF
        or length < HEADER_SIZE
        or verifier > length
    ):
        return -1
    return int(length)


class RpcConversation:
    """One association: its negotiated state, and pending calls."""

    __slots__ = ("_contexts", "_history", "_level", "_pending", "_pipe")

    def __init__(self, pipe: str = "") -> None:
        self._pipe, self._level = pipe, 0
        self._contexts: Bounded[int, Interface] = Bounded(CONTEXTS_LIMIT)
        self._history: Bounded[int, list[int]] = Bounded(CONTEXTS_LIMIT)
        self._pending: Bounded[int, Requested] = Bounded(PENDING_LIMIT)

    def read(self, packet: Packet, data: bytes, parsed: list[Parsed]) -> None:
        """Parse one message, whose end may be missing. Raises Malformed if it is invalid."""
        little = bool(data[4] & 0x10)
        if not little:
            return  # no implementation of these interfaces uses big-endian byte order
        _, _, kind, flags, length, verifier, call = _HEADER.unpack_from(data)
        whole = len(data) >= length
        try:
            if kind == REQUEST and flags & FIRST:
                self._request(packet, data, flags, length, verifier, call, parsed)
            elif kind in (BIND, ALTER):
                self._bind(packet, data, verifier, parsed)
            elif kind in (RESPONSE, FAULT) and flags & FIRST:
                self._answer(packet, data, kind == FAULT, bool(flags & LAST) and whole, length, verifier, call, parsed)
            elif kind == BIND_NAK:
                names = tuple(dict.fromkeys([each.name for each in self._contexts.values()]))
                parsed.append(RpcRefused(packet, self._pipe, names, _U16.unpack_from(data, HEADER_SIZE)[0]))
            if verifier and kind in (BIND, BIND_ACK, ALTER, ALTER_ACK, AUTH3):
                self._verifier(packet, data[length - verifier : length] if whole else b"", parsed)
        except struct.error:
            if whole:
                raise Malformed("message ends early") from None

    def _bind(self, packet: Packet, data: bytes, verifier: int, parsed: list[Parsed]) -> None:
        """Contexts, each with an interface and transfer syntaxes. If a context offers several syntaxes, each has its
        own id.
        """
        at, names, number, found = HEADER_SIZE + 12, list[str](), 0, UNKNOWN
        for _ in range(min(_U8.unpack_from(data, HEADER_SIZE + 8)[0], OFFERED_LIMIT)):
            if names and packet.truncated and at + _CONTEXT.size > len(data):
                number += 1  # clients offer one interface in several transfer syntaxes, with consecutive ids
                self._contexts.put(number, found)
                continue
            number, ways, raw, major, _ = _CONTEXT.unpack_from(data, at)
            found = interface(raw, major)
            self._contexts.put(number, found)
            names.append(found.name)
            at += _CONTEXT.size + TRANSFER_SIZE * ways
        trailer = max(_U16.unpack_from(data, 8)[0] - verifier - 8, at)
        if verifier and trailer + _TRAILER.size <= len(data):
            self._level = _TRAILER.unpack_from(data, trailer)[1]
        if names:
            parsed.append(RpcBind(packet, self._pipe, tuple(dict.fromkeys(names)), self._level))

    def _verifier(self, packet: Packet, token: bytes, parsed: list[Parsed]) -> None:
        """The ends of the connection, if authentication is NTLM."""
        message = ntlm.find(token, partial=True)
        if message is None:
            return
        parsed += facts(packet, message.facts())
        parsed += ntlm_events(packet, "rpc", message)
        if isinstance(message, ntlm.Login):
            parsed.append(
                RpcLogin(packet, self._pipe, message.method, message.user, message.domain, message.workstation)
            )

    def _request(
        self, packet: Packet, data: bytes, flags: int, length: int, verifier: int, call: int, parsed: list[Parsed]
    ) -> None:
        hint, context, number = _REQUEST.unpack_from(data, HEADER_SIZE)
        start = HEADER_SIZE + _REQUEST.size + (16 if flags & OBJECT else 0)
        level, stop = self._protection(data, length, verifier)
        stub = data[start:stop] if level < PRIVACY else b""
        used = self._contexts.get(context) or of_pipe(self._pipe)
        inferred = context not in self._contexts
        if not used.name:
            used = self._inferred(context, number, level, stub)
            if used.name:
                self._contexts.put(context, used)
        self._pending.put(call, Requested(used, number))
        texts = arguments.texts(stub) if number in used.with_texts else ()
        read = arguments.READERS.get((used.name, number))
        facts = read(stub) if read else ()
        count = max(length - start - (verifier + 8 if verifier else 0), hint if not flags & LAST else 0)
        parsed.append(
            RpcCall(packet, self._pipe, used.name, used.call(number), number, level, count, texts, facts, inferred)
        )

    def _protection(self, data: bytes, length: int, verifier: int) -> tuple[int, int]:
        """The protection level, and the end of the arguments."""
        if not verifier:
            return 0, length
        at = length - verifier - 8
        if at + 4 > len(data) or at < HEADER_SIZE:
            return self._level or PRIVACY, at
        _, level, pad = _TRAILER.unpack_from(data, at)
        return level, at - pad

    def _inferred(self, context: int, number: int, level: int, stub: bytes) -> Interface:
        if number in (3, 4) and arguments.is_activation(stub):
            return INTERFACES["ISystemActivator"]
        if number in (4, 26) and not level and len(stub) >= 32:
            return _netlogon(number, stub)
        if number == 5 and stub[:1] == b"\5" and arguments.texts(stub):  # ORPC version, then names
            return INTERFACES["IDispatch"]
        history = self._history.get(context)
        if history is None:
            history = []
            self._history.put(context, history)
        if number == GET_CHANGES and level == PRIVACY and REPLICATION.issubset(history):
            return INTERFACES["drsuapi"]
        history.append(number)
        del history[:-HISTORY_LIMIT]
        return UNKNOWN

    def _answer(
        self,
        packet: Packet,
        data: bytes,
        fault: bool,
        last: bool,
        length: int,
        verifier: int,
        call: int,
        parsed: list[Parsed],
    ) -> None:
        requested = self._pending.pop(call)
        if requested is None:
            return
        start, status = HEADER_SIZE + 8, -1
        level, stop = self._protection(data, length, verifier)
        if fault:
            status = _U32.unpack_from(data, start)[0]
        elif last and level < PRIVACY and stop - start >= 4:
            status = _U32.unpack_from(data, stop - 4)[0]
        parsed.append(
            RpcAnswer(
                packet,
                self._pipe,
                requested.interface.name,
                requested.interface.call(requested.number),
                requested.number,
                fault,
                status,
                max(stop - start, 0),
            )
        )
        if requested.interface.name == "epm" and level < PRIVACY and not fault:
            stub = data[start:stop]
            name, port = arguments.tower(stub), arguments.port(stub)
            if name and port:
                parsed.append(RpcEndpoint(packet, name, port))


def _netlogon(number: int, stub: bytes) -> Interface:
    r"""The calls that set up a secure channel: ``\\server`` first, and a challenge or credential after the
    last name.
    """
    names = arguments.texts(stub)
    return (
        INTERFACES["netlogon"]
        if names and len(names) == (2 if number == 4 else 3) and names[0].startswith("\\\\")
        else UNKNOWN
    )


class Pipes:
    """The pipes of one SMB conversation, by handle."""

    __slots__ = ("_conversations",)

    def __init__(self) -> None:
        self._conversations: Bounded[str, RpcConversation] = Bounded(PIPES_LIMIT)

    def read(self, packet: Packet, pipe: str, handle: str, data: bytes, parsed: list[Parsed]) -> None:
        """Parse a piece of a pipe's data: consecutive messages; the end of the last may be missing. Other data is
        ignored.
        """
        conversation = self._conversations.get(handle)
        if conversation is None:  # a write to a pipe that was opened before the capture has no handle; later ones have
            conversation = (not pipe and self._conversations.pop("")) or RpcConversation(pipe)
            self._conversations.put(handle, conversation)
        at = 0
        for _ in range(MESSAGES_LIMIT):
            length = size(data, at)
            if length <= 0:
                return
            try:
                conversation.read(packet, data[at : at + length], parsed)
            except Malformed:  # the surrounding conversation is valid
                return
            at += length
