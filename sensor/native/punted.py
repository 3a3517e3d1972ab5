"""Messages, or parts of messages, that native dissectors leave to the Python dissector of their protocol, with the data
it needs.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from sensor.core.dissector import Parsed
from sensor.core.packet import Packet
from sensor.dissectors import http, quic, ssh, tls
from sensor.dissectors.shared.client_hello import client_hello, server_hello
from sensor.dissectors.shared.http_body import decoded
from sensor.dissectors.shared.http_message import masked, read_head

REPEATED = b"\1"  # the session id of a ServerHello that repeats the one of the client


class Punted(msgspec.Struct):
    """Base class. The fields have the same types as fields of events."""

    def read(self, packet: Packet) -> Iterable[Parsed]:
        """Its events in this packet, and its facts about the packet's sender. Both depend on the fields alone, since
        they are recalled when the same fields come again (``engine/known_messages.pyx``). Raises Malformed if the
        message violates the protocol.
        """
        raise NotImplementedError


class HttpRequestHead(Punted):
    """The head of a request, without the empty line."""

    head: bytes

    def read(self, packet: Packet) -> Iterable[Parsed]:
        return http.request(packet, read_head(self.head))[1]


class HttpResponseHead(Punted):
    """The head of a response; ``method`` and ``target`` of the request it answers, empty if that is uncertain;
    ``proxy``: the response comes from a proxy; ``foreign``: with the hop limit of another system than Windows.
    """

    head: bytes
    method: str
    target: bytes
    proxy: bool
    foreign: bool

    def read(self, packet: Packet) -> Iterable[Parsed]:
        head, path = read_head(self.head), masked(self.target)
        return http.response(packet, head, self.method, path, self.proxy, self.foreign)[1]


class HttpSentBody(Punted):
    """The head of a request and the beginning of its body; ``encoded``: compressed."""

    head: bytes
    encoded: bool
    body: bytes

    def read(self, packet: Packet) -> Iterable[Parsed]:
        return http.sent(packet, read_head(self.head), decoded(self.body) if self.encoded else self.body)


class HttpPageBody(Punted):
    """The beginning of a page; ``own``: of a server on the sender itself; ``encoded`` as for requests."""

    status: int
    own: bool
    encoded: bool
    body: bytes

    def read(self, packet: Packet) -> Iterable[Parsed]:
        return http.page(packet, self.status, self.own, decoded(self.body) if self.encoded else self.body)


class HttpDescriptionBody(Punted):
    """The beginning of a possible device description; ``own`` and ``encoded`` as for pages."""

    own: bool
    encoded: bool
    body: bytes

    def read(self, packet: Packet) -> Iterable[Parsed]:
        return http.description(packet, self.own, decoded(self.body) if self.encoded else self.body)


class QuicClientHelloBody(Punted):
    """A ClientHello as for TLS; ``version``: of QUIC."""

    version: str
    body: bytes

    def read(self, packet: Packet) -> Iterable[Parsed]:
        return quic.client(packet, client_hello(self.body, "q"), self.version)


class SshVersionLine(Punted):
    """A version line, without its end."""

    from_client: bool
    line: bytes

    def read(self, packet: Packet) -> Iterable[Parsed]:
        return ssh.banner(packet, self.line, self.from_client)


class SshOffer(Punted):
    """A KEXINIT message, without its type."""

    from_client: bool
    body: bytes

    def read(self, packet: Packet) -> Iterable[Parsed]:
        return ssh.offer(packet, self.body, self.from_client)


class TlsClientHelloBody(Punted):
    """A ClientHello, without the parts that the dissector does not read."""

    body: bytes

    def read(self, packet: Packet) -> Iterable[Parsed]:
        return tls.client(packet, client_hello(self.body, "t"))


class TlsServerHelloBody(Punted):
    """A ServerHello, without the parts that the dissector does not read. Its session id is REPEATED if it repeats the
    client's.
    """

    body: bytes

    def read(self, packet: Packet) -> Iterable[Parsed]:
        return (tls.server(packet, server_hello(self.body, REPEATED)),)


class TlsOldHello(Punted):
    """A hello in SSL 2.0 format, or a handshake message with a hello that the capture truncated."""

    body: bytes

    def read(self, packet: Packet) -> Iterable[Parsed]:
        return tls.old_client(packet, self.body)


class TlsCertificateBody(Punted):
    """The first certificate of a list; ``remote_desktop``: of a server on the port of RDP."""

    from_client: bool
    remote_desktop: bool
    data: bytes

    def read(self, packet: Packet) -> Iterable[Parsed]:
        return tls.certificate(packet, self.data, self.from_client, self.remote_desktop)
