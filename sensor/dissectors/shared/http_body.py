"""Bodies of HTTP messages (RFC 9112, 6 and 7): their end, and parts that identify a device or a login.

At most the first 32 KiB are stored, of bodies that may be a page, a form or XML, and short JSON; of all others nothing.
A body is evaluated once: when it is complete, when enough is available, or when the rest is lost.
"""

from __future__ import annotations

import functools
import html
import itertools
import re
import zlib
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

from sensor.core.dissector import Parsed
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.core.words import Words
from sensor.dissectors.shared import xml_tree
from sensor.dissectors.shared.http_message import UNKNOWN, Head
from sensor.dissectors.shared.json_description import JSON_WORDS, describe_json
from sensor.dissectors.shared.json_values import read_object
from sensor.dissectors.shared.upnp import describe

KEPT_LIMIT = 32768
TITLE_LIMIT = 512
PE_AT = 0x3C  # offset of the pointer to the PE header in a Windows program
ELF = (b"\1\1\1", b"\1\2\1", b"\2\1\1", b"\2\2\1")  # class, byte order, version
FIELDS_LIMIT = 32
FIELD_NAME_LIMIT = 64
CHUNK_LINE_LIMIT = 256
CHUNK_DIGITS = 8
FORMS = ("application/x-www-form-urlencoded", "application/json", "text/json")
XML = ("text/xml", "application/xml")
JSON, JSON_LIMIT = "application/json", 2048  # device descriptions are short, and have a length
PAGES = ("text/html", "application/xhtml")
TITLE_END = b"</title>"
# Every device description has one of these words, in any case; most other XML has none (upnp.py).
DESCRIPTION_WORDS = Words(b"device", b"metadata")
UTF_16 = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")
_TITLE = lazy_pattern(rb"<title[^<>]{0,200}>([^<]{1,2048})</title", re.IGNORECASE)
_FORM_FIELD = lazy_pattern(rb"(?:^|&)([^=&]{1,64})=([^&]{0,256})")
_JSON_FIELD = lazy_pattern(rb'"([^"\\]{1,64})"\s{0,8}:(?:\s{0,8}"([^"\\]{0,256})")?')
# A login to WordPress over XML-RPC, of which one request may have hundreds (system.multicall): method, user, password.
_BLOG_LOGIN = lazy_pattern(
    rb"wp\.getUsersBlogs\s{0,8}<.{1,400}?<value>\s{0,8}(?:<string>)?([^<>]{1,128}?)(?:</string>)?\s{0,8}</value>"
    rb".{0,80}?<value>\s{0,8}(?:<string>)?([^<>]{1,256}?)(?:</string>)?\s{0,8}</value>",
    re.DOTALL,
)
_USER = lazy_pattern(r"user|usr|login|account|email|^name$|^uid$", re.IGNORECASE)
_PASSWORD = lazy_pattern(r"pass|pwd|psw|^pw$|^pin$|secret", re.IGNORECASE)
# A form with a field for a password contains one of these words, in any case.
PASSWORD_WORDS = Words(b"pass", b"pw", b"psw", b"pin", b"secret")

Page = Callable[[Packet, str, str], Iterator[Parsed]]  # title, and type of program; either may be empty
Described = Callable[[Packet, str, tuple[tuple[str, str], ...]], Iterator[Parsed]]
Login = Callable[[Packet, tuple[str, ...], str, bytes], Event]
Upload = Callable[[Packet, bytes], Iterator[Event]]
Reading = Callable[[Packet, bytes], Iterator[Parsed]]


