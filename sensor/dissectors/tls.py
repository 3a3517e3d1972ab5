"""TLS over TCP (RFC 8446, RFC 5246) and DTLS over UDP (RFC 9147, RFC 6347): the cleartext messages at the start.

Reads ClientHello, ServerHello and, up to TLS 1.2, the first certificate of each side, which is its own. Recognises
hellos of SSL 3.0 and in SSL 2.0 format. Cleartext heartbeats (RFC 6520) are reported by their sizes. Ignores everything
encrypted, key exchanges, tickets and alerts. Recognised by the record header at any position, so also after STARTTLS
and in RDP. Fragmented DTLS messages are ignored, except a certificate whose beginning suffices. A second ClientHello,
requested by the server, adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared import x509
from sensor.dissectors.shared.client_hello import (
    ClientHello,
    ServerHello,
    client_hello,
    old_hello,
    server_hello,
    session_of,
    truncated_hello,
)
from sensor.dissectors.shared.sender_facts import fact, facts

CHANGE_CIPHER, ALERT, HANDSHAKE, APPLICATION, HEARTBEAT = 20, 21, 22, 23, 24
CLIENT_HELLO, SERVER_HELLO, CERTIFICATE, CLIENT_KEY = 1, 2, 11, 16
WANTED = (CLIENT_HELLO, SERVER_HELLO, CERTIFICATE)
RECORD_LIMIT = 16384 + 2048  # bytes (RFC 5246, 6.2.3)
MESSAGE_LIMIT = 65536
CERTIFICATE_LIMIT = 16384
RECORDS_LIMIT = 16  # of a datagram
REMOTE_DESKTOP = 3389
DTLS_RECORD, DTLS_MESSAGE = 13, 12  # sizes of the headers
# A record with a ClientHello or ServerHello of up to 2 KiB.
STARTS = tuple(bytes((HANDSHAKE, 3, minor, size)) for minor in range(4) for size in range(8))
# A heartbeat record of up to 255 bytes, or of maximum size.
BEATS = tuple(bytes((HEARTBEAT, 3, minor, size)) for minor in range(1, 4) for size in (0, 63, 64))
BEAT_HEAD = 3
DTLS_STARTS = (b"\x16\xfe\xff\0\0\0", b"\x16\xfe\xfd\0\0\0")


class TlsClientHello(Event):
    """A client begins. ``sni``: requested host; ``version``: the newest it offers (``TLS 1.3``); ``weak``: kinds of
    weak ciphers it offers (null, anonymous, export, rc4, des, 3des); ``encrypted``: it contains an encrypted inner
    hello; ``ja3`` and ``ja4`` are empty in SSL 2.0 format; these and ``version`` if the capture truncated it.
    """

    sni: str
    alpn: tuple[str, ...]
    version: str
    ja3: str
    ja4: str
    weak: tuple[str, ...]
    encrypted: bool


class TlsServerHello(Event):
    """A server chose version and cipher (the number of the suite). ``resumed``: it resumes an earlier session; with
    DTLS 1.2 and earlier always false.
    """

    version: str
    cipher: int
    alpn: str
    ja3s: str
    weak: tuple[str, ...]
    resumed: bool


class TlsCertificate(Event):
    """The sender's own certificate; ``from_client``: a requested client certificate. Fields as in ``x509.Certificate``;
    times in seconds since 1970.
    """

    from_client: bool
    subject: str
    issuer: str
    common_name: str
    organisation: str
    unit: str
    names: tuple[str, ...]
    not_before: int
    not_after: int
    self_signed: bool
    key: str
    key_bits: int
    sha1: str
    sha256: str


class TlsHeartbeat(Event):
    """A cleartext heartbeat. ``request``: or the response to one; ``claimed``: payload length in bytes that it
    declares; ``size``: bytes of the record available for type, length, payload and padding (of 16 at least).
    """

    from_client: bool
    request: bool
    claimed: int
    size: int


class Tls(Dissector):
    """Datagrams are DTLS, whose clients retransmit until they are answered. Three segments of a server are needed: some
    send a hello first, and then a certificate in two.
    """

    interest = Interest(
        udp=(5684,), tcp=(443, 465, 563, 636, 853, 989, 990, 992, 993, 994, 995, 3269, 4433, 5061, 5986, 6514, 8443,
        8883, 9443),
        starts=STARTS + DTLS_STARTS + BEATS, stream=True, opening=3, repeats_s=5, volatile=(5, 11),
    )  # fmt: skip

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        if not packet.payload.startswith(DTLS_STARTS):
            return iter(())
        try:
            return iter(_datagram(packet))
        except Malformed:
            if packet.truncated:
                return iter(())
            raise

    def stream(self, packet: Packet) -> Stream:
        return TlsStream()


class TlsStream(Stream):
    """One connection: done when both sides have started encryption, or when it is not TLS."""

    def __init__(self) -> None:
        self._client, self._server = _Direction(), _Direction()
        self._session = b""

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        direction = self._client if from_client else self._server
        for kind, body in direction.messages(data):
            yield from self._parsed(packet, kind, body, direction, from_client)
        if packet.truncated and (begun := direction.begun()):
            yield from old_client(packet, begun)
        self.done = self._client.over and self._server.over

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        direction = self._client if from_client else self._server
        direction.gap(missing)
        self.done = self._client.over and self._server.over
        return iter(())

    def _parsed(
        self, packet: Packet, kind: int, body: bytes, direction: _Direction, from_client: bool
    ) -> Iterator[Parsed]:
        """Parse a message; the direction continues or is done."""
        if kind == CERTIFICATE:
            yield from certificate(packet, body, from_client, packet.sport == REMOTE_DESKTOP)
        elif kind == HEARTBEAT:
            yield TlsHeartbeat(packet, from_client, body[2] == 1, body[3] << 8 | body[4], body[0] << 8 | body[1])
        elif direction.greeted and kind == CLIENT_HELLO:
            return
        elif kind == SERVER_HELLO:
            direction.greeted = True
            hello = server_hello(body, self._session)
            direction.retried = hello.retry
            if not hello.retry:
                yield server(packet, hello)
                direction.over = hello.version == "TLS 1.3"
        else:
            direction.greeted = True
            if kind == CLIENT_HELLO:
                self._session = session_of(body)
                yield from client(packet, client_hello(body, "t"))
            else:
                yield from old_client(packet, body)


class _Direction:
    """One direction: the rest of the current record, and the partial handshake message.

    ``greeted``: a hello was parsed; ``retried``: the server will send another; ``over``: nothing more is needed;
    ``torn``: bytes are missing, and handshake message boundaries are unknown.
    """

    __slots__ = ("_beat", "_head", "_kind", "_left", "_message", "greeted", "over", "retried", "torn")

    def __init__(self) -> None:
        self._head, self._message, self._beat = bytearray(), bytearray(), bytearray()
        self._kind = self._left = 0
        self.over = self.greeted = self.retried = self.torn = False

    def begun(self) -> bytes:
        """An incomplete first hello, which is discarded; empty if there is none."""
        message = bytes(self._message)
        if self.greeted or self.over or len(message) < 4 or message[0] != CLIENT_HELLO:
            return b""
        self.greeted = True
        self._message.clear()
        return message

    def gap(self, missing: int) -> None:
        """Bytes are missing: parsing continues if they all belong to the current record."""
        if missing > self._left:
            self.over = True
        self._left, self.torn = max(self._left - missing, 0), True
        self._message.clear()

    def messages(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """(type, body) of the needed messages that these bytes complete; of a certificate message only the first
        certificate.
        """
        at, end = 0, len(data)
        while at < end and not self.over:
            if not self._left:
                at = self._header(data, at)
                if self._kind == -1:
                    yield from self._old()
                continue
            stop = min(at + self._left, end)
            if self._kind == HANDSHAKE and not self.torn:
                self._message += memoryview(data)[at:stop]
            elif self._kind == HEARTBEAT and len(self._beat) < 2 + BEAT_HEAD:
                self._beat += memoryview(data)[at : min(stop, at + 2 + BEAT_HEAD - len(self._beat))]
                if len(self._beat) == 2 + BEAT_HEAD:
                    yield HEARTBEAT, bytes(self._beat)
            self._left -= stop - at
            at = stop
            yield from self._complete()

    def _header(self, data: bytes, at: int) -> int:
        """Take bytes of a record's header; returns where the record continues."""
        head = self._head
        if not self.greeted and (head[0] if head else data[at]) & 0x80:
            self._kind = -1
            head += memoryview(data)[at:]
            return len(data)
        stop = min(at + 5 - len(head), len(data))
        head += memoryview(data)[at:stop]
        if not (head[0] in (HANDSHAKE, ALERT, HEARTBEAT) or (self.retried and head[0] == CHANGE_CIPHER)) or (
            len(head) > 1 and head[1] != 3
        ):
            if self.greeted and not CHANGE_CIPHER <= head[0] <= HEARTBEAT:
                raise Malformed("record of an unknown type")
            self.over = True  # encrypted from here on, or never TLS
        elif len(head) == 5:
            self._kind, self._left = head[0], head[3] << 8 | head[4]
            self._beat[:] = head[3:5]
            if self._left > RECORD_LIMIT:
                raise Malformed("record too long")
            head.clear()
        return stop

    def _old(self) -> Iterator[tuple[int, bytes]]:
        """A hello in SSL 2.0 format, once it is complete; other data with the same beginning is ignored."""
        head = self._head
        if len(head) > 2 and head[2] != CLIENT_HELLO:
            self.over = True
        elif len(head) >= 11 and len(head) >= 2 + ((head[0] & 0x7F) << 8 | head[1]):
            self.over = True
            yield 0, bytes(head)
        elif len(head) > RECORD_LIMIT:
            self.over = True

    def _complete(self) -> Iterator[tuple[int, bytes]]:
        message = self._message
        while len(message) >= 4 and not self.over:
            kind, size = message[0], int.from_bytes(message[1:4], "big")
            # Captured from the middle, it may be encrypted already.
            if kind == CLIENT_KEY or (kind not in WANTED and not self.greeted):
                self.over = True
                return
            if size > MESSAGE_LIMIT:
                raise Malformed("message too long")
            if kind == CERTIFICATE:
                yield from self._certificate(size)
                return
            if len(message) < 4 + size:
                return
            body = bytes(message[4 : 4 + size])
            del message[: 4 + size]
            if kind in WANTED:
                yield kind, body

    def _certificate(self, size: int) -> Iterator[tuple[int, bytes]]:
        """The first of a list of certificates, once it is complete (RFC 5246, 7.4.2)."""
        message = self._message
        if size < 6:
            self.over = True
            return
        if len(message) < 10:
            return
        length = int.from_bytes(message[7:10], "big")
        if length > min(size - 6, CERTIFICATE_LIMIT):
            raise Malformed("certificate longer than its message")
        if len(message) >= 10 + length:
            self.over = True
            yield CERTIFICATE, bytes(message[10 : 10 + length])


