"""RTSP over TCP (RFC 2326, RFC 7826): clients and their streams, and the identity of cameras, recorders and players.

Reads requests and responses with the headers named below, and the name, tool and clock of a session description (RFC
8866, RFC 7273). Ignores interleaved media (RFC 2326, 10.12), HTTP tunnels and the content of TLS. The presence of
credentials is reported, with the user name; they are removed from URLs. A Server header belongs to the sender unless a
Via header reveals a proxy. A recorder that plays streams of other devices answers for itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared import sdp
from sensor.dissectors.shared.http_credentials import credentials, is_stale
from sensor.dissectors.shared.http_message import masked
from sensor.dissectors.shared.sender_facts import facts

VERSIONS = (b"RTSP/1.0", b"RTSP/2.0")
ANSWERS = (b"RTSP/", b"HTTP/")  # how servers begin
# OPTIONS, GET and POST are excluded: SIP and HTTP begin with the same eight bytes. The response begins with the
# version.
STARTS = (b"RTSP/1.0", b"RTSP/2.0", b"DESCRIBE", b"ANNOUNCE", b"SETUP rt", b"PLAY rts", b"RECORD r", b"TEARDOWN")
INTERLEAVED = 0x24  # "$", a channel and a length (RFC 2326, 10.12)
HEAD_LIMIT = 16384
HEADERS_LIMIT = 64
BODY_LIMIT = 65536
NAME_LIMIT = 255
TLS_HANDSHAKE = 0x16
CRLF = b"\r\n"
END = b"\r\n\r\n"
_REALM = lazy_pattern(rb"""\brealm\s{0,4}=\s{0,4}"([^"]{0,255})""", re.IGNORECASE)


class RtspRequest(Event):
    """``uri``: without credentials; ``credentials``: their scheme in lower case, empty without any; ``user``: if in
    cleartext; ``seal`` and ``password_seal``: of user and password, and of the password alone, for Basic.
    """

    method: str
    uri: str
    cseq: int
    user_agent: str
    credentials: str
    user: str
    seal: str = ""
    password_seal: str = ""


class RtspResponse(Event):
    """``challenges``: schemes of requested credentials; ``realm``: of the first; ``stale``: only their nonce was old
    (RFC 7616, 3.3).
    """

    status: int
    reason: str
    cseq: int
    server: str
    challenges: tuple[str, ...]
    realm: str
    stale: bool = False


class Rtsp(Dissector):
    """Only the beginning of messages: media is skipped."""

    interest = Interest(tcp=(554, 5554, 8554, 10554), starts=STARTS, stream=True, opening=4)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return RtspStream()


class RtspStream(Stream):
    """One connection, each direction separately: both may send requests."""

    def __init__(self) -> None:
        self._directions = (_Direction(), _Direction())
        self._answered = False

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if data and not (from_client or self._answered):
            self._answered = True
            if data[0] != INTERLEAVED and not any(start.startswith(data[:5]) for start in ANSWERS):
                self._directions[1].gap(1)  # a long-running stream, captured from the middle of its media
        return self._directions[not from_client].feed(packet, data)

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        self._directions[not from_client].gap(missing)
        return iter(())


class _Direction:
    """One direction: stores at most one message."""

    __slots__ = ("_kept", "_lost", "_searched", "_silent", "_skip")

    def __init__(self) -> None:
        self._kept, self._skip, self._searched = bytearray(), 0, 0
        self._lost = self._silent = False

    def feed(self, packet: Packet, data: bytes) -> Iterator[Parsed]:
        """Parse the messages that these bytes complete. After a gap, parsing resumes at a segment that begins with a
        message.
        """
        if self._silent or (self._lost and not _begins(data)):
            return
        self._lost = False
        kept = self._kept
        kept += data
        while kept and not self._silent:
            if self._skip:
                skipped = min(self._skip, len(kept))
                self._skip -= skipped
                del kept[:skipped]
            elif kept[0] == INTERLEAVED:
                if len(kept) < 4:
                    return
                self._skip = 4 + int.from_bytes(kept[2:4], "big")
            elif kept[0] in CRLF:
                del kept[: len(kept) - len(kept.lstrip(CRLF))]
            elif kept[0] == TLS_HANDSHAKE:
                self._silent = True
            else:
                parsed = self._message(packet)
                if parsed is None:
                    return
                yield from parsed

    def _message(self, packet: Packet) -> list[Parsed] | None:
        """The message at the beginning of the buffer, with its description; None if it is incomplete."""
        kept = self._kept
        end = kept.find(END, max(self._searched - 3, 0))
        if end < 0:
            self._searched = len(kept)
            _check_start(kept)
            return None
        if end > HEAD_LIMIT:
            raise Malformed("headers too long")
        self._searched = end
        lines = bytes(kept[:end]).split(CRLF)
        start = _start(lines[0])
        fields = _fields(lines[1:])
        size = _length(fields.get(b"content-length", b"0"))
        wanted = size if b"sdp" in fields.get(b"content-type", b"").lower() else 0
        if len(kept) < end + 4 + wanted:
            return None
        body = bytes(kept[end + 4 : end + 4 + wanted])
        del kept[: end + 4 + wanted]
        self._skip, self._searched = size - wanted, 0
        if start is None:  # a tunnel through HTTP, or a player with both protocols
            self._silent = True
            return []
        return _parsed(packet, start, fields, body)

    def gap(self, missing: int) -> None:
        """Discard the partial message; a gap inside media is part of it."""
        if self._kept or missing > self._skip:
            self._kept.clear()
            self._searched = self._skip = 0
            self._lost = True
        else:
            self._skip -= missing


def _begins(data: bytes) -> bool:
    return data.startswith(VERSIONS) or data.partition(CRLF)[0].endswith(VERSIONS)


def _check_start(kept: bytearray) -> None:
    """Raises Malformed as soon as incomplete data cannot become a message."""
    line_end = kept.find(CRLF, 0, HEAD_LIMIT)
    if line_end >= 0:
        _start(bytes(kept[:line_end]))
    elif not 65 <= kept[0] <= 90 or len(kept) > 4096:
        raise Malformed("no start line")
    if len(kept) > HEAD_LIMIT + 3:
        raise Malformed("headers too long")


def _start(line: bytes) -> tuple[bytes, bytes, int] | None:
    """(method, address, 0) of a request line, (b"", reason, status) of a status line; None for HTTP."""
    if line.startswith(VERSIONS):
        status, _, reason = line[9:].partition(b" ")
        if len(status) == 3 and status.isdigit() and status >= b"100":
            return b"", reason, int(status)
    else:
        method, _, rest = line.partition(b" ")
        uri, space, version = rest.rpartition(b" ")
        if version.startswith(b"HTTP/1.") or line.startswith(b"HTTP/1."):
            return None
        if (
            space
            and uri
            and version in VERSIONS
            and method.replace(b"_", b"").isalpha()
            and method.isupper()
            and len(method) <= 32
        ):
            return method, uri, 0
    raise Malformed("no start line")


def _fields(lines: list[bytes]) -> dict[bytes, bytes]:
    """First value of each field, by its name in lower case; challenges are joined. No value begins with a colon: Hydra
    sends a second one before credentials.
    """
    if len(lines) > HEADERS_LIMIT:
        raise Malformed("too many headers")
    fields: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon:  # some devices send lines that are not fields: they are skipped
            continue
        name = name.strip().lower()
        if name not in fields:
            fields[name] = value.lstrip(b": \t").rstrip()
        elif name == b"www-authenticate":
            fields[name] += b"\n" + value.strip()
    return fields


def _length(raw: bytes) -> int:
    if not raw.isdigit() or len(raw) > 9 or int(raw) > BODY_LIMIT:
        raise Malformed("invalid body length")
    return int(raw)


def _parsed(packet: Packet, start: tuple[bytes, bytes, int], fields: dict[bytes, bytes], body: bytes) -> list[Parsed]:
    """The event of a message, and the facts about its sender."""
    method, rest, status = start
    number = fields.get(b"cseq", b"")
    cseq = int(number) if number.isdigit() and len(number) < 10 else 0
    agent, server = clean(fields.get(b"user-agent", b""), NAME_LIMIT), clean(fields.get(b"server", b""), NAME_LIMIT)
    challenge, proof = fields.get(b"www-authenticate", b""), fields.get(b"authorization", b"")
    realm = clean(requested[1]) if (requested := _REALM.search(challenge)) else ""
    pairs: list[tuple[str, str]] = []
    if method:
        found = credentials(proof)
        parsed: list[Parsed] = [
            RtspRequest(
                packet,
                method.decode("ascii"),
                masked(rest),
                cseq,
                agent,
                found.scheme,
                found.user,
                found.seal,
                found.password_seal,
            )
        ]
    else:
        schemes = tuple(dict.fromkeys(_scheme(one) for one in challenge.split(b"\n") if one))
        stale = is_stale(challenge)
        parsed = [RtspResponse(packet, status, clean(rest, NAME_LIMIT), cseq, server, schemes, realm, stale)]
        pairs.append(("rtsp.realm", realm))
    pairs += (("rtsp.user_agent", agent if method else ""), ("rtsp.server", server))
    if body and (described := sdp.read(body)) is not None:
        pairs += (("rtsp.session", described.session), ("rtsp.tool", described.tool), ("rtsp.clock", described.clock))
    if b"via" not in fields:
        parsed += facts(packet, pairs)
    return parsed


def _scheme(raw: bytes) -> str:
    return clean(raw.partition(b" ")[0], 32).lower()
