"""SIP over UDP and TCP (RFC 3261): calls, registrations and their programs. TLS is not decrypted.

Reads the start line and the headers named below, in long and compact form, folded or not, and session descriptions (RFC
8866); other bodies are skipped by their length. The presence of credentials is reported, their content never stored; of
challenges the first is read (RFC 8760: the server's preferred one). A fact about the program belongs to the sender only
if the sender wrote the message: a request with more than one Via was forwarded by a proxy, and so was a response whose
Contact names another host. Plug-and-play: an unconfigured phone requests its settings in a SUBSCRIBE whose Event header
contains its vendor, model and version. Cisco phones identify themselves in Contact when they register.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from typing import NamedTuple

from sensor.core.addresses import text
from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors._sip_address import address_in, names_sender
from sensor.dissectors._sip_facts import registration_facts, sender_facts
from sensor.dissectors.shared import sdp
from sensor.dissectors.shared.sender_facts import facts

VERSION = b"SIP/2.0"
HEADERS_LIMIT = 128
LINE_LIMIT = 4096
HEAD_LIMIT = 65536
BODY_LIMIT = 65536
NAME_LIMIT = 255
KEEP_ALIVE = b"\r\n\0 "
FOLD = b" \t"
TLS_HANDSHAKE = 0x16
EVERY_CONTACT = b"*"
EVENTING = b"SUBSCRIBE /"  # HTTP with a method of the same name: UPnP Device Architecture 2.0, 4
# First bytes of messages on other ports. OPTIONS is excluded: RTSP and HTTP begin with the same eight bytes.
STARTS = (
    b"SIP/2.0 ", b"INVITE s", b"REGISTER", b"SUBSCRIB", b"NOTIFY s", b"MESSAGE ", b"PUBLISH ", b"ACK sip:",
    b"BYE sip:", b"CANCEL s", b"INFO sip", b"REFER si",
)  # fmt: skip
# Header names, long and compact (RFC 3261, 7.3.3; RFC 6665, 8.2.1), by content: in their usual spelling, and in lower
# case for all others.
_LONG = {
    b"Via": "via", b"From": "from", b"To": "to", b"Call-ID": "call-id", b"CSeq": "cseq", b"Contact": "contact",
    b"Content-Length": "length", b"Event": "event", b"User-Agent": "agent", b"Server": "server",
    b"Authorization": "auth", b"Proxy-Authorization": "auth", b"WWW-Authenticate": "auth",
    b"Proxy-Authenticate": "auth", b"Content-Type": "type", b"Reason": "reason", b"Max-Forwards": "", b"Allow": "",
    b"Accept": "", b"Supported": "", b"Expires": "", b"Record-Route": "",
}  # fmt: skip
_COMPACT = {
    b"v": "via", b"f": "from", b"t": "to", b"i": "call-id", b"m": "contact", b"l": "length", b"o": "event",
    b"c": "type", b"e": "", b"s": "", b"k": "",
}  # fmt: skip
HEADERS = _LONG | {name.lower(): held for name, held in (_LONG | _COMPACT).items()}
# Words in names of X- and P- headers that identify a device or its parts; mobile phones send P-Access-Network-Info.
DEVICE_WORDS = (
    b"serial", b"mac", b"model", b"device", b"firmware", b"product", b"hardware", b"vendor", b"access-network-info",
    b"user-agent", b"software", b"platform", b"build", b"endpoint", b"phone-type",
)  # fmt: skip
DEVICE_HEADERS_LIMIT = 8
SDP = b"application/sdp"
_PARAMETER = lazy_pattern(rb'([a-zA-Z]{1,32})\s*=\s*(?:"([^"]{0,1024})"|([^\s,"]{1,256}))')
PARAMETERS_LIMIT = 16


class SipRequest(Event):
    """``caller`` and ``callee``: the addresses in From and To without scheme and parameters (``100@10.0.0.5``);
    ``credentials``: it contains some, ``basic``: with a cleartext password.
    """

    method: str
    uri: str
    caller: str
    callee: str
    call_id: str
    cseq: int
    user_agent: str
    credentials: bool
    basic: bool = False


class SipResponse(Event):
    """``method``: of the request; ``challenge``: it requests credentials; ``user_agent``: from Server or User-Agent.

    Fields of the challenge (RFC 7616): ``scheme`` in lower case, ``realm``, ``algorithm`` (empty: MD5), ``qop``
    (whether it offers any), ``nonce`` and ``stale`` (only the nonce of the credentials was too old).
    """

    status: int
    reason: str
    method: str
    caller: str
    callee: str
    call_id: str
    cseq: int
    user_agent: str
    challenge: bool
    scheme: str = ""
    realm: str = ""
    algorithm: str = ""
    qop: bool = False
    nonce: str = ""
    stale: bool = False


class SipUnregistration(Event):
    """A REGISTER that removes all contacts of an account (RFC 3261, 10.2.2); its ``SipRequest`` comes first."""

    callee: str
    call_id: str
    cseq: int


class SipMedia(Event):
    """A session description, in the offer or in the answer. ``address``: of its origin as written; ``media``: types and
    ports (``audio 30000``).
    """

    call_id: str
    address: str
    media: tuple[str, ...]


class Sip(Dissector):
    """Retransmissions are dropped for five seconds, in which most of them occur."""

    interest = Interest(udp=(5060, 5061), tcp=(5060, 5061), starts=STARTS, stream=True, repeats_s=5)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload.lstrip(KEEP_ALIVE)
        # Phones also keep the port open with STUN (RFC 5626, 3.5.2); tunnels and games use it as well.
        if not data[:1].isalpha():
            return iter(())
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if not packet.truncated:
                raise Malformed("headers without an end")
            end = data.rfind(b"\r\n")  # the last line may be truncated
        if end <= 0:
            return iter(())
        parsed, length, body = _read(packet, data[:end])
        if body:
            parsed += _media(packet, data[end + 4 : end + 4 + (length or sdp.LIMIT)], body)
        return iter(parsed)

    def stream(self, packet: Packet) -> Stream:
        return SipStream()


class SipStream(Stream):
    """Messages of one TCP connection, each direction separately."""

    def __init__(self) -> None:
        self._client, self._server = _Direction(), _Direction()

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if data.startswith(EVENTING):
            self.done = True
            return iter(())
        return (self._client if from_client else self._server).feed(packet, data)

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        (self._client if from_client else self._server).gap(missing)
        return iter(())


class _Body(NamedTuple):
    """A pending session description, and whether it is the sender's own."""

    call_id: str
    own: bool