class Body:
    """A body in progress. ``done``: it ended. ``open_ended``: it has no length, so only the end of the connection ends
    it.
    """

    __slots__ = ("_chunk", "_chunked", "_encoded", "_held", "_left", "_packet", "_reading", "_sought", "done")

    def __init__(self, packet: Packet, length: int, chunked: bool, encoded: bool, reading: Reading | None) -> None:
        """``length``: in bytes, -1 if unknown. ``reading``: handler of its beginning."""
        self._left, self._chunked, self._encoded, self._reading = length, chunked, encoded, reading
        self._packet: Packet | None = packet  # as long as the body is parsed
        self._held = bytearray()
        self._chunk = 0  # bytes left of the chunk, including its line end; -1 after the last one
        self._sought = 0
        self.done = False

    @property
    def open_ended(self) -> bool:
        return self._left < 0 and not self._chunked

    @property
    def wanted(self) -> bool:
        """Whether its content is parsed."""
        return self._reading is not None

    def covers(self, missing: int) -> bool:
        """Whether ``missing`` bytes are all inside of this body, and its end is still known."""
        return not self._chunked and 0 <= missing <= self._left

    def take(self, packet: Packet, data: bytearray) -> Iterator[Parsed]:
        """Remove this body's bytes from the beginning of ``data``."""
        if self._reading is not None:
            self._packet = packet
        if self._chunked:
            self._take_chunks(data)
        else:
            size = len(data) if self._left < 0 else min(self._left, len(data))
            self._keep(data[:size])
            del data[:size]
            if self._left >= 0:
                self._left -= size
                self.done = not self._left
        if self.done or len(self._held) >= KEPT_LIMIT or self._enough():
            yield from self.ended()

    def missed(self, missing: int) -> Iterator[Parsed]:
        """Bytes are lost: evaluate the available part."""
        yield from self.ended()
        if not self._chunked and self._left >= 0:
            self._left = max(self._left - missing, 0)
            self.done = not self._left
        elif self._chunked:
            self._chunked, self._left = False, -1

    def ended(self) -> Iterator[Parsed]:
        """Evaluate the available part, once."""
        reading, packet = self._reading, self._packet
        self._reading = self._packet = None
        if reading is not None and packet is not None and self._held:
            held = bytes(self._held[:KEPT_LIMIT])
            self._held.clear()
            yield from reading(packet, decoded(held) if self._encoded else held)

    def _enough(self) -> bool:
        """Whether a title is available: pages are long, and often incomplete."""
        if self._reading is None or self._encoded:
            return False
        since, self._sought = max(self._sought - len(TITLE_END), 0), len(self._held)
        return TITLE_END in self._held[since:].lower()

    def _keep(self, data: bytes | bytearray) -> None:
        if self._reading is not None and len(self._held) < KEPT_LIMIT:
            self._held += data[: KEPT_LIMIT - len(self._held)]

    def _take_chunks(self, data: bytearray) -> None:
        """Chunks (RFC 9112, 7.1); data after the last one is skipped."""
        while data:
            if self._chunk > 0:
                size = min(self._chunk, len(data))
                self._keep(data[: max(min(size, self._chunk - 2), 0)])
                self._chunk -= size
                del data[:size]
                continue
            end = data.find(b"\n", 0, CHUNK_LINE_LIMIT)
            if end < 0:
                if len(data) >= CHUNK_LINE_LIMIT:
                    raise Malformed("no chunk size")
                return
            line = bytes(data[:end]).strip()
            del data[: end + 1]
            if self._chunk < 0:  # trailer fields, up to an empty line
                self.done = not line
                if self.done:
                    return
                continue
            digits = line.partition(b";")[0].strip()
            if not 0 < len(digits) <= CHUNK_DIGITS or any(digit not in b"0123456789abcdefABCDEF" for digit in digits):
                raise Malformed("no chunk size")
            self._chunk = int(digits, 16) + 2 if int(digits, 16) else -1


def of(
    head: Head,
    packet: Packet,
    *,
    page: Page | None = None,
    description: Described | None = None,
    login: Login | None = None,
    upload: Upload | None = None,
) -> Body:
    """The body that follows a head, and what to extract from it: a page title, a device description, the fields of a
    login, the shape of an upload.
    """
    fields = head.fields
    media_type = media_type_of(fields)
    chunked = b"chunked" in fields.get(b"transfer-encoding", b"").lower()
    encoding = fields.get(b"content-encoding", b"").lower()
    length = head.length if not chunked else UNKNOWN
    reading: Reading | None = None
    if login is not None and upload is not None:
        reading = sent(media_type, login, upload)
    elif page is not None and media_type.startswith(PAGES):
        reading = title(page)
    elif description is not None and (
        "xml" in media_type
        or media_type in ("", "text/plain", "application/octet-stream")
        or (media_type == JSON and 0 <= length <= JSON_LIMIT and encoding in (b"", b"identity"))
    ):
        reading = xml_facts(description)
    if encoding not in (b"", b"identity", b"gzip", b"x-gzip", b"deflate"):
        reading = None
    return Body(packet, length, chunked, encoding not in (b"", b"identity"), reading)


def media_type_of(fields: dict[bytes, bytes]) -> str:
    """``text/html`` of ``Text/HTML; charset=utf-8``, as it is there."""
    return fields.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("ascii", "replace")