# Parsing of messages, shared with the native dissector.


def old_client(packet: Packet, body: bytes) -> Iterator[Parsed]:
    """The event of a hello in SSL 2.0 format, if it is one, or of a truncated hello."""
    hello = truncated_hello(body[4:]) if body[0] == CLIENT_HELLO else old_hello(body)
    if hello is not None:
        yield TlsClientHello(
            packet, hello.sni, hello.alpn, hello.version, hello.ja3, hello.ja4, hello.weak, hello.encrypted
        )
        if hello.sni:
            yield fact(packet, "tls.sni", hello.sni)


def server(packet: Packet, hello: ServerHello) -> TlsServerHello:
    """The event of a ServerHello."""
    return TlsServerHello(packet, hello.version, hello.cipher, hello.alpn, hello.ja3s, hello.weak, hello.resumed)


def client(packet: Packet, hello: ClientHello) -> Iterator[Parsed]:
    """The event and the facts about the sender of a ClientHello."""
    yield TlsClientHello(
        packet, hello.sni, hello.alpn, hello.version, hello.ja3, hello.ja4, hello.weak, hello.encrypted
    )
    yield from facts(packet, [("tls.sni", hello.sni), ("tls.ja3", hello.ja3), ("tls.ja4", hello.ja4)])


def certificate(packet: Packet, data: bytes, from_client: bool, remote_desktop: bool) -> Iterator[Parsed]:
    """The event and the facts about the sender of a certificate. An empty one comes from a client without a
    certificate. ``remote_desktop``: the sender is a server on the port of RDP.
    """
    if not data:
        return
    one = x509.read(data)
    yield TlsCertificate(
        packet, from_client, one.subject, one.issuer, one.common_name, one.organisation, one.unit, one.names,
        one.not_before, one.not_after, one.self_signed, one.key, one.key_bits, one.sha1, one.sha256,
    )  # fmt: skip
    # Windows creates its own certificate for remote desktop, and names it after the host.
    hostname = one.common_name if remote_desktop and one.self_signed else ""
    pairs = (
        ("tls.certificate_subject", one.subject),
        ("tls.certificate_issuer", one.issuer),
        ("tls.certificate_cn", one.common_name),
        ("tls.certificate_organisation", one.organisation),
        ("tls.certificate_unit", one.unit),
        ("tls.hostname", hostname),
    )
    yield from facts(packet, pairs)


