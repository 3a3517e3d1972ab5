"""SMB 1, 2 and 3 over TCP and over NetBIOS sessions ([MS-CIFS], [MS-SMB2]; RFC 1002, 4.3): logins, shares, files and
pipes.

Reads dialects, NTLM names and types of proofs ([MS-NLMP]), logins with their result, shares, open requests, writes,
renames, deletions, and the beginning of data in named pipes, with its DCE/RPC calls (``_dcerpc``). Reports urgent data
at the beginning of a NetBIOS session. Resumes after gaps, and in connections captured from their middle. Ignores
listings, locks and notifications, and the content of files beyond their first bytes. Encrypted content is not read but
reported as encrypted, with the sizes of its messages if they are those of remote procedure calls (``_smb_sealed``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors import _smb
from sensor.dissectors._dcerpc import Pipes
from sensor.dissectors._smb1 import Smb1
from sensor.dissectors._smb2 import Smb2
from sensor.dissectors._smb_messages import Messages
from sensor.dissectors._smb_sealed import SealedCalls
from sensor.dissectors.shared.netbios import WORKSTATION, is_machine, name_at
from sensor.dissectors.shared.sender_facts import facts
from sensor.dissectors.shared.smb_events import (
    SmbCompressed,
    SmbEncrypted,
    SmbEncryptedCall,
    SmbPipe,
    SmbSession,
    SmbUrgent,
)

SESSION_PORT, PORT = 139, 445
URGENT = 0x20  # flag of TCP
FRAME_SIZE = 4
MESSAGE, REQUEST, POSITIVE, NEGATIVE, RETARGET, KEEP_ALIVE = 0x00, 0x81, 0x82, 0x83, 0x84, 0x85
CONTROLS = (REQUEST, POSITIVE, NEGATIVE, RETARGET, KEEP_ALIVE)
SMB1, SMB2, ENCRYPTED, COMPRESSED = b"\xffSMB", b"\xfeSMB", b"\xfdSMB", b"\xfcSMB"
MAGICS = (SMB1, SMB2, ENCRYPTED, COMPRESSED)
# Payloads of each message that the select pass passes on.
OPENING = 4
SEALED_LIMIT = 512  # encrypted messages without another one, after which a connection is ignored
UNPARSED_LIMIT = 64  # number of payloads without the beginning of a message after which a connection is ignored
_ENCRYPTED = struct.Struct("<36xI4xQ")  # size of the message, and the session
_COMPRESSED = struct.Struct("<4xIHHI")


class Smb(Dissector):
    """Messages on any port are recognized by their magic; only their first segments are needed."""

    interest = Interest(
        tcp=(PORT, SESSION_PORT), magic=((4, SMB2), (4, SMB1), (4, ENCRYPTED)), stream=True, opening=OPENING
    )

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())  # datagrams carry mailslots, which the browser dissector parses

    def stream(self, packet: Packet) -> Stream:
        return SmbStream()


class SmbStream(Stream):
    """One connection. Messages show which side is the client, regardless of which one sent first."""

    def __init__(self) -> None:
        self._client, self._server = Messages(), Messages()
        self._conversation = conversation = _smb.Conversation()
        self._smb1, self._smb2, self._pipes = Smb1(conversation), Smb2(conversation), Pipes()
        self._unparsed, self._begins = 0, True
        self._sealed, self._sealed_left = SealedCalls(), SEALED_LIMIT

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        direction = self._client if from_client else self._server
        if self._begins:
            self._begins = False
            if packet.tcp_flags & URGENT and packet.dport == SESSION_PORT and not _begins(data):
                yield SmbUrgent(packet, len(data))
        if not direction.found(data):
            self._unparsed += 1
            self.done = self._unparsed > UNPARSED_LIMIT
            return
        for raw, partial in direction.complete(data, packet.one_sided, self._conversation.pipes):
            yield from self._parsed(packet, direction, raw, partial)
        if direction.skipped:
            self._unparsed, self._sealed_left = 0, SEALED_LIMIT

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        """Parse the available part of the message."""
        direction = self._client if from_client else self._server
        raw = direction.gap(missing)
        if len(raw) > FRAME_SIZE + 4:
            yield from self._parsed(packet, direction, raw, True)

    def _parsed(self, packet: Packet, direction: Messages, raw: bytes, partial: bool) -> list[Parsed]:
        self._unparsed = 0
        magic = raw[FRAME_SIZE : FRAME_SIZE + 4]
        if raw[0] == REQUEST:
            return _session(packet, raw, partial)
        if magic == SMB2:
            self._sealed_left = SEALED_LIMIT
            return self._with_calls(self._smb2.read(packet, raw[FRAME_SIZE:], partial))
        if magic == SMB1:
            return self._with_calls(self._smb1.read(packet, raw[FRAME_SIZE:], partial))
        if magic == COMPRESSED and len(raw) >= FRAME_SIZE + 16:
            size, algorithm, _, offset = _COMPRESSED.unpack_from(raw, FRAME_SIZE)
            return [SmbCompressed(packet, size, algorithm, offset)]
        if magic == ENCRYPTED and len(raw) >= FRAME_SIZE + 52:
            return self._encrypted(packet, direction, raw)
        return []

    def _encrypted(self, packet: Packet, direction: Messages, raw: bytes) -> list[Parsed]:
        """A connection with nothing but encrypted messages is read at its beginning only."""
        size, session = _ENCRYPTED.unpack_from(raw, FRAME_SIZE)
        self._sealed_left -= 1
        self.done = not self._sealed_left
        parsed: list[Parsed] = []
        if not direction.encrypted:
            direction.encrypted = True
            parsed.append(SmbEncrypted(packet, session))
        if called := self._sealed.read(size, direction is self._client):
            parsed.append(SmbEncryptedCall(packet, *called))
        return parsed

    def _with_calls(self, parsed: list[Parsed]) -> list[Parsed]:
        """Add the DCE/RPC events that the data of named pipes contains."""
        for piece in [one for one in parsed if isinstance(one, SmbPipe)]:
            self._pipes.read(piece.packet, piece.pipe, piece.handle, piece.data, parsed)
        return parsed


def _begins(data: bytes) -> bool:
    """Whether a session begins with these bytes: a request, or a message in captures that begin later."""
    return not data or data[0] in CONTROLS or data[FRAME_SIZE : FRAME_SIZE + 4] in MAGICS


def _session(packet: Packet, raw: bytes, partial: bool) -> list[Parsed]:
    """A NetBIOS session request with the client's name."""
    try:
        called, offset = name_at(raw, FRAME_SIZE)
        calling, _ = name_at(raw, offset)
    except IndexError:
        if partial:
            return []
        raise Malformed("message ends early") from None
    parsed: list[Parsed] = [SmbSession(packet, called.name, calling.name)]
    if calling.suffix == WORKSTATION and is_machine(calling):
        parsed += facts(packet, [("netbios.hostname", calling.name)])
    return parsed