class _Direction:
    """One direction: stores at most one head or session description, and the number of body bytes to skip."""

    __slots__ = ("_body", "_kept", "_lost", "_searched", "_silent", "_skip")

    def __init__(self) -> None:
        self._kept, self._skip, self._searched = bytearray(), 0, 0
        self._body: _Body | None = None
        self._lost = self._silent = False

    def feed(self, packet: Packet, data: bytes) -> Iterator[Parsed]:
        """Parse the messages whose headers these bytes complete. After a gap, parsing resumes at a segment that begins
        with a message.
        """
        if self._silent or (self._lost and not _begins(data)):
            return
        self._lost = False
        kept = self._kept
        kept += data
        while kept:
            if self._body:
                if len(kept) < self._skip:
                    return
                yield from _media(packet, bytes(kept[: self._skip]), self._body)
                self._body = None
            elif self._skip:
                skipped = min(self._skip, len(kept))
                self._skip -= skipped
                del kept[:skipped]
            elif kept[0] in KEEP_ALIVE:
                del kept[: len(kept) - len(kept.lstrip(KEEP_ALIVE))]
            elif kept[0] == TLS_HANDSHAKE:
                self._silent = True
                kept.clear()
            else:
                end = kept.find(b"\r\n\r\n", max(self._searched - 3, 0))
                if end < 0:
                    self._searched = len(kept)
                    _check_start(kept)
                    return
                if end > HEAD_LIMIT:
                    raise Malformed("headers too long")
                head = bytes(kept[:end])
                del kept[: end + 4]
                self._searched = 0
                parsed, self._skip, body = _read(packet, head)
                self._body = body if 0 < self._skip <= sdp.LIMIT else None
                yield from parsed

    def gap(self, missing: int) -> None:
        """Discard the partial message; a gap inside a body is part of it."""
        if self._body:
            self._body = None
            self._skip -= len(self._kept)
            self._kept.clear()
        if self._kept or missing > self._skip:
            self._kept.clear()
            self._searched = self._skip = 0
            self._lost = True
        else:
            self._skip -= missing


