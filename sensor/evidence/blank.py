"""Masks passwords in frames before they are written: evidence is shared, and its readers do not need the secret to
understand the attack.

Text commands on any port: PASS (FTP, POP3), AUTH and AUTHENTICATE (SMTP, IMAP, POP3), LOGIN (IMAP), Authorization:
Basic and Bearer (HTTP, RTSP, SIP), password fields of forms and of XML, AUTH of Redis. By port: what a client types in
Telnet and rlogin, lone base64 lines of mail logins, SNMP communities, LDAP simple binds, MQTT, AMQP, MongoDB,
PostgreSQL, TDS and OPC UA logins. Digests and challenges are kept: they show an attack without the password. A secret
that is split over several segments is masked in all of them. Lengths are preserved; checksums are not recomputed.
Encrypted or compressed content is left unchanged.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from sensor.core.batch import ROW
from sensor.core.bounded import Bounded
from sensor.core.ip_protocols import TCP, UDP
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.literals import may_match, needed_texts
from sensor.decode.frames import decode
from sensor.evidence.ring import Frame

BLANK = ord("x")
TYPED_PORTS = frozenset((23, 107, 512, 513, 514, 992, 2323))
MAIL_PORTS = frozenset((25, 110, 143, 465, 587, 993, 995, 2525))
# Bytes kept of an unfinished line, for the segment that ends it.
TAIL_LIMIT = 256
CONVERSATIONS_LIMIT = 256
IAC, SB, SE = 0xFF, 0xFA, 0xF0

Span = tuple[int, int]

# The name of a password field, also in brackets: `user[password]`.
_FIELD = rb"(?:^|[?&\s\"'{,;\[]|%5B)(?:[a-z_]{0,16}(?:password|passwd)|pwd|passwort|psw)(?:\]|%5D)?[\"']?"
# Group 1 is the secret.
_TEXT = (
    rb"^PASS[ \t]+([^\r\n]+)",
    rb"^(?:[^\s:]{1,32}[ \t]+)?AUTH(?:ENTICATE)?[ \t]+[A-Z0-9-]{1,20}[ \t]+([^\r\n]+)",
    rb"^[^\s:]{1,32}[ \t]+LOGIN[ \t]+(?:\"[^\"\r\n]*\"|[^\s\"]+)[ \t]+([^\r\n]+)",
    rb"^(?:proxy-)?authorization:[ \t]*(?:basic|bearer)[ \t]+([^\r\n]+)",
    _FIELD + rb"[ \t]{0,4}[=:][ \t]{0,4}[\"']?([^&\s\"'<>,;]+)",
    _FIELD + rb"[ \t]{0,4}[=:][ \t]{0,4}\"((?:[^\"\\\r\n]|\\.)+)",
    rb"\bform-data;[^\r\n]{0,64}?" + _FIELD + rb"[^\r\n]{0,64}\r\n(?:[^\r\n]{1,200}\r\n){0,4}\r\n([^\r\n]+)",
    rb"<(?:\w{1,16}:)?(?:password|passwd)\b[^>]{0,256}>([^<]+)",
    rb"\bAUTH\r\n(?:\$\d{1,5}\r\n[^\r\n]*\r\n)?\$\d{1,5}\r\n([^\r\n]+)",
    rb"^AUTH[ \t]+([^\s]+)\r?\n",
)
_LONE_BASE64 = lazy_pattern(rb"\A([A-Za-z0-9+/]{4,}={0,2})\r?\n\Z")
# SNMP versions 1 and 2c (RFC 1157, 4): a sequence, the version, the community.
_SNMP = lazy_pattern(rb"\A\x30(?:[\x00-\x7f]|\x81.|\x82..)\x02\x01[\x00\x01]\x04([\x00-\x7f])", re.DOTALL)
# LDAP bind (RFC 4511, 4.2): message id, [APPLICATION 0], version, name, then [0] for a simple bind.
_LDAP = lazy_pattern(
    (
        rb"\x02[\x01-\x04].{1,4}?\x60(?:[\x00-\x7f]|\x81.|\x82..|"
        rb"\x84....)\x02\x01[\x02\x03]\x04([\x00-\x7f]|\x81.|\x82..|\x84....)"
    ),
    re.DOTALL,
)
_AMQP = lazy_pattern(rb"\x05PLAIN(.{4})|\x08PASSWORDS(.{4})", re.DOTALL)
# A user name token of OPC UA (IEC 62541-4, 7.41.4): number of its encoding, form, size; then texts behind their sizes.
_OPCUA = lazy_pattern(rb"\x01\0\x44\x01\x01.{4}", re.DOTALL)
# Set in the version by brokers that connect to another broker.
_MQTT_BRIDGE = 0x80
_MONGODB = lazy_pattern(rb"\x05payload\0(.{4})\0(?=\0)", re.DOTALL)


class Blanker:
    """Masks the frames of one file, in order of time; remembers unfinished lines."""

    def __init__(self) -> None:
        self._tails: Bounded[tuple[int, ...], bytes] = Bounded(CONVERSATIONS_LIMIT)

    def blank(self, frames: Sequence[Frame]) -> list[tuple[bytes, bool]]:
        """The bytes of each frame, and whether any were masked."""
        rows = np.zeros(len(frames), ROW)
        sizes = np.array([len(frame.data) for frame in frames], np.int64)
        rows["frame"], rows["caplen"] = np.cumsum(sizes) - sizes, sizes
        rows["wirelen"], rows["link"] = [frame.size for frame in frames], [frame.link for frame in frames]
        data = bytearray(b"".join(frame.data for frame in frames))
        decode(np.frombuffer(bytes(data) or b"\0", np.uint8), rows)
        names = (
            "frame",
            "payload",
            "payload_len",
            "proto",
            "ip_version",
            "src_hi",
            "src_lo",
            "dst_hi",
            "dst_lo",
            "sport",
            "dport",
        )
        blanked = []
        for start, payload, size, proto, version, *ends in zip(*(rows[name].tolist() for name in names), strict=True):
            first = start + payload
            spans = list(self._spans(bytes(data[first : first + size]), proto, tuple(ends))) if version and size else []
            for begin, end in spans:
                data[first + begin : first + end] = bytes((BLANK,)) * (end - begin)
            blanked.append(bool(spans))
        return [
            (bytes(data[int(row["frame"]) : int(row["frame"]) + int(row["caplen"])]), was)
            for row, was in zip(rows, blanked, strict=True)
        ]

    def _spans(self, payload: bytes, proto: int, ends: tuple[int, ...]) -> Iterator[Span]:
        """(first byte, byte after the last) of each secret."""
        sport, dport = ends[-2:]
        if proto == TCP:
            yield from self._of_lines(payload, ends)
            for port, find in _BY_PORT:
                if dport in port:
                    yield from find(payload)
        elif proto == UDP:
            yield from _in_text(payload, 0)
            if {sport, dport} & {161, 162} or payload[:1] == b"\x30":
                yield from _snmp(payload)

    def _of_lines(self, payload: bytes, ends: tuple[int, ...]) -> Iterator[Span]:
        """Secrets in text, which may have begun in an earlier segment."""
        tail = self._tails.get(ends) or b""
        yield from _in_text(tail + payload, len(tail))
        line = (tail + payload)[(tail + payload).rfind(b"\n") + 1 :][:TAIL_LIMIT]
        if line:
            self._tails.put(ends, line)
        elif tail:
            self._tails.pop(ends)


def _in_text(text: bytes, known: int) -> Iterator[Span]:
    """Matches of TEXT, relative to byte ``known``."""
    lowered = text.lower()
    for needed, pattern in _patterns_of_text():
        for found in pattern.finditer(text) if may_match(lowered, needed) else ():
            if found.end(1) > known:
                yield max(found.start(1) - known, 0), found.end(1) - known


@functools.cache
def _patterns_of_text() -> list[tuple[tuple[bytes, ...], re.Pattern[bytes]]]:
    """The patterns of TEXT, each with the literals of which its matches contain one."""
    return [
        (tuple(map(str.encode, needed_texts(text.decode()))), lazy_pattern(text, re.IGNORECASE | re.MULTILINE))
        for text in _TEXT
    ]


def _typed(payload: bytes) -> Iterator[Span]:
    """Everything that a client types, without option negotiation (RFC 854)."""
    at, size = 0, len(payload)
    while at < size:
        if payload[at] == IAC:
            command = payload[at + 1] if at + 1 < size else 0
            end = payload.find(bytes((IAC, SE)), at)
            at = (end + 2 if end > 0 else size) if command == SB else at + (3 if 0xFB <= command <= 0xFE else 2)
            continue
        if payload[at] > 0x20:
            yield at, at + 1
        at += 1


def _mail(payload: bytes) -> Iterator[Span]:
    """A single base64 line: the answer to a challenge for a name or a password."""
    found = _LONE_BASE64.match(payload)
    if found:
        yield found.span(1)


def _snmp(payload: bytes) -> Iterator[Span]:
    found = _SNMP.match(payload)
    if found:
        yield found.end(), min(found.end() + found[1][0], len(payload))


def _ldap(payload: bytes) -> Iterator[Span]:
    for found in _LDAP.finditer(payload):
        at = found.end() + _length(found[1])
        size, head = _length(payload[at + 1 : at + 6]), _head(payload[at + 1 : at + 2])
        if payload[at : at + 1] == b"\x80" and size:
            yield at + 1 + head, min(at + 1 + head + size, len(payload))


def _length(text: bytes) -> int:
    """A BER length (X.690, 8.1.3); the bytes after it are ignored."""
    if not text:
        return 0
    return text[0] if text[0] < 0x80 else int.from_bytes(text[1 : 1 + (text[0] & 0x7F)], "big")


def _head(text: bytes) -> int:
    """Number of bytes that encode the length."""
    return 1 if not text or text[0] < 0x80 else 1 + (text[0] & 0x7F)


def _mqtt(payload: bytes) -> Iterator[Span]:
    """The password of CONNECT (MQTT 3.1.1, 3.1; 5.0, 3.1) is its last field. Version 5 has properties before the client
    id and before the will.
    """
    name = payload.find(b"MQ", 2, 10)
    if payload[:1] != b"\x10" or name < 2:
        return
    flags_at = name + int.from_bytes(payload[name - 2 : name], "big") + 1
    if flags_at >= len(payload) or not payload[flags_at] & 0x40:
        return
    flags, properties = payload[flags_at], payload[flags_at - 1] & ~_MQTT_BRIDGE >= 5
    end = _mqtt_counted(payload, 1)
    at = flags_at + 3
    for field in ("client", *(("will", "message") if flags & 0x04 else ()), *(("user",) if flags & 0x80 else ())):
        if properties and field in ("client", "will"):
            at = _mqtt_counted(payload, at)
        at += 2 + int.from_bytes(payload[at : at + 2], "big")
    if at + 2 < end:
        yield at + 2, min(at + 2 + int.from_bytes(payload[at : at + 2], "big"), end)


def _mqtt_counted(payload: bytes, at: int) -> int:
    """End of what follows a length, which is encoded with seven bits per byte."""
    length = 0
    for place in range(at, min(at + 4, len(payload))):
        length |= (payload[place] & 0x7F) << 7 * (place - at)
        if payload[place] < 0x80:
            return min(place + 1 + length, len(payload))
    return len(payload)


def _postgres(payload: bytes) -> Iterator[Span]:
    """PasswordMessage: 'p', its length, the password."""
    if payload[:1] == b"p" and len(payload) > 5:
        yield 5, min(1 + int.from_bytes(payload[1:5], "big"), len(payload))


def _amqp(payload: bytes) -> Iterator[Span]:
    """The response of PLAIN, and the password in the table of AMQPLAIN, each behind its size."""
    for found in _AMQP.finditer(payload):
        end = min(found.end() + int.from_bytes(found[1] or found[2], "big"), len(payload))
        yield from _plain(payload, found.end(), end) if found[1] else [(found.end(), end)]


def _mongodb(payload: bytes) -> Iterator[Span]:
    """The payload of PLAIN, behind its size and subtype; those of other mechanisms are proofs."""
    for found in _MONGODB.finditer(payload):
        yield from _plain(payload, found.end(), min(found.end() + int.from_bytes(found[1], "little"), len(payload)))


def _plain(payload: bytes, start: int, end: int) -> Iterator[Span]:
    """The password in a message of PLAIN (RFC 4616, 2): identity, name and password, with zero bytes between them."""
    name = payload.find(b"\0", start, end) + 1
    password = payload.find(b"\0", name, end) + 1 if name else 0
    if password and password < end:
        yield password, end


def _opcua(payload: bytes) -> Iterator[Span]:
    """The third text of a user name token, behind those of the policy and the user."""
    for found in _OPCUA.finditer(payload):
        at = found.end()
        for _ in range(2):
            at += 4 + max(int.from_bytes(payload[at : at + 4], "little", signed=True), 0)
        end = at + 4 + int.from_bytes(payload[at : at + 4], "little", signed=True)
        if at + 4 < min(end, len(payload)):
            yield at + 4, min(end, len(payload))


def _tds(payload: bytes) -> Iterator[Span]:
    """LOGIN7 (MS-TDS, 2.2.6.4): offset and number of characters of the password are at bytes 44 and 46 of the message,
    after the packet header of eight bytes.
    """
    if payload[:1] != b"\x10" or len(payload) < 56:
        return
    offset, count = (int.from_bytes(payload[at : at + 2], "little") for at in (8 + 44, 8 + 46))
    if count and 8 + offset < len(payload):
        yield 8 + offset, min(8 + offset + 2 * count, len(payload))


_BY_PORT: tuple[tuple[frozenset[int], Callable[[bytes], Iterator[Span]]], ...] = (
    (TYPED_PORTS, _typed),
    (MAIL_PORTS, _mail),
    (frozenset((389, 3268)), _ldap),
    (frozenset((1883,)), _mqtt),
    (frozenset((5672,)), _amqp),
    (frozenset((27017,)), _mongodb),
    (frozenset((5432,)), _postgres),
    (frozenset((1433,)), _tds),
    (frozenset((4840,)), _opcua),
)