def program_in(body: bytes) -> str:
    """Type of the program that the bytes begin: ``windows`` (PE format), ``elf`` (System V ABI, chapter 4); otherwise
    empty.
    """
    if body[:2] == b"MZ" and len(body) >= PE_AT + 4:
        at = int.from_bytes(body[PE_AT : PE_AT + 4], "little")
        return "windows" if body[at : at + 4] == b"PE\0\0" else ""
    return "elf" if body[:4] == b"\x7fELF" and body[4:7] in ELF else ""


def title(page: Page) -> Reading:
    """The title of a page, or that it is a program."""

    def read(packet: Packet, body: bytes) -> Iterator[Parsed]:
        found = _TITLE.search(body)
        name = _title_text(found[1]) if found else ""
        program = program_in(body)
        if name or program:
            yield from page(packet, name, program)

    return read


@functools.lru_cache(maxsize=512)
def _title_text(raw: bytes) -> str:
    """Servers send the same pages again and again."""
    return clean(" ".join(html.unescape(raw.decode("utf-8", "replace")).split()), TITLE_LIMIT)


def xml_facts(description: Described) -> Reading:
    """A body without valid XML or JSON is not an error: the head was valid."""

    def read(packet: Packet, body: bytes) -> Iterator[Parsed]:
        if not _may_describe(body):
            return
        try:
            found = describe_json(read_object(body)) if body[:1] == b"{" else describe(xml_tree.read(body))
        except Malformed:
            return
        if found is not None:
            yield from description(packet, found.standard, found.facts)

    return read


def _may_describe(body: bytes) -> bool:
    """Whether a body may be a device description. Only then is it parsed."""
    if body[:1] == b"{":
        return JSON_WORDS.any_in(body)
    if body.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] not in b"<\xff\xfe" or not body.strip():
        return False
    return body.startswith(UTF_16) or DESCRIPTION_WORDS.any_in(body)


def sent(media_type: str, login: Login, upload: Upload) -> Reading:
    """The shape of the content, and the fields of a login if it is a form."""
    form = _form(login) if media_type.startswith(FORMS) else _blog_login(login) if media_type.startswith(XML) else None

    def read(packet: Packet, body: bytes) -> Iterator[Parsed]:
        yield from upload(packet, body)
        if form is not None:
            yield from form(packet, body)

    return read


def _form(login: Login) -> Reading:
    def read(packet: Packet, body: bytes) -> Iterator[Parsed]:
        if not PASSWORD_WORDS.any_in(body):
            return
        json = body[:1] in b"{["
        found = (_JSON_FIELD if json else _FORM_FIELD).finditer(body)
        sent = [field.groups(b"") for field in itertools.islice(found, FIELDS_LIMIT)]
        fields = {name: value for raw, value in reversed(sent) if (name := clean(raw, FIELD_NAME_LIMIT))}
        names = tuple(dict.fromkeys(name for raw, _ in sent if (name := clean(raw, FIELD_NAME_LIMIT))))
        password = next((name for name in names if _PASSWORD.search(name)), None)
        if password is not None:
            user = next((name for name in names if _USER.search(name) and not _PASSWORD.search(name)), "")
            who, secret = fields.get(user, b""), fields[password]
            if not json:
                who, secret = _plain(who), _plain(secret)
            yield login(packet, names, clean(who, FIELD_NAME_LIMIT), secret)

    return read


def _blog_login(login: Login) -> Reading:
    def read(packet: Packet, body: bytes) -> Iterator[Parsed]:
        if b"wp.getUsersBlogs" not in body:
            return
        for found in itertools.islice(_BLOG_LOGIN.finditer(body), FIELDS_LIMIT):
            user, password = (html.unescape(text.decode("utf-8", "replace")) for text in found.groups())
            yield login(packet, ("username", "password"), clean(user, FIELD_NAME_LIMIT), password.encode())

    return read


def _plain(value: bytes) -> bytes:
    """An unescaped value of a form."""
    return unquote_to_bytes(value.replace(b"+", b" "))


def decoded(body: bytes) -> bytes:
    """The beginning of a compressed body, as far as it can be decompressed; at most KEPT_LIMIT."""
    for bits in (47, -15):  # gzip or zlib by its header; raw deflate, which some servers send
        try:
            return zlib.decompressobj(bits).decompress(body, KEPT_LIMIT)
        except zlib.error:
            continue
    return b""