def _begins(data: bytes) -> bool:
    """Whether a message begins with these bytes."""
    return data.startswith(VERSION) or data.partition(b"\r\n")[0].endswith(VERSION)


def _check_start(kept: bytearray) -> None:
    """Raises Malformed as soon as incomplete data cannot become a message."""
    line_end = kept.find(b"\r\n", 0, LINE_LIMIT + 2)
    if line_end >= 0:
        _start(bytes(kept[:line_end]))
    elif len(kept) > LINE_LIMIT or not 65 <= kept[0] <= 90:
        raise Malformed("no start line")
    if len(kept) > HEAD_LIMIT + 3:
        raise Malformed("headers too long")


def _start(line: bytes) -> tuple[bytes, bytes, int]:
    """(method, address, 0) of a request line, (b"", reason, status) of a status line (RFC 3261, 7.1 and 7.2)."""
    if line.startswith(VERSION):
        status, _, reason = line[len(VERSION) + 1 :].partition(b" ")
        if len(status) == 3 and status.isdigit() and 100 <= int(status) < 700:
            return b"", reason, int(status)
    else:
        method, _, rest = line.partition(b" ")
        uri, space, version = rest.rpartition(b" ")
        if space and uri and version == VERSION and method.isupper() and method.isalpha() and len(method) <= 32:
            return method, uri, 0
    raise Malformed("no start line")


def _headers(lines: list[bytes]) -> tuple[dict[str, bytes], int, list[bytes]]:
    """(first value of each known header, number of Via entries, X- and P- lines that identify a device)."""
    values: dict[str, bytes] = {}
    vias = 0
    named: list[bytes] = []
    last = ""  # header that a folded line continues
    for line in lines:
        name, colon, value = line.partition(b":")
        key = HEADERS.get(name)
        if key is None:
            if line[0] in FOLD:
                vias += line.count(b",") if last == "via" else 0
                if last in values:
                    values[last] = (values[last] + b" " + line.lstrip())[:LINE_LIMIT]
                continue
            if not colon:
                raise Malformed("header without a colon")
            name = name.lower().rstrip()  # blanks before the colon are allowed
            key = HEADERS.get(name)
            if key is None:
                last = ""
                if _names_device(name) and len(named) < DEVICE_HEADERS_LIMIT:
                    named.append(line)
                continue
        last = key
        if key == "via":
            vias += 1 + value.count(b",")
        elif not key or key in values:
            last = ""
        else:
            values[key] = value
    return values, vias, named


