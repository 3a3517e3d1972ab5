"""OpenVPN: the answer of a server to a new client, over UDP and TCP (OpenVPN Protocol, draft-openvpn-wire-protocol 2).

Reads whether the control channel is protected by a key that was exchanged before (tls-auth, tls-crypt): such answers
are recognized on port 1194 only. Ignores messages of clients, the TLS handshake and data.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.framing import FramedStream

PORT = 1194
SERVER_RESET = 8 << 3  # P_CONTROL_HARD_RESET_SERVER_V2 of key 0
RESETS = (7 << 3, SERVER_RESET, 10 << 3)  # with those of clients, V2 and V3
# Behind the opcode and the session ID of the server: it acknowledges one packet, with ID 0.
ACKNOWLEDGES_AT, ACKNOWLEDGES = 9, b"\x01\x00\x00\x00\x00"
SIZE = 26  # with the session ID of the client, and the packet ID
# Of protected ones: with an HMAC of 16 to 64 bytes, a packet ID with its time, and flags.
PROTECTED_SIZES = range(SIZE + 24, SIZE + 80)
LENGTH, SESSION_ID = 2, 8  # bytes: of the length before each message over TCP, of a session ID


class OpenvpnServerReset(Event):
    """A server answers a new client. ``protected``: its control channel is signed or encrypted."""

    protected: bool


class Openvpn(Dissector):
    """Its first answer is enough."""

    interest = Interest(
        udp=(PORT,),
        tcp=(PORT,),
        magic=tuple((at + ACKNOWLEDGES_AT, ACKNOWLEDGES[:4]) for at in (0, LENGTH)),
        stream=True,
        opening=1,
    )

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return _reset(packet, packet.payload)

    def stream(self, packet: Packet) -> Stream:
        return OpenvpnStream()


class OpenvpnStream(FramedStream):
    """The first message of the server."""

    head = LENGTH + 1
    exclusive = False

    def size(self, data: bytes, at: int) -> int:
        size = int.from_bytes(data[at : at + LENGTH], "big")
        if size < SESSION_ID or data[at + LENGTH] not in RESETS:
            raise Malformed("no OpenVPN message")
        return LENGTH + size

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        self.done = not from_client
        return _reset(packet, data[LENGTH:]) if self.done else iter(())


def _reset(packet: Packet, data: bytes) -> Iterator[Parsed]:
    if not data or data[0] != SERVER_RESET:
        return
    if len(data) == SIZE and data.startswith(ACKNOWLEDGES, ACKNOWLEDGES_AT):
        yield OpenvpnServerReset(packet, False)
    elif packet.sport == PORT and len(data) in PROTECTED_SIZES:
        yield OpenvpnServerReset(packet, True)