def _datagram(packet: Packet) -> list[Parsed]:
    """Parse the cleartext records of one datagram (RFC 6347, 4.1 and 4.2.2) that have complete messages."""
    data, at = packet.payload, 0
    parsed: list[Parsed] = []
    for _ in range(RECORDS_LIMIT):
        # Records of a later epoch are encrypted.
        if at + DTLS_RECORD > len(data) or data[at] != HANDSHAKE or data[at + 3] or data[at + 4]:
            break
        stop = at + DTLS_RECORD + (data[at + 11] << 8 | data[at + 12])
        if stop > len(data) or stop < at + DTLS_RECORD + DTLS_MESSAGE:
            raise Malformed("record longer than the datagram" if stop > len(data) else "record shorter than a message")
        parsed += _dtls_message(packet, data[at + DTLS_RECORD : stop])
        at = stop
    return parsed


def _dtls_message(packet: Packet, message: bytes) -> Iterator[Parsed]:
    kind = message[0]
    size = int.from_bytes(message[1:4], "big")
    offset = int.from_bytes(message[6:9], "big")
    part = int.from_bytes(message[9:12], "big")
    if offset or part > len(message) - DTLS_MESSAGE:
        return
    body = message[DTLS_MESSAGE : DTLS_MESSAGE + part]
    if kind == CERTIFICATE and len(body) >= 6 and len(body) >= 6 + int.from_bytes(body[3:6], "big"):
        raw = body[6 : 6 + int.from_bytes(body[3:6], "big")]
        yield from certificate(packet, raw, packet.direction == 0, packet.sport == REMOTE_DESKTOP)
    elif part == size and kind == CLIENT_HELLO:
        yield from client(packet, client_hello(body, "d"))
    elif part == size and kind == SERVER_HELLO:
        yield server(packet, server_hello(body))