def _read(packet: Packet, head: bytes) -> tuple[list[Parsed], int, _Body | None]:
    """Parse a message: the events, the length of its body in bytes, and the context that the body needs if it is a
    session description.
    """
    method, rest, status, lines = _head_lines(head)
    values, vias, named = _headers(lines)
    get = values.get
    number, _, of = get("cseq", b"").lstrip().partition(b" ")
    cseq = int(number[:10]) if number.isdigit() else 0
    caller, callee = address_in(get("from", b"")), address_in(get("to", b""))
    call_id = clean(get("call-id", b""), NAME_LIMIT)
    agent = _program(values["agent"]) if "agent" in values else ""
    server = _program(values["server"]) if "server" in values else ""
    has_auth = "auth" in values
    event: SipRequest | SipResponse
    if method and packet.truncated and "to" not in values:  # the address in the start line usually equals that of To
        callee = address_in(rest)
    if method:
        program, basic = agent or server, get("auth", b"").lstrip()[:6].lower() == b"basic "  # RFC 2543, 14
        event = SipRequest(
            packet, method.decode("ascii"), clean(rest), caller, callee, call_id, cseq, program, has_auth, basic
        )
        own = vias <= 1
    else:
        program, reason = server or agent, clean(rest, NAME_LIMIT)
        event = SipResponse(packet, status, reason, clean(of, 32), caller, callee, call_id, cseq, program, has_auth)
        if event.challenge:
            _challenge(event, values["auth"])
        own = of.strip() == b"REGISTER" or "contact" not in values or names_sender(packet, values["contact"])
    parsed: list[Parsed] = [event]
    if method == b"REGISTER" and get("contact", b"").strip() == EVERY_CONTACT:
        parsed.append(SipUnregistration(packet, callee, call_id, cseq))
    if own and (agent or server or named or "event" in values):
        subscribed = get("event", b"") if method == b"SUBSCRIBE" else b""
        parsed += sender_facts(packet, agent, server, subscribed, named)
    if own and method == b"REGISTER":
        parsed += registration_facts(packet, get("contact", b""), get("reason", b""))
    body = _Body(call_id, own) if get("type", b"").lstrip()[: len(SDP)].lower() == SDP else None
    return parsed, _length(values["length"]) if "length" in values else 0, body


def _head_lines(head: bytes) -> tuple[bytes, bytes, int, list[bytes]]:
    """The start line in its three parts, as in ``_start``, and the header lines."""
    lines = head.split(b"\r\n", HEADERS_LIMIT + 1)
    if len(lines) > HEADERS_LIMIT + 1:
        raise Malformed("too many headers")
    if len(head) > LINE_LIMIT and len(max(lines, key=len)) > LINE_LIMIT:
        raise Malformed("line too long")
    return *_start(lines[0]), lines[1:]


def _challenge(event: SipResponse, raw: bytes) -> None:
    """Copy the fields of a challenge to the event."""
    scheme, _, rest = raw.strip().partition(b" ")
    found = {
        each[1].lower(): each[2] or each[3] or b""
        for each in itertools.islice(_PARAMETER.finditer(rest), PARAMETERS_LIMIT)
    }
    event.scheme, event.qop = clean(scheme.lower(), 32), bool(found.get(b"qop"))
    event.stale = found.get(b"stale", b"").lower() == b"true"
    event.realm, event.algorithm, event.nonce = (
        clean(found.get(name, b""), NAME_LIMIT) for name in (b"realm", b"algorithm", b"nonce")
    )


def _media(packet: Packet, raw: bytes, body: _Body) -> list[Parsed]:
    """A session description. Its names are the sender's own if the message is, and the origin is the sender's address
    or a name.
    """
    found = sdp.read(raw)
    if found is None:
        return []
    parsed: list[Parsed] = [SipMedia(packet, body.call_id, found.address, found.media)]
    if body.own and (
        found.address == text(packet.src) or not (found.address.replace(".", "").isdigit() or ":" in found.address)
    ):
        named = (("sip.sdp_user", found.user), ("sip.sdp_session", found.session), ("sip.sdp_tool", found.tool))
        parsed += facts(packet, named)
    return parsed


@functools.lru_cache(maxsize=1024)
def _names_device(name: bytes) -> bool:
    return name == b"mac" or (name[:2] in (b"x-", b"p-") and any(word in name for word in DEVICE_WORDS))


_program = functools.lru_cache(maxsize=1024)(clean)  # a line is at most LINE_LIMIT long


def _length(raw: bytes) -> int:
    """Content-Length in bytes."""
    raw = raw.strip()
    if not raw.isdigit() or len(raw) > 9 or int(raw) > BODY_LIMIT:
        raise Malformed("invalid body length")
    return int(raw)
